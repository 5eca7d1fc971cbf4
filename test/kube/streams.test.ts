/** The stream of a watch, byte by byte, from a server that a test plays by hand. */
import { map, type Observable } from 'rxjs';
import { expect, it } from 'vitest';
import { createClient } from '../../src/kube/client.ts';
import { systemTiming } from '../../src/kube/timing.ts';
import { newCounters, type WatchEvent, type WatchOptions } from '../../src/kube/watch/types.ts';
import { watchResource } from '../../src/kube/watch/watch.ts';
import { problemLog, record } from './recorder.ts';
import {
  type Exchange,
  line,
  pod,
  podList,
  type ScriptedServer,
  startScriptedServer,
  status,
} from './scripted-server.ts';

const pods = { kind: 'Pod', group: '', version: 'v1', plural: 'pods', namespaced: true };

/** A watch of pods on a scripted server; back-off takes a few milliseconds, so that nothing waits. */
async function start(options: Partial<WatchOptions> = {}) {
  const server = await startScriptedServer();
  const client = createClient({ server: server.url });
  const log = problemLog();
  const counters = newCounters();
  const events: Observable<WatchEvent> = watchResource(client, pods, {
    onProblem: log.onProblem,
    counters,
    timing: { ...systemTiming, random: () => 0 },
    bounds: { firstBackoffMs: 2, mostBackoffMs: 4, ...options.bounds },
  });
  const close = async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  };
  return { server, events, log, counters, [Symbol.asyncDispose]: close };
}

async function listed(server: ScriptedServer, resourceVersion = '10', items: unknown[] = []): Promise<Exchange> {
  (await server.next()).json(podList(resourceVersion, items));
  return server.next();
}

it('asks for bookmarks, a bounded time and the place of the list', async () => {
  await using watch = await start();
  using _ = record(watch.events);
  const list = await watch.server.next();
  expect([list.path, list.query.toString()]).toEqual(['/api/v1/pods', 'limit=500']);
  list.json(podList('10', []));
  const stream = await watch.server.next();
  expect(Object.fromEntries(stream.query)).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: '10',
    timeoutSeconds: '300',
  });
});

it('is read the same however it is cut into chunks, within characters too', async () => {
  const text = Buffer.from(line('ADDED', pod('größe-✓', '11')) + line('DELETED', pod('größe-✓', '12')));
  await using watch = await start();
  using told = record(watch.events);
  const stream = await listed(watch.server);
  for (const byte of text) await stream.write(Uint8Array.of(byte));
  const [ready, ...rest] = await told.atLeast(5);
  expect(ready).toBe('synced 10');
  expect(rest).toEqual(['applied shop/größe-✓ 11', 'passed 11', 'deleted shop/größe-✓ 12', 'passed 12']);
});

it('goes on from the last event when the connection breaks within a line', async () => {
  await using watch = await start();
  using told = record(watch.events);
  const stream = await listed(watch.server);
  await stream.write(line('ADDED', pod('a', '11')) + line('ADDED', pod('b', '12')).slice(0, 20));
  await told.seen(/shop\/a/);
  stream.cut();
  const next = await watch.server.next();
  expect(next.query.get('resourceVersion')).toBe('11');
  await next.write(line('ADDED', pod('b', '12')));
  await told.seen(/passed 12/);
  expect(told.lines).toEqual(['synced 10', 'applied shop/a 11', 'passed 11', 'applied shop/b 12', 'passed 12']);
  expect(watch.counters).toMatchObject({ reconnects: 1, missed: 0, relists: 0, errors: 1 });
  expect(watch.log.codes()).toEqual(['FSM4002']);
});

it('goes on from the last event when it ends within a line', async () => {
  await using watch = await start();
  using told = record(watch.events);
  const stream = await listed(watch.server);
  await stream.write(line('ADDED', pod('a', '11')));
  stream.response.end('{"type":"ADD');
  expect((await watch.server.next()).query.get('resourceVersion')).toBe('11');
  expect(told.lines).toEqual(['synced 10', 'applied shop/a 11', 'passed 11']);
  expect(watch.log.problems.map(({ what }) => what)).toEqual(['the watch of Pod sent a line that was cut short']);
});

