import { BehaviorSubject, Subject } from 'rxjs';
import { expect, it } from 'vitest';
import { coalesce } from '../../src/kube/watch/coalesce.ts';
import type { WatchEvent } from '../../src/kube/watch/types.ts';
import { record } from './recorder.ts';

function applied(key: string, resourceVersion: string): WatchEvent {
  return { type: 'applied', kind: 'Pod', key, resourceVersion, raw: { metadata: { name: key } } };
}

/** A source, a consumer that is busy until `free` is called, and what it was told. */
function start(maxPending: number) {
  const source = new Subject<WatchEvent>();
  const hold = new BehaviorSubject(false);
  const turns: PromiseWithResolvers<void>[] = [];
  const ready = () => {
    const turn = Promise.withResolvers<void>();
    turns.push(turn);
    return turn.promise;
  };
  const told = record(source.pipe(coalesce({ ready, hold, maxPending })));
  const send = (...events: WatchEvent[]) => events.forEach(event => void source.next(event));
  return { send, hold, told, turns };
}

it('hands an idle consumer at once what came in one turn', async () => {
  const { send, told } = start(10);
  send(applied('a', '1'), applied('b', '2'));
  expect(told.lines).toEqual([]);
  expect(await told.atLeast(1)).toEqual(['applied a 1', 'applied b 2']);
});

it('keeps for a busy consumer only the newest of each object, in the order of the newest', async () => {
  const { send, told, turns } = start(10);
  send(applied('a', '1'));
  await told.atLeast(1);
  send(applied('a', '2'), applied('b', '3'), { type: 'synced', kind: 'Pod', resourceVersion: '3' });
  send({ type: 'deleted', kind: 'Pod', key: 'b', resourceVersion: '4' }, applied('a', '5'));
  send({ type: 'synced', kind: 'Pod', resourceVersion: '6' });
  turns[0]?.resolve();
  expect((await told.atLeast(4)).slice(1)).toEqual(['deleted b 4', 'applied a 5', 'synced 6']);
});

it('says that all of a kind was told only when it was, though a newer event of an object took the place of an older', async () => {
  const { send, told, turns } = start(10);
  send(applied('a', '1'));
  await told.atLeast(1);
  send(applied('b', '2'), applied('c', '3'), { type: 'passed', kind: 'Pod', resourceVersion: '3' }, applied('b', '4'));
  turns[0]?.resolve();
  expect((await told.atLeast(3)).slice(1)).toEqual(['applied c 3', 'applied b 4', 'passed 3']);
});

it('holds the source while as much waits as may, and no longer', async () => {
  const { send, hold, told, turns } = start(2);
  send(applied('a', '1'));
  await told.atLeast(1);
  send(applied('b', '2'), applied('b', '3'));
  expect(hold.value).toBe(false);
  send(applied('c', '4'));
  expect(hold.value).toBe(true);
  turns[0]?.resolve();
  await told.atLeast(3);
  expect([hold.value, told.lines.slice(1)]).toEqual([false, ['applied b 3', 'applied c 4']]);
});

it('ends with the error of a consumer that fails', async () => {
  const { send, told, turns } = start(2);
  send(applied('a', '1'));
  await told.atLeast(1);
  turns[0]?.reject(new Error('the journal is full'));
  expect(await told.failed).toEqual(new Error('the journal is full'));
});
