import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Faults } from '../../../src/sandbox/api/faults.ts';
import { type Cluster, startCluster, type WatchClient } from './cluster.ts';
import { configMap, paths } from './fixtures.ts';

let cluster: Cluster;
let faults: Faults;
beforeEach(async () => {
  faults = {};
  cluster = await startCluster({ historySize: 5, bookmarkIntervalMs: 20, faults });
});
afterEach(() => cluster.close());

const create = (name: string, labels = {}) => cluster.call('POST', paths.configMaps, configMap(name, {}, labels));
const versionOf = (object: unknown) => (object as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
const watch = (query: string) => cluster.watch(`${paths.configMaps}?watch=true&${query}`);
const current = async () => versionOf((await cluster.call('GET', paths.configMaps)).body);

async function take(client: WatchClient, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const event = await client.next();
    if (!event) throw new Error(`the stream ended after ${seen.join(', ')}`);
    seen.push(`${event.type} ${(event.object.metadata as { name?: string }).name ?? ''}`.trim());
  }
  return seen;
}

describe('resourceVersion', () => {
  test('a watch continues where the list ended', async () => {
    await create('before');
    const client = await watch(`resourceVersion=${await current()}`);
    await create('after');
    await cluster.call('PUT', `${paths.configMaps}/after`, configMap('after', { a: '1' }));
    await cluster.call('DELETE', `${paths.configMaps}/after`);
    expect(await take(client, 3)).toEqual(['ADDED after', 'MODIFIED after', 'DELETED after']);
  });

  test('without one, what is there comes first', async () => {
    await create('b');
    await create('a');
    const client = await watch('');
    expect(await take(client, 2)).toEqual(['ADDED a', 'ADDED b']);
  });

  test('one that is forgotten is ERROR 410 at once', async () => {
    await create('first');
    const old = await current();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await create(name);
    const client = await watch(`resourceVersion=${old}`);
    expect(await client.next()).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    });
    expect(await client.next()).toBeUndefined();
  });

  test('one that is forgotten can be an answer 410 too, as older servers and proxies give it', async () => {
    faults.onRequest = ({ verb }) => (verb === 'watch' ? { answer: 410 } : undefined);
    const { code, body } = await cluster.call('GET', `${paths.configMaps}?watch=true&resourceVersion=1`);
    expect(code).toBe(410);
    expect(body).toMatchObject({ kind: 'Status', reason: 'Expired' });
  });

  test('an event of a deleted object carries the version of the deletion', async () => {
    const { body } = await create('gone');
    const client = await watch(`resourceVersion=${versionOf(body)}`);
    await cluster.call('DELETE', `${paths.configMaps}/gone`);
    const event = await client.next();
    expect(Number(versionOf(event?.object))).toBeGreaterThan(Number(versionOf(body)));
  });
});

describe('bookmarks', () => {
  test('come when they are asked for, and advance with other resources', async () => {
    const client = await watch(`allowWatchBookmarks=true&resourceVersion=${await current()}`);
    await cluster.call('POST', '/api/v1/namespaces', { metadata: { name: 'other' } });
    const now = await current();
    let event = await client.next();
    while (versionOf(event?.object) !== now) event = await client.next();
    expect(event).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1' } });
  });

  test('end the initial events of a streaming list', async () => {
    await create('a');
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const client = await watch(query);
    expect((await client.next())?.type).toBe('ADDED');
    const end = await client.next();
    expect(end).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: await current(), annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
  });

  test('are the last thing before a time-out', async () => {
    const client = await watch('allowWatchBookmarks=true&timeoutSeconds=1');
    const types: (string | undefined)[] = [];
    for (let event = await client.next(); event; event = await client.next()) types.push(event.type);
    expect(types.at(-1)).toBe('BOOKMARK');
  });
});

test('an object that begins to match is added, one that ceases to is deleted', async () => {
  const client = await watch(`labelSelector=on%3Dyes&resourceVersion=${await current()}`);
  await create('x', { on: 'no' });
  await cluster.call('PUT', `${paths.configMaps}/x`, configMap('x', {}, { on: 'yes' }));
  await cluster.call('PUT', `${paths.configMaps}/x`, configMap('x', { a: '1' }, { on: 'yes' }));
  await cluster.call('PUT', `${paths.configMaps}/x`, configMap('x', {}, { on: 'no' }));
  const seen = await take(client, 3);
  expect(seen).toEqual(['ADDED x', 'MODIFIED x', 'DELETED x']);
});

test('a reader that falls behind the history gets ERROR 410 and no gap', async () => {
  const client = await watch(`resourceVersion=${await current()}`);
  // The first event is held, so that the history moves on behind it.
  const { promise: until, resolve: release } = Promise.withResolvers<void>();
  faults.onEvent = (_request, event) => (event.object.metadata.name === 'slow' ? { until } : undefined);
  await create('slow');
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await create(name);
  release();
  expect(await take(client, 1)).toEqual(['ADDED slow']);
  expect(await client.next()).toMatchObject({
    type: 'ERROR',
    object: { kind: 'Status', code: 410, reason: 'Expired' },
  });
  expect(await client.next()).toBeUndefined();
});

describe('faults', () => {
  test('gone, dropped and closed events', async () => {
    const client = await watch(`resourceVersion=${await current()}`);
    faults.onEvent = (_request, event) => (({ lost: 'drop', last: 'gone' }) as const)[event.object.metadata.name];
    await create('lost');
    await create('kept');
    await create('last');
    expect(await take(client, 1)).toEqual(['ADDED kept']);
    expect(await client.next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    expect(await client.next()).toBeUndefined();
  });

  test('a connection that is cut is no orderly end', async () => {
    const client = await watch(`resourceVersion=${await current()}`);
    faults.onEvent = () => 'cut';
    await create('never-seen');
    await expect(client.next()).rejects.toThrow('aborted');
  });

  test('open watches can be ended from outside', async () => {
    const client = await watch(`resourceVersion=${await current()}`);
    for (const open of cluster.server.watches) open.end('close');
    expect(await client.next()).toBeUndefined();
    expect(cluster.server.watches.size).toBe(0);
  });

  test('requests are refused with the code and the time to wait', async () => {
    faults.onRequest = ({ verb }) => (verb === 'list' ? { answer: 429, retryAfterSeconds: 7 } : undefined);
    const { code, headers, body } = await cluster.call('GET', paths.configMaps);
    expect([code, headers['retry-after']]).toEqual([429, '7']);
    expect(body).toMatchObject({ reason: 'TooManyRequests', details: { retryAfterSeconds: 7 } });
    faults.onRequest = () => ({ close: true });
    await expect(cluster.call('GET', paths.configMaps)).rejects.toThrow('socket hang up');
  });
});

test('a closed server ends its watches', async () => {
  const other = await startCluster();
  const client = await other.watch(`${paths.configMaps}?watch=true`);
  await other.close();
  await expect(client.next()).rejects.toThrow();
});
