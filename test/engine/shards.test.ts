import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rootHashes } from '../../src/engine/deriver.ts';
import { Engine, type Fact } from '../../src/engine/engine.ts';
import { Journal } from '../../src/engine/journal.ts';
import { createDerivation, type ShardHost } from '../../src/engine/shards/pool.ts';
import { Shard } from '../../src/engine/shards/shard.ts';
import { emptySnapshot, snapshotHash } from '../../src/engine/snapshot.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { batches, endOf, history } from './history.ts';
import { applied, deleted, enrolled } from './kit.ts';
import * as make from './objects.ts';
import { folder, record } from './recording.ts';
import { fromScratch, reachable } from './view.ts';

type Live = Awaited<ReturnType<typeof record>>;

async function killFirst({ derivation }: Live): Promise<void> {
  await derivation.threads()[0]?.terminate();
}

/** Everything that is the same however the work was shared. */
function outcome({ engine, store, view }: Live) {
  const roots = [...engine.roots.values()].map(({ hash }) => hash);
  const left = store.size - reachable(store, roots).size;
  return { ...view(), snapshot: snapshotHash(engine.snapshot), left };
}

async function played(threads: number, cut: readonly Fact[][], disturb?: (live: Live, batch: number) => unknown) {
  const live = await record(join(folder(), 'journal.db'), threads);
  const seen: unknown[] = [];
  for (const [index, batch] of cut.entries()) {
    const written = live.write(batch);
    await disturb?.(live, index);
    await written;
    seen.push(outcome(live));
  }
  expect(outcome(live)).toMatchObject(fromScratch(live.engine.snapshot));
  await live.close();
  return seen;
}

/** An engine over two shards of this thread, each of which answers when it is let. */
async function held() {
  const file = join(folder(), 'journal.db');
  const { journal } = Journal.open(file, 'cluster');
  const gates: (() => void)[] = [];
  const spawn = (): ShardHost => {
    const shard = new Shard();
    const run: ShardHost['run'] = async task => {
      const result = shard.run(task);
      await new Promise<void>(open => gates.push(open));
      return result;
    };
    return { threads: [], run, destroy: async () => {} };
  };
  const store = new FragmentStore();
  const derivation = await createDerivation(emptySnapshot(), store, { threads: 2, journal: file, spawn });
  const engine = new Engine(emptySnapshot(), store, derivation);
  return { engine, journal, gates };
}

/** Looks between any two turns of the microtask queue until something is over; one shard after the other may answer. */
async function watched(work: Promise<unknown>, gates: (() => void)[], look: () => void): Promise<void> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  for (let turn = 1; !over; turn++) {
    look();
    if (turn % 20 === 0) gates.shift()?.();
    await Promise.resolve();
  }
  await done;
}

describe('shards', () => {
  it('never part the roots from the snapshot: they are of its revision at every moment', async () => {
    const { engine, journal, gates } = await held();
    const known = new Map([[0, '{}']]);
    const seen = new Set<string>();
    const look = () => {
      const { revision } = engine.snapshot;
      const expected = known.get(revision) ?? JSON.stringify(fromScratch(engine.snapshot).roots);
      known.set(revision, expected);
      expect(JSON.stringify(rootHashes(engine.roots)), `revision ${revision}`).toBe(expected);
      seen.add(expected);
    };
    await watched(engine.start(), gates, look);
    for (const batch of batches(5, history(5, 300), 6)) {
      const step = engine.step(batch, 1);
      await watched(step, gates, look);
      look();
      journal.append((await step).events);
    }
    // A comparison of nothing with nothing would hold too.
    expect(seen.size).toBeGreaterThan(10);
    journal.close();
  });

  it.each([1, 2])('go on when a thread is killed in the middle of a batch: %d threads', async threads => {
    const facts = history(4, 80);
    const cut = batches(4, [...facts, ...endOf(facts)], 10);
    const killed = played(threads, cut, (live, batch) => (batch % 4 === 1 ? killFirst(live) : undefined));
    expect(await killed).toEqual(await played(0, cut));
  });

  it('forget a pod whose deletion is what a new thread sees first', async () => {
    const live = await record(join(folder(), 'journal.db'), 1);
    const [pod, split] = [make.pod('shop', 'p'), make.split('shop', 'flip', 'store', { v1: 1 })];
    await live.write([make.namespace('shop'), pod, split].map(applied));
    await live.write([enrolled(pod)]);
    expect([live.engine.roots.size, Object.keys(live.view().conditions)]).toEqual([1, ['TrafficSplit shop/flip']]);
    await killFirst(live);
    await live.write([deleted(pod), deleted(split)]);
    expect([live.view(), live.store.size]).toEqual([{ roots: {}, conditions: {} }, 0]);
    await live.close();
  });

  it('hand a pod over that is made again under another account', async () => {
    const live = await record(join(folder(), 'journal.db'), 2);
    await live.write([applied(make.namespace('shop'))]);
    for (let turn = 0; turn < 6; turn++) {
      const pod = make.pod('shop', 'p', `account-${turn}`, `uid-${turn}`);
      await live.write([enrolled(pod), applied(pod)]);
      await killFirst(live);
      await live.write([applied(make.meshConfig(turn % 2 === 0))]);
      expect(live.view()).toEqual(fromScratch(live.engine.snapshot));
    }
    await live.close();
  });

  it('end with the derivation', async () => {
    const live = await record(join(folder(), 'journal.db'), 2);
    const ended = live.derivation.threads().map(thread => once(thread, 'exit'));
    expect(ended).toHaveLength(2);
    await live.close();
    await Promise.all(ended);
  });
});
