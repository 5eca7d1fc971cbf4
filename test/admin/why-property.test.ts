import { describe, expect, it } from 'vitest';
import { type Explanation, explain } from '../../src/admin/explain.ts';
import { random } from '../engine/kit.ts';
import { meshOf, requestOf } from './meshes.ts';
import { checkAnswer, checkLagging, type Explain } from './why-check.ts';

/** Meshes that are tried: `WHY_MESHES=5000` for a longer look. */
const meshes = Number(process.env.WHY_MESHES ?? 300);
const first = Number(process.env.WHY_FIRST ?? 1);
const seeds = Array.from({ length: meshes }, (_, index) => first + index);
const patience = 60_000 + meshes * 600;

/** Runs a check for each seed and says for which ones it failed, up to five. */
async function each(check: (seed: number) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  for (const seed of seeds) {
    await check(seed).catch(error => failures.push(`seed ${seed}: ${error instanceof Error ? error.message : error}`));
    if (failures.length >= 5) break;
  }
  expect(failures).toEqual([]);
}

it('is what the policy decides at every endpoint, and names what would change it', { timeout: patience }, async () => {
  const outcomes = new Map<string, number>();
  await each(async seed => {
    const raws = meshOf(seed);
    for (const at of [1, 2, 3]) {
      const question = requestOf(seed * 10 + at, raws);
      if (question === undefined) continue;
      const { outcome, steps } = await checkAnswer(explain, raws, question);
      for (const word of new Set([outcome, ...steps.flatMap(({ reason = [] }) => reason)]))
        outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
    }
  });
  if (meshes < 300) return;
  // A property that holds for want of cases says nothing.
  for (const word of ['allowed', 'partly allowed', 'denied', 'unroutable', 'passthrough', ...reasons])
    expect(outcomes.get(word), `answers with ${word}`).toBeGreaterThan(0);
});

const reasons = [
  'no-traffic-target',
  'no-endpoints',
  'no-sidecar',
  'no-pods',
  'not-meshed',
  'namespace-not-in-mesh',
  'unknown-port',
  'ambiguous-port',
  'no-rule-for-principal',
  'no-route-match',
];

it('is what proxies run that lag behind, and what they should run', { timeout: patience }, async () => {
  await each(seed => lagging(explain, seed));
});

async function lagging(asked: Explain, seed: number): Promise<void> {
  const [before, after] = [meshOf(seed), meshOf(seed + 100_000)];
  const question = requestOf(seed, after);
  const next = random(seed);
  if (question !== undefined) await checkLagging(asked, [before, after], () => next() < 0.5, question);
}

/** Seeds of fifty meshes for which a check fails. */
async function failures(check: (seed: number) => Promise<unknown>): Promise<number[]> {
  const failed: number[] = [];
  for (let seed = 1; seed <= 50; seed++) await check(seed).catch(() => failed.push(seed));
  return failed;
}

describe('a planted fault is found', { timeout: 120_000 }, () => {
  const broken: [fault: string, spoil: (answer: Explanation) => Explanation][] = [
    ['only the first endpoint is asked', answer => ({ ...answer, steps: answer.steps.slice(0, 2) })],
    ['endpoints that decide alike are counted once', answer => ofSteps(answer, step => ({ ...step, endpoints: 1 }))],
    ['a guess takes the place of the reason', answer => ofSteps(answer, guessed)],
    ['an object is named that has no part in it', answer => ofSteps(answer, misnamed)],
    ['the objects are not named', answer => ofSteps(answer, step => ({ ...step, origins: [], fix: 'look around' }))],
    ['what is allowed is called so although some endpoint refuses', answer => ({ ...answer, outcome: 'allowed' })],
  ];
  it.each(broken)('%s', async (_, spoil) => {
    const spoilt: Explain = (mesh, question) => spoil(explain(mesh, question));
    const failed = await failures(async seed => {
      const raws = meshOf(seed);
      const question = requestOf(seed, raws);
      if (question !== undefined) await checkAnswer(spoilt, raws, question);
    });
    expect(failed.length).toBeGreaterThan(0);
  });

  it('the newest configuration is asked where another one is in force', async () => {
    const newest: Explain = ({ snapshot }, question) => explain({ snapshot }, question);
    expect((await failures(seed => lagging(newest, seed))).length).toBeGreaterThan(0);
  });
});

type Step = Explanation['steps'][number];

function ofSteps(answer: Explanation, spoil: (step: Step) => Step): Explanation {
  return { ...answer, steps: answer.steps.map(spoil) };
}

function guessed(step: Step): Step {
  const { answer } = step;
  return answer === undefined ? step : { ...step, answer: { ...answer, reason: 'no-traffic-target' } };
}

function misnamed(step: Step): Step {
  const object = { kind: 'ServiceAccount', namespace: 'in', name: 'ann' };
  return { ...step, origins: [{ pointer: '', object, rule: 'is not a source', resourceVersion: '1' }] };
}
