import { expect, it } from 'vitest';
import { fold } from '../../src/engine/fold.ts';
import { Receipts } from '../../src/engine/receipts.ts';
import { emptySnapshot } from '../../src/engine/snapshot.ts';
import { PodsByUid } from '../../src/engine/uids.ts';
import { applied, deleted, enrolled, eventsOf } from './kit.ts';
import { pod, service } from './objects.ts';

const events = eventsOf([applied(service('shop', 'a'))]);

/** A step that began 2 ms after its change was seen at `seen`, and took 3 ms. */
function opening(revision: number, seen: number, ...proxies: string[]) {
  const moments = { at: 1000 + seen, seen, began: seen + 2, derived: seen + 5 };
  return { revision, events, ...moments, fragments: 4, proxies };
}

it('keeps so many receipts and no more, the newest last', () => {
  const receipts = new Receipts({ receipts: 3 });
  for (let revision = 1; revision <= 5; revision++) receipts.open(opening(revision, 0, 'shop/p'));
  expect(receipts.list().map(({ revision }) => revision)).toEqual([3, 4, 5]);
});

it('tells the stages of a change and how its proxies fared', () => {
  const receipts = new Receipts();
  receipts.open(opening(1, 10, 'shop/p', 'shop/q', 'shop/r'));
  expect(receipts.journaled(18)).toBe(8);
  for (const [proxy, at] of [
    ['shop/p', 16],
    ['shop/q', 17],
  ] as const) {
    expect(receipts.sent(proxy, 1, at)).toEqual([at - 10]);
    expect(receipts.acknowledged(proxy, 1, at + 4)).toEqual([at - 6]);
  }
  expect(receipts.list()).toEqual([
    {
      revision: 1,
      events: [{ type: 'applied', kind: 'Service', key: 'shop/a' }],
      eventCount: 1,
      seenAt: 1008,
      ...{ queuedMs: 2, derivedMs: 5, journaledMs: 8 },
      fragments: 4,
      ...{ proxies: 3, acked: 2, ackedMs: { p50: 10, p99: 11, max: 11 } },
    },
  ]);
  expect([...(receipts.deliveries(1) ?? [])]).toEqual([
    ['shop/p', { sentMs: 6, ackedMs: 10 }],
    ['shop/q', { sentMs: 7, ackedMs: 11 }],
    ['shop/r', { sentMs: null, ackedMs: null }],
  ]);
});

it('waits for no receipt that has left the ring', () => {
  const receipts = new Receipts({ receipts: 3 });
  for (let revision = 1; revision <= 5; revision++)
    receipts.open(opening(revision, 0, ...(revision === 1 ? ['shop/p', 'shop/q'] : ['shop/p'])));
  expect(receipts.acknowledged('shop/q', 5, 9)).toEqual([]);
  expect(receipts.acknowledged('shop/p', 5, 9)).toEqual([9, 9, 9]);
});

it('keeps the proxies of so many receipts one by one, and the summary of the older ones', () => {
  const receipts = new Receipts({ parts: 5 });
  for (const revision of [1, 2, 3]) {
    receipts.open(opening(revision, 0, 'shop/p', 'shop/q'));
    receipts.acknowledged('shop/p', revision, 10 * revision);
  }
  expect(receipts.deliveries(1)).toBeUndefined();
  expect(receipts.deliveries(2)?.size).toBe(2);
  expect(receipts.list().map(({ proxies, acked, ackedMs }) => [proxies, acked, ackedMs?.max])).toEqual([
    [2, 1, 10],
    [2, 1, 20],
    [2, 1, 30],
  ]);
  expect(receipts.acknowledged('shop/q', 3, 50)).toEqual([50, 50]);
});

it('keeps the proxies of the newest receipt, however many they are', () => {
  const receipts = new Receipts({ parts: 1 });
  for (const revision of [1, 2]) receipts.open(opening(revision, 0, 'shop/p', 'shop/q', 'shop/r'));
  expect([receipts.deliveries(1), receipts.deliveries(2)?.size]).toEqual([undefined, 3]);
});

it('settles every receipt up to the acknowledged revision, once', () => {
  const receipts = new Receipts();
  for (const revision of [1, 2, 3]) receipts.open(opening(revision, revision * 10, 'shop/p', 'shop/q'));
  expect(receipts.sent('shop/p', 2, 24)).toEqual([14, 4]);
  expect(receipts.sent('shop/p', 2, 25)).toEqual([]);
  expect(receipts.acknowledged('shop/p', 2, 25)).toEqual([15, 5]);
  expect(receipts.acknowledged('shop/p', 2, 26)).toEqual([]);
  expect(receipts.list().map(({ acked }) => acked)).toEqual([1, 1, 0]);
});

it('forgets a proxy that is gone', () => {
  const receipts = new Receipts();
  receipts.open(opening(1, 0, 'shop/p'));
  receipts.forget('shop/p');
  expect(receipts.acknowledged('shop/p', 1, 9)).toEqual([]);
  expect(receipts.list()[0]?.proxies).toBe(0);
});

it('lists a bounded part of the events of a large batch', () => {
  const receipts = new Receipts();
  receipts.open({ ...opening(500, 0), events: Array.from({ length: 500 }, () => events).flat() });
  expect([receipts.list()[0]?.events.length, receipts.list()[0]?.eventCount]).toEqual([50, 500]);
});

it('finds pods by uid, filled or followed', () => {
  const [old, newer] = [pod('shop', 'p', 'p', 'u1'), pod('shop', 'p', 'p', 'u2')];
  const facts = [applied(old), applied(pod('shop', 'q', 'q', 'u3')), enrolled(old), applied(newer)];
  const [filled, followed] = [new PodsByUid(), new PodsByUid()];
  filled.fill(fold(emptySnapshot(), eventsOf(facts)));
  expect(followed.follow(eventsOf(facts))).toEqual(['u1']);
  for (const pods of [filled, followed])
    expect([pods.key('u1'), pods.key('u2'), pods.key('u3')]).toEqual([undefined, 'shop/p', 'shop/q']);
  expect(followed.follow(eventsOf([deleted(newer)]))).toEqual(['u2']);
  expect(followed.key('u2')).toBeUndefined();
});
