import { describe, expect, it } from 'vitest';
import { fold } from '../../src/engine/fold.ts';
import type { MeshEvent } from '../../src/engine/model.ts';
import { emptySnapshot, enrolledProxies, entryOf, objectOf, snapshotHash } from '../../src/engine/snapshot.ts';
import { applied, deleted, enrolled, eventsOf, type Raw } from './kit.ts';
import { namespace, pod, service, split } from './objects.ts';

const invalid = (raw: Raw): Raw => ({ ...raw, spec: { nothing: 'of use' } });
const good = split('shop', 'flip', 'store', { v1: 1 });

function folded(...facts: Parameters<typeof eventsOf>[0]) {
  return fold(emptySnapshot(), eventsOf(facts));
}

describe('last good', () => {
  it('keeps the last valid version in force beside an invalid one, and says which it is', () => {
    const first = { ...good, metadata: { ...good.metadata, resourceVersion: '7' } };
    const bad = { ...invalid(good), metadata: { ...good.metadata, resourceVersion: '8' } };
    const worse = { ...bad, metadata: { ...bad.metadata, resourceVersion: '9' } };
    const entry = entryOf(folded(applied(first), applied(bad), applied(worse)), 'TrafficSplit', 'shop/flip');
    expect(entry).toMatchObject({ resourceVersion: '9', validVersion: '7', object: { service: 'store' } });
    expect(entry?.problems?.map(problem => problem.code)).toContain('FSM1001');
  });

  it('forgets the problems with the next valid version', () => {
    const entry = entryOf(folded(applied(good), applied(invalid(good)), applied(good)), 'TrafficSplit', 'shop/flip');
    expect(entry).not.toHaveProperty('problems');
    expect(entry?.validVersion).toBe(entry?.resourceVersion);
  });

  it('has no object that was never valid', () => {
    const snapshot = folded(applied(invalid(good)));
    expect(objectOf(snapshot, 'TrafficSplit', 'shop/flip')).toBeUndefined();
    expect(entryOf(snapshot, 'TrafficSplit', 'shop/flip')?.problems).not.toHaveLength(0);
  });

  it('does not come back when the object is made again', () => {
    const snapshot = folded(applied(good), deleted(good), applied(invalid(good)));
    expect(objectOf(snapshot, 'TrafficSplit', 'shop/flip')).toBeUndefined();
  });
});

describe('a deletion', () => {
  it('leaves no trace', () => {
    const before = folded(applied(namespace('shop')));
    const facts = [applied(good), applied(pod('shop', 'p')), enrolled(pod('shop', 'p')), applied(invalid(good))];
    const gone = [deleted(good), deleted(pod('shop', 'p')), deleted(service('shop', 'never'))];
    const after = fold(before, eventsOf([...facts, ...gone], 2));
    expect(snapshotHash(after)).toBe(snapshotHash(before));
    expect(after.mesh).toEqual(before.mesh);
  });

  it('takes the enrolment of the pod that is gone, not that of a newer one of its name', () => {
    const [old, newer] = [pod('shop', 'p', 'p', 'old'), pod('shop', 'p', 'p', 'newer')];
    expect(folded(applied(old), enrolled(old), deleted(old)).proxies).toEqual({});
    expect(folded(applied(old), enrolled(old), applied(newer)).proxies).toEqual({});
    expect([...enrolledProxies(folded(applied(old), enrolled(newer), deleted(old), applied(newer)))]).toEqual([
      ['shop/p', 'newer'],
    ]);
    expect([...enrolledProxies(folded(applied(old), enrolled(newer), applied(newer)))]).toEqual([['shop/p', 'newer']]);
    expect([...enrolledProxies(folded(enrolled(old), applied(old)))]).toEqual([['shop/p', 'old']]);
  });
});

describe('sharing', () => {
  it('keeps every shard that no event touched, by reference', () => {
    const before = folded(applied(service('shop', 'a')), applied(service('shop', 'b')), applied(good));
    const after = fold(before, eventsOf([applied(service('shop', 'a', 81))], 4));
    const [one, other] = [before.mesh.Service.shop ?? {}, after.mesh.Service.shop ?? {}];
    const changed = Object.keys(other).filter(bucket => one[bucket] !== other[bucket]);
    expect(changed).toHaveLength(1);
    expect(Object.keys(other)).toHaveLength(2);
    expect(after.mesh.TrafficSplit).toBe(before.mesh.TrafficSplit);
    expect(after.trust).toBe(before.trust);
    expect(after.proxies).toBe(before.proxies);
  });

  it('gives back the very snapshot for no events', () => {
    const snapshot = folded(applied(good));
    expect(fold(snapshot, [])).toBe(snapshot);
  });
});

describe('hostile events', () => {
  const numbers = { at: 0, resourceVersion: '1' } as const;
  const hostile = ['', '/', 'a/', '/b', 'a/b/c', '__proto__', '__proto__/x', 'x/__proto__', 'constructor', '\n'];
  const keys = [...hostile, 'constructor/constructor', 'x/constructor', 'tostring/valueof', 'x'.repeat(9999)];

  it.each(keys)('makes a snapshot of the key %j, and leaves no trace of it', key => {
    const object = { ok: true, object: { namespace: '', name: '' } } as const;
    const put: MeshEvent[] = [
      { type: 'applied', kind: 'Service', key, object: { ok: false, problems: [] }, revision: 1, ...numbers },
      { type: 'applied', kind: 'ServiceAccount', key, object, revision: 2, ...numbers },
      { type: 'enrolled', key, uid: 'u', revision: 3, at: 0 },
    ];
    const drop: MeshEvent[] = (['Service', 'ServiceAccount', 'Pod'] as const).map((kind, index) => ({
      ...{ type: 'deleted', kind, key, revision: 4 + index, ...numbers },
    }));
    const snapshot = fold(fold(emptySnapshot(), put), eventsOf([applied(good)], 4));
    expect(entryOf(snapshot, 'TrafficSplit', 'shop/flip')).toBeDefined();
    const after = fold(snapshot, [...drop, ...eventsOf([deleted(good)], 8)]);
    expect(snapshotHash(after)).toBe(snapshotHash(emptySnapshot()));
    expect(Object.keys(Object)).toEqual([]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('finds an object of any name that Kubernetes allows, and only where one was put', () => {
    const odd = service('constructor', 'constructor');
    const snapshot = folded(applied(service('shop', 'a')), applied(odd));
    expect(objectOf(snapshot, 'Service', 'constructor/constructor')).toMatchObject({ name: 'constructor' });
    expect(entryOf(snapshot, 'Service', 'shop/constructor')).toBeUndefined();
    expect(entryOf(snapshot, 'Pod', 'constructor/constructor')).toBeUndefined();
  });

  it('passes over a kind that only a later version knows', () => {
    const event = { type: 'deleted', kind: 'Later', key: 'a/b', revision: 1, ...numbers } as unknown as MeshEvent;
    expect(fold(emptySnapshot(), [event])).toEqual({ ...emptySnapshot(), revision: 1 });
  });
});
