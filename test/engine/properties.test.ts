import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/engine/engine.ts';
import { snapshotHash } from '../../src/engine/snapshot.ts';
import { batches, endOf, history } from './history.ts';
import { applied, enrolled, type Raw, random, rig, shuffled } from './kit.ts';
import * as make from './objects.ts';
import { fromScratch, meaningOf, reachable, Watcher } from './view.ts';

const seeds = Array.from({ length: 250 }, (_, index) => index + 1);

describe('a random history', () => {
  it('derives incrementally what it derives from scratch, and keeps what is reachable, no more', async () => {
    for (const seed of seeds) {
      const { engine, store } = await rig();
      const watcher = new Watcher(engine);
      for (const batch of batches(seed, history(seed, 60), 8)) {
        await watcher.step(batch);
        expect(watcher.view(), `seed ${seed}`).toEqual(fromScratch(engine.snapshot));
        const roots = [...engine.roots.values()].map(({ hash }) => hash);
        expect(store.size, `seed ${seed}`).toBe(reachable(store, roots).size);
      }
    }
  });

  it('leaves nothing when everything is deleted', async () => {
    for (const seed of seeds) {
      const { engine, store, deriver } = await rig();
      const [watcher, facts] = [new Watcher(engine), history(seed, 60)];
      for (const batch of batches(seed, [...facts, ...endOf(facts)], 8)) await watcher.step(batch);
      expect(watcher.view(), `seed ${seed}`).toEqual({ roots: {}, conditions: {} });
      expect([store.size, deriver.graph.size], `seed ${seed}`).toEqual([0, 0]);
      expect(meaningOf(engine.snapshot), `seed ${seed}`).toEqual({ proxies: {}, trust: engine.snapshot.trust });
    }
  });

  it('ends the same however it is cut into batches', async () => {
    for (const seed of seeds) {
      const [one, many, all] = [1, 12, 1000].map(most => afterwards(batches(seed, history(seed, 60), most)));
      expect(await many, `seed ${seed}`).toEqual(await one);
      expect(await all, `seed ${seed}`).toEqual(await one);
    }
  });
});

async function afterwards(cut: readonly Fact[][]) {
  const { engine } = await rig();
  const watcher = new Watcher(engine);
  for (const batch of cut) await watcher.step(batch);
  return { ...watcher.view(), meaning: meaningOf(engine.snapshot) };
}

/** A mesh with two services and a policy. */
const mesh: readonly Raw[] = [
  make.namespace('shop'),
  make.meshConfig(false),
  ...make.deployed('shop', 'buyer', '10.0.0.1'),
  ...make.deployed('shop', 'store', '10.0.0.2'),
  make.group('shop', 'routes', '/books', '/buy'),
  make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes'),
  make.split('shop', 'flip', 'store', { store: 1 }),
];
const pods = mesh.filter(({ kind }) => kind === 'Pod');

describe('what changes no meaning', () => {
  it('is an update of a pod that comes together with its enrolment', async () => {
    const { engine } = await rig();
    await engine.step(mesh.map(applied), 1);
    const [pod] = pods as [Raw];
    const touched = { ...pod, metadata: { ...pod.metadata, annotations: { at: 'noon' } } };
    const { events } = await engine.step([enrolled(pod), applied(touched)], 2);
    expect(events.map(({ type }) => type)).toEqual(['enrolled']);
  });

  it('is not the order in which independent objects come', async () => {
    const facts = mesh.map((raw, index) =>
      applied({ ...raw, metadata: { ...raw.metadata, resourceVersion: `${index}` } }),
    );
    const hashes = new Set<string>();
    for (const seed of seeds.slice(0, 100)) {
      const { engine } = await rig();
      const watcher = new Watcher(engine);
      for (const batch of batches(seed, shuffled(random(seed), facts), 5)) await watcher.step(batch);
      for (const pod of shuffled(random(seed), pods)) await watcher.step([enrolled(pod)]);
      hashes.add(JSON.stringify([snapshotHash(engine.snapshot), watcher.view()]));
    }
    expect([...hashes]).toHaveLength(1);
  });

  it.each<[string, (raw: Raw) => Raw]>([
    ['a relist', raw => raw],
    ['a resourceVersion', raw => ({ ...raw, metadata: { ...raw.metadata, resourceVersion: 'later' } })],
    ['an annotation', raw => ({ ...raw, metadata: { ...raw.metadata, annotations: { at: 'noon' } } })],
    [
      'a status',
      raw => ({ ...raw, status: { ...(raw.status as object), conditions: [{ type: 'Ready', status: 'True' }] } }),
    ],
    ['managed fields', raw => ({ ...raw, metadata: { ...raw.metadata, managedFields: [{ manager: 'somebody' }] } })],
  ])('is not news: %s', async (_, touch) => {
    const { engine } = await rig();
    await engine.step([...mesh.map(applied), ...pods.map(enrolled)], 1);
    const before = engine.snapshot;
    const step = await engine.step([...mesh.map(touch).map(applied), ...pods.map(enrolled)], 2);
    expect(step.events).toEqual([]);
    expect([step.derived.roots.size, step.derived.conditions.size]).toEqual([0, 0]);
    expect(engine.ignored).toBe(mesh.length + pods.length);
    expect(engine.snapshot).toBe(before);
  });
});
