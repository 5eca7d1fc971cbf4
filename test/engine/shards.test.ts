import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/engine/engine.ts';
import { snapshotHash } from '../../src/engine/snapshot.ts';
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

describe('shards', () => {
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
