/** The watch on the sandbox's API server, which fails on purpose. */
import { expect, it } from 'vitest';
import { createClient } from '../../src/kube/client.ts';
import { watchAll } from '../../src/kube/watch/all.ts';
import { newCounters, type WatchCounters, type WatchOptions } from '../../src/kube/watch/types.ts';
import { watchResource } from '../../src/kube/watch/watch.ts';
import type { Faults } from '../../src/sandbox/api/faults.ts';
import type { ApiServerOptions } from '../../src/sandbox/api/server.ts';
import { adminToken, startCluster } from '../sandbox/api/cluster.ts';
import { problemLog, record } from './recorder.ts';

const configMaps = { kind: 'ConfigMap', group: '', version: 'v1', plural: 'configmaps', namespaced: true };

async function start(options: Partial<ApiServerOptions> = {}) {
  const faults: Faults = {};
  const cluster = await startCluster({ faults, ...options });
  const client = createClient({
    server: `https://127.0.0.1:${cluster.server.port}`,
    ca: cluster.ca,
    token: adminToken,
  });
  const [log, counters] = [problemLog(), newCounters()];
  const bounds = { firstBackoffMs: 2, mostBackoffMs: 20 };
  const watch = (more: Partial<WatchOptions> = {}) =>
    watchResource(client, configMaps, { onProblem: log.onProblem, counters, bounds, ...more });
  const put = (name: string) => client.create(configMaps, { metadata: { namespace: 'default', name } });
  const close = async () => {
    client.close();
    await cluster.close();
  };
  return { cluster, client, faults, log, counters, watch, put, [Symbol.asyncDispose]: close };
}

/** Counters that say when one of them has reached a number. */
function countTo(field: keyof WatchCounters, target: number): { counters: WatchCounters; reached: Promise<void> } {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const counters = Object.defineProperty(newCounters(), field, {
    get: () => count,
    set: (next: number) => {
      count = next;
      if (count >= target) resolve();
    },
    enumerable: true,
  });
  return { counters, reached };
}

it('finds by a new list what a watch was never told', async () => {
  await using api = await start();
  using told = record(api.watch());
  await told.seen(/^synced/);
  api.faults.onEvent = (_, { object }) => (object.metadata.name === 'lost' ? 'drop' : undefined);
  await api.put('lost');
  await api.put('seen');
  await told.seen(/seen/);
  expect(told.lines.some(each => /lost/.test(each))).toBe(false);
  api.faults.onEvent = () => 'gone';
  await api.put('last');
  await told.seen(/last/);
  expect(told.lines.filter(each => /lost|last/.test(each))).toHaveLength(2);
  expect(api.counters).toMatchObject({ relists: 1, missed: 2, errors: 0 });
  expect(api.log.problems.map(({ what }) => what)).toEqual([
    'the watch of ConfigMap missed 2 changes, which a new list found',
  ]);
});

it('loses nothing when every stream is cut at its first event', async () => {
  await using api = await start();
  using told = record(api.watch());
  await told.seen(/^synced/);
  let cuts = 0;
  api.faults.onEvent = () => (cuts++ % 2 === 0 ? 'close' : undefined);
  for (const name of ['a', 'b', 'c', 'd']) await api.put(name);
  await told.seen(/\/d /);
  const names = told.lines.filter(each => /^applied/.test(each)).map(each => each.split(/[/ ]/)[2]);
  expect(names).toEqual(['a', 'b', 'c', 'd']);
  expect(api.counters.relists).toBe(0);
  expect(api.counters.reconnects).toBeGreaterThan(0);
});

it('gets through a server that is overloaded, broken and gone in turn', async () => {
  await using api = await start();
  await api.put('a');
  const script = [
    { answer: 429, retryAfterSeconds: 0.01 },
    { answer: 500 },
    { close: true },
    { close: true },
    { answer: 503 },
  ] as const;
  let next = 0;
  api.faults.onRequest = () => script[next++];
  using told = record(api.watch());
  await told.seen(/^synced/);
  expect(told.lines[0]).toMatch(/^applied default\/a/);
  expect(api.log.codes()).toEqual(['FSM4001', 'FSM4001', 'FSM4002', 'FSM4001']);
});

it('lists again where the history is too short, and tells the difference', async () => {
  await using api = await start({ historySize: 3 });
  let refuseWatches = false;
  api.faults.onRequest = ({ verb }) => (refuseWatches && verb === 'watch' ? { answer: 503 } : undefined);
  api.faults.onEvent = () => 'close';
  using told = record(api.watch());
  await told.seen(/^synced/);
  refuseWatches = true;
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await api.put(name);
  await api.client.delete(configMaps, { namespace: 'default', name: 'a' });
  api.faults.onEvent = () => undefined;
  refuseWatches = false;
  await told.seen(/^applied default\/f /);
  expect(new Set(told.lines.map(each => each.split(/[/ ]/)[2]))).toContain('e');
  expect(told.lines.filter(each => /default\/a /.test(each)).at(-1) ?? 'deleted').toMatch(/deleted/);
  expect(api.counters.relists).toBe(1);
});

it('moves on with bookmarks', async () => {
  await using api = await start({ bookmarkIntervalMs: 5 });
  const { counters, reached } = countTo('bookmarks', 2);
  using told = record(api.watch({ counters }));
  await told.seen(/^synced/);
  await reached;
  expect(counters.events).toBe(0);
});

it('holds the streams of a consumer that is stuck, and catches up with it', async () => {
  await using api = await start();
  const stuck = Promise.withResolvers<void>();
  const { counters, reached } = countTo('events', 3);
  const options = { onProblem: api.log.onProblem, counters: new Map([['ConfigMap', counters]]), maxPending: 3 };
  using told = record(watchAll(api.client, [configMaps], { ...options, ready: () => stuck.promise }));
  await told.seen(/^synced/);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await api.put(name);
  await reached;
  expect(told.lines).toHaveLength(1);
  stuck.resolve();
  await told.seen(/\/f /);
  const versionOfC = told.lines[3]?.split(' ').at(-1);
  expect(told.lines[4]).toBe(`passed ${versionOfC}`);
  const objects = told.lines.filter(each => each.startsWith('applied'));
  expect(objects.map(each => each.split(/[/ ]/)[2])).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  // The third event closed the stream; the others came over the next ones.
  expect(counters).toMatchObject({ events: 6, reconnects: 1, relists: 0, missed: 0, errors: 0 });
});
