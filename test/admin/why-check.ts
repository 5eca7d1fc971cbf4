/** What must hold of every answer of *why*, whatever the mesh. */
import { expect } from 'vitest';
import type { ExplainedStep, Explanation, Question, Verdict } from '../../src/admin/why/explanation.ts';
import type { MeshView } from '../../src/admin/why/sources.ts';
import type { Raw } from '../engine/kit.ts';
import { changed, without, written } from './changes.ts';
import { snapshotOf } from './meshes.ts';
import { type Ends, type Told, toldOf, walk } from './walk.ts';

/** The function under test. */
export type Explain = (mesh: MeshView, question: Question) => Explanation;

/** What each endpoint says, as *why* tells it. */
export function endsOf({ steps }: Pick<Verdict, 'steps'>): Ends {
  const ends: Record<string, number> = {};
  for (const step of steps) {
    const said = saidIn(step);
    if (said !== undefined) ends[said] = (ends[said] ?? 0) + (step.endpoints ?? 1);
  }
  return Object.fromEntries(Object.entries(ends).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function saidIn({ at, decision, backend, answer }: ExplainedStep): string | undefined {
  if (at === 'client' && (decision === 'forward' || decision === 'skip')) return undefined;
  if (at === 'client' && decision === 'passthrough') return 'client passthrough';
  if (at === 'client') return answer === undefined ? 'client none' : `client ${answer.reason} ${answer.detail}`;
  if (decision === 'forward') return `${backend} forward`;
  const isThere = answer?.reason !== 'upstream-closed' && answer?.reason !== 'upstream-unreachable';
  return `${backend} ${isThere ? answer?.reason : 'none'}`;
}

/** The outcome, and for each end who says what for which reason; what a backend lacks, too, for it is all that is said. */
function verdictOf({ outcome, steps }: Pick<Verdict, 'outcome' | 'steps'>): string {
  const said = steps.map(({ at, decision, reason, backend, endpoints, cause }) =>
    [at, decision, reason, backend, endpoints, reason === 'no-endpoints' ? cause : ''].join(' '),
  );
  return JSON.stringify([outcome, ...said]);
}

/** Reasons that lie in the request: no object would change them. */
const inTheRequest = new Set(['dot-segments', 'path-too-long', 'header-too-long', 'bad-host']);

/** @throws where the answer is not that of the policy, gives no reason, or names what has no part in it */
export async function checkAnswer(explain: Explain, raws: readonly Raw[], question: Question): Promise<Explanation> {
  const answer = explain({ snapshot: snapshotOf(raws) }, question);
  expect(endsOf(answer)).toEqual(walk(await toldOf(raws), raws, question));
  checkOutcome(answer);
  const refusing = answer.steps.filter(({ decision }) => decision === 'refuse' || decision === 'passthrough');
  for (const step of refusing) checkRefusal(explain, raws, question, answer, step);
  if (answer.outcome === 'allowed') checkAllowed(explain, raws, question, answer);
  return answer;
}

function checkOutcome({ outcome, steps }: Explanation): void {
  const forwards = steps.filter(({ at, decision }) => at === 'server' && decision === 'forward').length;
  const ends = steps.filter(step => saidIn(step) !== undefined).length;
  const passed = steps.some(({ decision }) => decision === 'passthrough');
  const expected = passed
    ? 'passthrough'
    : forwards === 0
      ? /denied|unroutable/
      : forwards === ends
        ? 'allowed'
        : 'partly allowed';
  expect(outcome).toMatch(expected);
}

/** Each object that a refusal names is one that changes the answer; where none is named, there is a way to mend it. */
function checkRefusal(
  explain: Explain,
  raws: readonly Raw[],
  question: Question,
  answer: Explanation,
  step: ExplainedStep,
): void {
  const { decision, reason, fix, origins } = step;
  if (decision === 'refuse') expect(reason).toMatch(/^[a-z-]+$/);
  expect(fix, `a fix of ${reason}`).toBeDefined();
  if (inTheRequest.has(reason ?? '')) return;
  for (const named of origins.filter(({ rule }) => isWhyNot(rule))) {
    const label = `${named.object.kind} ${named.object.namespace}/${named.object.name}: ${named.rule}`;
    const mesh = changed(raws, question, named);
    expect(mesh, `a change of ${label}`).toBeDefined();
    expect(verdictOf(explain({ snapshot: snapshotOf(mesh ?? []) }, question)), label).not.toBe(verdictOf(answer));
  }
  checkSome(explain, raws, question, answer, step);
}

/** Not where the parts of a route are named: the service and its splits lead there, and lead elsewhere when they change. */
function isWhyNot(rule: string): boolean {
  return !/^(the service itself|weights of|no split applies|match |mesh-wide)/.test(rule);
}

/** Some object that is named, or the one that the fix says to write. */
function checkSome(
  explain: Explain,
  raws: readonly Raw[],
  question: Question,
  answer: Explanation,
  step: ExplainedStep,
): void {
  const meshes = step.origins.flatMap(named => [changed(raws, question, named), without(raws, named)]);
  const all = [...meshes, written(raws, step.fix ?? '')].filter(mesh => mesh !== undefined);
  const verdicts = all.map(mesh => verdictOf(explain({ snapshot: snapshotOf(mesh) }, question)));
  expect(
    verdicts.some(verdict => verdict !== verdictOf(answer)),
    `something changes ${step.reason}`,
  ).toBe(true);
}

/** The rules that are named suffice, and one that is taken away is not named again. */
function checkAllowed(explain: Explain, raws: readonly Raw[], question: Question, answer: Explanation): void {
  const origins = answer.steps.flatMap(step => step.origins);
  const named = new Set(origins.map(({ object }) => `${object.kind} ${object.namespace}/${object.name}`));
  const enough = raws.filter(
    ({ kind, metadata }) => kind !== 'TrafficTarget' || named.has(`${kind} ${metadata.namespace}/${metadata.name}`),
  );
  expect(explain({ snapshot: snapshotOf(enough) }, question).outcome, 'with the named rules alone').toBe('allowed');
  for (const gone of answer.steps.filter(({ at }) => at === 'server').flatMap(step => step.origins)) {
    const next = explain({ snapshot: snapshotOf(without(raws, gone)) }, question);
    const again = next.steps.flatMap(step => step.origins).map(({ object }) => JSON.stringify(object));
    expect(again, 'an object that is gone').not.toContain(JSON.stringify(gone.object));
  }
  const meshes = origins.map(each => without(raws, each));
  const verdicts = meshes.map(mesh => verdictOf(explain({ snapshot: snapshotOf(mesh) }, question)));
  expect(
    verdicts.some(verdict => verdict !== verdictOf(answer)),
    'some object that is named decides',
  ).toBe(true);
}

/** Every proxy runs what one of two meshes tells it: what is in force is what those say, and the newest is the second. */
export async function checkLagging(
  explain: Explain,
  [before, after]: readonly [readonly Raw[], readonly Raw[]],
  lags: (podKey: string) => boolean,
  question: Question,
): Promise<void> {
  const [old, now] = [await toldOf(before), await toldOf(after)];
  const roots = new Map([...now.roots].map(([pod, root]) => [pod, lags(pod) ? (old.roots.get(pod) ?? root) : root]));
  const told: Told = { roots, nodes: new Map([...old.nodes, ...now.nodes]) };
  const byUid = new Map([...roots].map(([pod, root]) => [`uid-${pod.replace('/', '-')}`, root]));
  const answer = explain(
    {
      snapshot: snapshotOf(after),
      node: hash => told.nodes.get(hash),
      snapshotAt: rev => (rev === 'j.1' ? snapshotOf(before) : undefined),
      running: uid => runningAt(byUid.get(uid)),
    },
    question,
  );
  const [inForce, newest] = [walk(told, after, question), walk(now, after, question)];
  expect(endsOf(answer)).toEqual(inForce);
  expect(endsOf(answer.newest ?? answer)).toEqual(newest);
  const stale = answer.proxies.filter(({ runs }) => runs === 'older');
  if (answer.newest !== undefined) expect(stale.length).toBeGreaterThan(0);
}

function runningAt(root: string | undefined) {
  if (root === undefined) return undefined;
  return { connected: true, root, acked: { root, rev: 'j.1', at: 0 }, problem: null };
}
