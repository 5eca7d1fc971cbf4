import { expect, it } from 'vitest';
import { Engine, type Step } from '../../src/engine/engine.ts';
import { type Clock, Pipeline } from '../../src/engine/pipeline.ts';
import { emptySnapshot, objectOf } from '../../src/engine/snapshot.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { applied, deleted, random } from './kit.ts';
import { service } from './objects.ts';

const nothing = { roots: new Map(), conditions: new Map() };

/** Time stands, and nothing that waits for it is called. */
const still: Clock = { now: () => 7, elapsedMs: () => 0, after: () => () => {} };

/** Time that goes on when it is told to. */
function virtual() {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    elapsedMs: () => now,
    after: (ms, callback) => {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter(other => other !== timer);
      };
    },
  };
  /** Everything that is due by then, in its order; what follows from each is done before the next. */
  const until = async (time: number): Promise<void> => {
    await turn();
    for (let next = due(time); next !== undefined; next = due(time)) {
      timers.splice(timers.indexOf(next), 1);
      now = next.at;
      next.callback();
      await turn();
    }
    now = time;
  };
  const due = (time: number) =>
    timers.filter(({ at }) => at <= time).reduce<(typeof timers)[number] | undefined>(earlier, undefined);
  return { clock, until };
}

function earlier<T extends { at: number }>(one: T | undefined, other: T): T {
  return one === undefined || other.at < one.at ? other : one;
}

/** What is under way comes to its end. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)));

/** A pipeline whose derivation waits at a gate. */
function gated() {
  const gates: (() => void)[] = [];
  const entered: (() => void)[] = [];
  const steps: Step[] = [];
  const update = () =>
    new Promise<typeof nothing>(resolve => {
      gates.push(() => resolve(nothing));
      entered.shift()?.();
    });
  const engine = new Engine(emptySnapshot(), new FragmentStore(), { all: () => nothing, update });
  const errors: unknown[] = [];
  const pipeline = new Pipeline(engine, {
    clock: still,
    pace: { quietMs: 0, maxMs: 0 },
    onStep: step => steps.push(step),
    onError: error => errors.push(error),
  });
  const atGate = () => new Promise<void>(resolve => entered.push(resolve));
  return { pipeline, engine, steps, errors, atGate, open: () => gates.shift()?.() };
}

/** An engine whose steps take no time. */
function instant(): Engine {
  return new Engine(emptySnapshot(), new FragmentStore(), { all: () => nothing, update: () => nothing });
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
  const engine = instant();
  const sizes: number[] = [];
  const pipeline = new Pipeline(engine, {
    clock: still,
    pace: { quietMs: 0, maxMs: 0 },
    onStep: (_step, _times, batch) => sizes.push(batch.length),
    onError: error => {
      throw error;
    },
  });
  pipeline.submit(Array.from({ length: 1700 }, (_, index) => applied(service('shop', `s${index}`))));
  await pipeline.idle();
  expect(engine.snapshot.revision).toBe(1700);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
});

it('is idle when what was there by then has been through, while more and more comes', async () => {
  const { pipeline, engine, atGate, open } = gated();
  let fed = 0;
  const feed = () => pipeline.submit([applied(service('shop', `s${fed++}`))]);
  let arrived = atGate();
  feed();
  await arrived;
  for (const _ of [1, 2]) feed();
  const idleAt = pipeline.idle().then(() => engine.snapshot.revision);
  for (let round = 0; round < 10; round++) {
    arrived = atGate();
    open();
    await arrived;
    feed();
  }
  arrived = atGate();
  open();
  await arrived;
  open();
  await pipeline.idle();
  expect([await idleAt, engine.snapshot.revision]).toEqual([3, fed]);
});

it('tells of a step that failed', async () => {
  const failing = async () => Promise.reject(new Error('a shard is on fire'));
  const engine = new Engine(emptySnapshot(), new FragmentStore(), { all: failing, update: failing });
  const errors: unknown[] = [];
  const pipeline = new Pipeline(engine, { clock: still, onStep: () => {}, onError: error => errors.push(error) });
  pipeline.submit([applied(service('shop', 'a'))]);
  await pipeline.idle();
  expect(errors.map(String)).toEqual(['Error: a shard is on fire']);
});

/** Runs arrivals (fact → when it comes) through a pipeline. @returns when each step went out, with its facts */
async function paced(arrivals: readonly number[], pace: { quietMs: number; maxMs: number }) {
  const { clock, until } = virtual();
  const steps: { at: number; keys: string[] }[] = [];
  const pipeline = new Pipeline(instant(), {
    clock,
    pace,
    onStep: ({ events }, { began }) =>
      steps.push({ at: began, keys: events.flatMap(event => ('key' in event ? event.key : [])) }),
    onError: error => {
      throw error;
    },
  });
  for (const [index, at] of arrivals.entries()) {
    await until(at);
    pipeline.submit([applied(service('shop', String(index)))]);
    await turn();
  }
  await until((arrivals.at(-1) ?? 0) + pace.maxMs);
  return steps;
}

it('sends a change after a quiet while at once, and what follows on its heels when the burst is over', async () => {
  const steps = await paced([100, 101, 103, 106, 200], { quietMs: 5, maxMs: 50 });
  expect(steps).toEqual([
    { at: 100, keys: ['shop/0'] },
    { at: 111, keys: ['shop/1', 'shop/2', 'shop/3'] },
    { at: 200, keys: ['shop/4'] },
  ]);
});

it('starves no change, however the others come', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    const pace = { quietMs: 1 + Math.floor(next() * 10), maxMs: 10 + Math.floor(next() * 90) };
    const closest = next() * pace.quietMs;
    let time = 0;
    const arrivals = Array.from({ length: 150 }, () => {
      time += next() < 0.05 ? next() * 200 : next() * closest;
      return time;
    });
    const steps = await paced(arrivals, pace);
    const went = new Map(steps.flatMap(({ at, keys }) => keys.map(key => [key, at] as const)));
    const waits = arrivals.map((at, index) => (went.get(`shop/${index}`) ?? Number.POSITIVE_INFINITY) - at);
    expect(Math.max(...waits), `seed ${seed}`).toBeLessThanOrEqual(pace.maxMs + 1e-6);
  }
});

it('has room again when its queue has gone out', async () => {
  const { pipeline, atGate, open } = gated();
  const arrived = atGate();
  pipeline.submit([applied(service('shop', 'first'))]);
  await arrived;
  pipeline.submit(Array.from({ length: 500 }, (_, index) => applied(service('shop', `s${index}`))));
  let room = false;
  const ready = pipeline.ready().then(() => {
    room = true;
  });
  await turn();
  expect(room).toBe(false);
  open();
  await ready;
  open();
});
