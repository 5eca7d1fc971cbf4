import { expect, it } from 'vitest';
import { Engine, type Step } from '../../src/engine/engine.ts';
import { Pipeline } from '../../src/engine/pipeline.ts';
import { emptySnapshot, objectOf } from '../../src/engine/snapshot.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { applied, deleted } from './kit.ts';
import { service } from './objects.ts';

/** A pipeline whose derivation waits at a gate. */
function gated() {
  const gates: (() => void)[] = [];
  const entered: (() => void)[] = [];
  const steps: Step[] = [];
  const nothing = { roots: new Map(), conditions: new Map() };
  const update = () =>
    new Promise<typeof nothing>(resolve => {
      gates.push(() => resolve(nothing));
      entered.shift()?.();
    });
  const engine = new Engine(emptySnapshot(), new FragmentStore(), { all: () => nothing, update });
  const errors: unknown[] = [];
  const pipeline = new Pipeline(engine, {
    now: () => 7,
    onStep: step => steps.push(step),
    onError: error => errors.push(error),
  });
  const atGate = () => new Promise<void>(resolve => entered.push(resolve));
  return { pipeline, engine, steps, errors, atGate, open: () => gates.shift()?.() };
}

it('sends the first facts out at once and what comes meanwhile as one batch, the newest of each object', async () => {
  const { pipeline, engine, steps, atGate, open } = gated();
  let arrived = atGate();
  pipeline.submit([applied(service('shop', 'first'))]);
  await arrived;
  arrived = atGate();
  for (let port = 1; port <= 300; port++) pipeline.submit([applied(service('shop', 'busy', port))]);
  pipeline.submit([applied(service('shop', 'gone')), applied(service('shop', 'other'))]);
  pipeline.submit([deleted(service('shop', 'gone'))]);
  open();
  await arrived;
  open();
  await pipeline.idle();
  expect(steps.map(({ events }) => events.map(event => 'key' in event && event.key))).toEqual([
    ['shop/first'],
    ['shop/busy', 'shop/other'],
  ]);
  expect(objectOf(engine.snapshot, 'Service', 'shop/busy')?.ports[0]?.port).toBe(300);
  expect(steps.flatMap(({ events }) => events.map(({ revision, at }) => [revision, at]))).toEqual([
    [1, 7],
    [2, 7],
    [3, 7],
  ]);
});

it('puts facts of the same turn into one batch', async () => {
  const { pipeline, steps, atGate, open } = gated();
  const arrived = atGate();
  for (const name of ['a', 'b', 'c']) pipeline.submit([applied(service('shop', name))]);
  await arrived;
  open();
  await pipeline.idle();
  expect(steps.map(({ events }) => events.length)).toEqual([3]);
});

it('loses nothing of a flood, in batches that are bounded', async () => {
  const nothing = { roots: new Map(), conditions: new Map() };
  const engine = new Engine(emptySnapshot(), new FragmentStore(), { all: () => nothing, update: () => nothing });
  const sizes: number[] = [];
  const pipeline = new Pipeline(engine, {
    now: () => 7,
    onStep: (_step, _at, batch) => sizes.push(batch.length),
    onError: error => {
      throw error;
    },
  });
  pipeline.submit(Array.from({ length: 1700 }, (_, index) => applied(service('shop', `s${index}`))));
  await pipeline.idle();
  expect(engine.snapshot.revision).toBe(1700);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
});

it('tells of a step that failed', async () => {
  const failing = async () => Promise.reject(new Error('a shard is on fire'));
  const engine = new Engine(emptySnapshot(), new FragmentStore(), { all: failing, update: failing });
  const errors: unknown[] = [];
  const pipeline = new Pipeline(engine, { now: () => 7, onStep: () => {}, onError: error => errors.push(error) });
  pipeline.submit([applied(service('shop', 'a'))]);
  await pipeline.idle();
  expect(errors.map(String)).toEqual(['Error: a shard is on fire']);
});