it.each([
  ['text', 'no JSON at all\n', '14 characters that are not JSON'],
  ['no event', '[1]\n', 'JSON that is not an event'],
  ['an unknown type', line('RENAMED', pod('x', '12')), 'an event of type "RENAMED"'],
  [
    'an object without a name',
    line('ADDED', { metadata: { resourceVersion: '12' } }),
    'an object without name or resourceVersion',
  ],
  ['a bookmark of nowhere', line('BOOKMARK', {}), 'a bookmark without a resourceVersion'],
  ['a line without end', 'x'.repeat(2000), 'a line of more than 1000 bytes'],
])('reports %s and reads again from before it', async (_, garbage, what) => {
  await using watch = await start({ bounds: { maxLineBytes: 1000 } });
  using told = record(watch.events);
  const stream = await listed(watch.server);
  await stream.write(line('ADDED', pod('a', '11')) + garbage + line('ADDED', pod('b', '13')));
  const next = await watch.server.next();
  expect(next.query.get('resourceVersion')).toBe('11');
  expect(told.lines).toEqual(['synced 10', 'applied shop/a 11', 'passed 11']);
  expect(watch.log.problems.map(problem => [problem.code, problem.what])).toEqual([
    ['FSM4003', `the watch of Pod sent ${what}`],
  ]);
  expect(watch.counters.errors).toBe(1);
});

it('lists when three streams in a row bring nothing but garbage', async () => {
  await using watch = await start();
  using told = record(watch.events);
  (await listed(watch.server)).response.end('garbage\n');
  (await watch.server.next()).response.end('garbage\n');
  (await watch.server.next()).response.end('garbage\n');
  const list = await watch.server.next();
  expect(list.query.has('watch')).toBe(false);
  list.json(podList('20', [pod('a', '11')]));
  expect(await told.atLeast(3)).toEqual(['synced 10', 'applied shop/a 11', 'synced 20']);
  expect(watch.counters).toMatchObject({ missed: 1, relists: 1, errors: 3 });
  expect(watch.log.codes()).toEqual(['FSM4003', 'FSM4004']);
});

it('lists when a stream is silent', async () => {
  await using watch = await start({ bounds: { idleMs: 30 } });
  using told = record(watch.events);
  const stream = await listed(watch.server, '10', [pod('a', '9')]);
  stream.response.flushHeaders();
  (await watch.server.next()).json(podList('20', []));
  expect(await told.atLeast(4)).toEqual(['applied shop/a 9', 'synced 10', 'deleted shop/a 20', 'synced 20']);
  await stream.closed;
  expect(watch.log.problems[0]?.what).toMatch(/was silent/);
});

it.each([
  ['as a status', (stream: Exchange) => stream.json(status(410, 'Expired'), 410)],
  ['as an event', (stream: Exchange) => void stream.response.end(line('ERROR', status(410, 'Expired')))],
])('lists on 410 %s and tells the difference', async (_, expire) => {
  await using watch = await start();
  using told = record(watch.events);
  const stream = await listed(watch.server, '10', [pod('a', '8'), pod('b', '9')]);
  expire(stream);
  (await watch.server.next()).json(podList('20', [pod('a', '8'), pod('c', '15')]));
  expect((await told.atLeast(6)).slice(3)).toEqual(['applied shop/c 15', 'deleted shop/b 20', 'synced 20']);
  expect((await watch.server.next()).query.get('resourceVersion')).toBe('20');
  expect(watch.counters).toMatchObject({ missed: 2, relists: 1, errors: 0 });
  expect(watch.log.codes()).toEqual(['FSM4004']);
});

it('moves its place with a bookmark', async () => {
  await using watch = await start();
  using _ = record(watch.events);
  const stream = await listed(watch.server);
  stream.response.end(line('BOOKMARK', { metadata: { resourceVersion: '99' } }));
  expect((await watch.server.next()).query.get('resourceVersion')).toBe('99');
  expect(watch.counters).toMatchObject({ bookmarks: 1, events: 0, errors: 0 });
});

it('hands an exception of the consumer to the consumer, and closes the stream', async () => {
  await using watch = await start();
  using told = record(
    watch.events.pipe(
      map(event => {
        if (event.type === 'applied') throw new TypeError('a bug in the consumer');
        return event;
      }),
    ),
  );
  const stream = await listed(watch.server);
  await stream.write(line('ADDED', pod('a', '11')));
  expect(await told.failed).toEqual(new TypeError('a bug in the consumer'));
  await stream.closed;
  expect([watch.server.waiting, watch.counters.errors, watch.log.problems]).toEqual([0, 0, []]);
});

it('closes the stream when nobody listens any more', async () => {
  await using watch = await start();
  const told = record(watch.events);
  const stream = await listed(watch.server);
  told[Symbol.dispose]();
  await stream.closed;
  expect(watch.server.waiting).toBe(0);
});
