import { expect, it } from 'vitest';
import { fold } from '../../src/engine/fold.ts';
import { Receipts } from '../../src/engine/receipts.ts';
import { emptySnapshot } from '../../src/engine/snapshot.ts';
import { PodsByUid } from '../../src/engine/uids.ts';
import { applied, deleted, enrolled, eventsOf } from './kit.ts';
import { pod, service } from './objects.ts';

const events = eventsOf([applied(service('shop', 'a'))]);

it('keeps so many receipts and no more, the newest last', () => {
  const receipts = new Receipts(3);
  for (let revision = 1; revision <= 5; revision++) receipts.open(revision, events, revision * 10, 1, ['shop/p']);
  expect(receipts.list().map(({ revision }) => revision)).toEqual([3, 4, 5]);
  expect(receipts.list()[0]?.events).toEqual([{ type: 'applied', kind: 'Service', key: 'shop/a' }]);
});

it('waits for no receipt that has left the ring', () => {
  const receipts = new Receipts(3);
  for (let revision = 1; revision <= 5; revision++)
    receipts.open(revision, events, 0, 1, revision === 1 ? ['shop/p', 'shop/q'] : ['shop/p']);
  expect(receipts.acknowledged('shop/q', 5, 9)).toEqual([]);
  expect(receipts.acknowledged('shop/p', 5, 9)).toEqual([9, 9, 9]);
});

it('settles every receipt up to the acknowledged revision, once', () => {
  const receipts = new Receipts();
  for (const revision of [1, 2, 3]) receipts.open(revision, events, revision * 10, 1, ['shop/p', 'shop/q']);
  expect(receipts.acknowledged('shop/p', 2, 25)).toEqual([15, 5]);
  expect(receipts.acknowledged('shop/p', 2, 26)).toEqual([]);
  expect(receipts.list().map(({ proxies }) => [...proxies])).toEqual([
    [
      ['shop/p', 15],
      ['shop/q', null],
    ],
    [
      ['shop/p', 5],
      ['shop/q', null],
    ],
    [
      ['shop/p', null],
      ['shop/q', null],
    ],
  ]);
});

it('forgets a proxy that is gone', () => {
  const receipts = new Receipts();
  receipts.open(1, events, 0, 1, ['shop/p']);
  receipts.forget('shop/p');
  expect(receipts.acknowledged('shop/p', 1, 9)).toEqual([]);
  expect(receipts.list()[0]?.proxies.size).toBe(0);
});

it('lists a bounded part of the events of a large batch', () => {
  const receipts = new Receipts();
  receipts.open(500, Array.from({ length: 500 }, () => events).flat(), 0, 1, []);
  expect(receipts.list()[0]?.events).toHaveLength(50);
});

it('finds pods by uid, filled or followed', () => {
  const [old, newer] = [pod('shop', 'p', 'p', 'u1'), pod('shop', 'p', 'p', 'u2')];
  const facts = [applied(old), applied(pod('shop', 'q', 'q', 'u3')), enrolled(old), applied(newer)];
  const [filled, followed] = [new PodsByUid(), new PodsByUid()];
  filled.fill(fold(emptySnapshot(), eventsOf(facts)));
  followed.follow(eventsOf(facts));
  for (const pods of [filled, followed])
    expect([pods.key('u1'), pods.key('u2'), pods.key('u3')]).toEqual([undefined, 'shop/p', 'shop/q']);
  followed.follow(eventsOf([deleted(newer)]));
  expect(followed.key('u2')).toBeUndefined();
});
