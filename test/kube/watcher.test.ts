/** The watch in virtual time: sources are marble diagrams, and what is asked for and told is a log with its time. */
import { defer, NEVER, type Observable, of, shareReplay } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { expect, it } from 'vitest';
import type { ListPage } from '../../src/kube/client.ts';
import { refused, unreachable } from '../../src/kube/errors.ts';
import { type ListWatch, newCounters, type WatchOptions } from '../../src/kube/watch/types.ts';
import { watchSource } from '../../src/kube/watch/watch.ts';
import { describe as lineOf, problemLog } from './recorder.ts';
import { line, pod, status } from './scripted-server.ts';

const pods = { kind: 'Pod', group: '', version: 'v1', plural: 'pods', namespaced: true };
const down = unreachable({ verb: 'list', of: 'pods' }, 'https://server', new Error('connection refused'));
const refuse = (code: number, retryAfter?: string) =>
  refused({ verb: 'list', of: 'pods' }, code, status(code, 'Refused'), retryAfter);

/** What a diagram's letters stand for. */
const values: Record<string, unknown> = {
  '0': page('10'),
  '1': page('20', pod('a', '15')),
  '2': page('30', pod('a', '15'), pod('b', '25')),
  a: bytes(line('ADDED', pod('a', '15'))),
  b: bytes(line('ADDED', pod('b', '25'))),
  k: bytes(line('BOOKMARK', { metadata: { resourceVersion: '17' } })),
  g: bytes('garbage\n'),
  t: true,
  f: false,
  x: bytes(line('ERROR', status(410, 'Expired'))),
};

function page(resourceVersion: string, ...items: object[]): ListPage {
  return { resourceVersion, items } as unknown as ListPage;
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

interface Script {
  /** Answers to lists, one after the other; the last one again and again. */
  readonly lists: readonly Observable<unknown>[];
  /** The same for streams; none are open for ever. */
  readonly watches?: readonly Observable<unknown>[];
  readonly options?: Partial<WatchOptions>;
}

type Cold = (diagram: string, error?: unknown) => Observable<unknown>;

/** Plays a script for so many milliseconds; chance is always 0, so that the log is exact. */
function play(durationMs: number, write: (cold: Cold) => Script) {
  const scheduler = new TestScheduler(() => undefined);
  const events: string[] = [];
  let failure: unknown;
  const [log, counters] = [problemLog(), newCounters()];
  const note = (text: string) => void events.push(`${scheduler.now()} ${text}`);
  scheduler.run(({ cold }: RunHelpers) => {
    const { lists, watches = [NEVER], options } = write((diagram, error) => cold(diagram, values, error));
    const source = {
      list: answers('list', lists, note),
      watch: answers('watch', watches, note),
    } as unknown as ListWatch;
    const timing = { scheduler, random: () => 0 };
    const told = watchSource(source, pods, { onProblem: log.onProblem, timing, counters, ...options });
    const subscription = told.subscribe({
      next: event => note(lineOf(event)),
      error: error => {
        failure = error;
      },
    });
    scheduler.schedule(() => subscription.unsubscribe(), durationMs);
  });
  if (failure !== undefined) throw failure;
  return { events, problems: log.problems, codes: log.codes(), counters };
}

/** Gives the answers one after the other and notes what was asked. */
function answers(name: string, from: readonly Observable<unknown>[], note: (text: string) => void) {
  let next = 0;
  return ({
    limit,
    continue: token,
    resourceVersion,
  }: {
    limit?: number;
    continue?: string;
    resourceVersion?: string;
  }) =>
    defer(() => {
      note([name, resourceVersion, token, name === 'list' && limit === undefined && 'whole'].filter(Boolean).join(' '));
      return from[Math.min(next++, from.length - 1)] ?? NEVER;
    });
}

it('lists, then watches from there', () => {
  const { events } = play(5_000, cold => ({ lists: [cold('10ms (1|)')], watches: [cold('2s b')] }));
  expect(events).toEqual([
    '0 list',
    '10 applied shop/a 15',
    '10 synced 20',
    '10 watch 20',
    '2010 applied shop/b 25',
    '2010 passed 25',
  ]);
});

it('doubles its back-off up to 30 s while the server is away, and says so once', () => {
  const { events, codes, counters } = play(60_000, cold => ({ lists: [cold('#', down)] }));
  const times = events.map(each => Number.parseInt(each, 10));
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(waits).toEqual([125, 250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect([codes, counters.errors]).toEqual([['FSM4002'], 10]);
});

it('says it again when it happens again', () => {
  const { codes } = play(60_000, cold => ({ lists: [cold('(0|)')], watches: [cold('10s a 10s #', down)] }));
  expect(codes).toEqual(['FSM4002', 'FSM4002']);
});

it('goes on at once when the server ends a stream that was a good one', () => {
  const { events } = play(450_000, cold => ({
    lists: [cold('(0|)')],
    watches: [cold('100s k 100s k 100s |'), cold('100s b')],
  }));
  expect(events.slice(1)).toEqual([
    '0 synced 10',
    '0 watch 10',
    '100000 passed 17',
    '200001 passed 17',
    '300002 watch 17',
    '400002 applied shop/b 25',
    '400002 passed 25',
  ]);
});

it('backs off when streams end as soon as they begin', () => {
  const { events } = play(2_000, cold => ({ lists: [cold('(0|)')], watches: [cold('|')] }));
  expect(events.slice(2)).toEqual([
    '0 watch 10',
    '0 watch 10',
    '125 watch 10',
    '375 watch 10',
    '875 watch 10',
    '1875 watch 10',
  ]);
});

it('stays at its place however long the server is away', () => {
  const { events, counters } = play(600_000, cold => ({
    lists: [cold('(0|)')],
    watches: [cold('#', down)],
  }));
  expect(new Set(events.slice(2).map(each => each.replace(/^\d+ /, '')))).toEqual(new Set(['watch 10']));
  expect(counters.relists).toBe(0);
});

it('tells after a 410 what the watch missed', () => {
  const { events, codes, counters } = play(1_000, cold => ({
    lists: [cold('(1|)'), cold('20ms (2|)')],
    watches: [cold('100ms (x|)'), NEVER],
  }));
  expect(events.slice(3)).toEqual(['0 watch 20', '100 list', '120 applied shop/b 25', '120 synced 30', '120 watch 30']);
  expect(codes).toEqual(['FSM4004']);
  expect(counters).toEqual({ events: 2, bookmarks: 0, missed: 1, relists: 1, reconnects: 1, errors: 0 });
});

it('does not list over and over when every place is too old', () => {
  const { events } = play(2_000, cold => ({ lists: [cold('(0|)')], watches: [cold('(x|)')] }));
  expect(events.filter(each => / list/.test(each))).toEqual([
    '0 list',
    '0 list',
    '125 list',
    '375 list',
    '875 list',
    '1875 list',
  ]);
});

it('lists whole when the server forgets a list between two pages', () => {
  const first = { ...page('10', pod('a', '5')), continue: 'more' };
  const { events, counters } = play(1_000, cold => ({
    lists: [of(first), cold('10ms #', refuse(410)), cold('(1|)')],
  }));
  expect(events).toEqual([
    '0 list',
    '0 applied shop/a 5',
    '0 list more',
    '10 list whole',
    '10 applied shop/a 15',
    '10 synced 20',
    '10 watch 20',
  ]);
  expect(counters).toMatchObject({ errors: 0, missed: 0 });
});

it('stays away as long as the server asks it to', () => {
  const { events } = play(60_000, cold => ({ lists: [cold('#', refuse(429, '20')), cold('(0|)')] }));
  expect(events).toEqual(['0 list', '20000 list', '20000 synced 10', '20000 watch 10']);
});

it('goes on from the last event after garbage, and lists when there is nothing else', () => {
  const { events, codes, counters } = play(1_500, cold => ({
    lists: [cold('(0|)'), cold('(1|)')],
    watches: [cold('(ag)'), cold('g'), cold('g'), NEVER],
  }));
  expect(events.slice(2)).toEqual([
    '0 watch 10',
    '0 applied shop/a 15',
    '0 passed 15',
    '125 watch 15',
    '375 watch 15',
    '875 list',
    '875 synced 20',
    '875 watch 20',
  ]);
  expect([codes, counters.missed]).toEqual([['FSM4003'], 0]);
});

it('tries a new place as often as the old one', () => {
  const { events } = play(30_000, cold => ({ lists: [cold('(0|)')], watches: [cold('g')] }));
  const asked = events.map(each => each.split(' ')[1]).filter(each => each !== 'synced');
  expect(asked.slice(0, 8)).toEqual(['list', 'watch', 'watch', 'watch', 'list', 'watch', 'watch', 'watch']);
});

it('forgets earlier failures when a stream was quiet but good', () => {
  const { events } = play(60_000, cold => ({
    lists: [cold('(0|)')],
    watches: [cold('#', down), cold('#', down), cold('#', down), cold('20s #', down), NEVER],
  }));
  expect(events.slice(2)).toEqual(['0 watch 10', '125 watch 10', '375 watch 10', '875 watch 10', '21000 watch 10']);
});

it('tells once what is gone', () => {
  const { events } = play(9_000, cold => ({
    lists: [cold('(1|)'), cold('(0|)')],
    watches: [cold('6s (x|)'), cold('1s (x|)'), NEVER],
  }));
  expect(events.filter(each => /deleted/.test(each))).toEqual(['6000 deleted shop/a 10']);
  expect(events.filter(each => / list/.test(each))).toHaveLength(3);
});

it('ends with an error that is nobody’s but ours', () => {
  expect(() => play(1_000, cold => ({ lists: [cold('#', new TypeError('a bug'))] }))).toThrow(/a bug/);
});

it('takes a kind that is not installed for an empty one and looks now and then', () => {
  const { events, codes } = play(70_000, cold => ({
    lists: [cold('#', refuse(404)), cold('#', refuse(404)), cold('(1|)')],
  }));
  expect(events).toEqual([
    '0 list',
    '0 synced ',
    '22500 list',
    '45000 list',
    '45000 applied shop/a 15',
    '45000 synced 20',
    '45000 watch 20',
  ]);
  expect(codes).toEqual(['FSM4001']);
});

it('believes that a kind is gone with all its objects when it is told twice', () => {
  const { events } = play(10_000, cold => ({
    lists: [cold('(1|)'), cold('#', refuse(404))],
    watches: [cold('6s #', refuse(404))],
  }));
  expect(events.slice(3)).toEqual(['0 watch 20', '6125 list', '7625 list', '7625 deleted shop/a ', '7625 synced ']);
});

it('keeps the objects of a kind that is back at the second look', () => {
  const { events, counters } = play(10_000, cold => ({
    lists: [cold('(1|)'), cold('#', refuse(404)), cold('(2|)')],
    watches: [cold('6s #', refuse(404)), NEVER],
  }));
  expect(events.slice(4)).toEqual([
    '6125 list',
    '7625 list',
    '7625 applied shop/b 25',
    '7625 synced 30',
    '7625 watch 30',
  ]);
  expect(counters.missed).toBe(1);
});

it('asks for nothing while it is held', () => {
  const { events } = play(10_000, cold => ({
    lists: [cold('(0|)')],
    watches: [cold('1s a'), cold('2s b')],
    options: {
      hold: (cold('f 2s t 3s f') as Observable<boolean>).pipe(shareReplay(1)),
    },
  }));
  expect(events.slice(3).filter(each => !each.includes('passed'))).toEqual([
    '1000 applied shop/a 15',
    '5002 watch 15',
    '7002 applied shop/b 25',
  ]);
});
