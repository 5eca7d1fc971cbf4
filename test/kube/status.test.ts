import { expect, it } from 'vitest';
import type { Problem } from '../../src/api/problem.ts';
import { createClient } from '../../src/kube/client.ts';
import { judgement } from '../../src/kube/status/conditions.ts';
import { LatestQueue } from '../../src/kube/status/latest-queue.ts';
import { createStatusWriter, type StatusWriterOptions } from '../../src/kube/status.ts';
import { leapingTiming } from './leaping.ts';
import { problemLog } from './recorder.ts';
import { type Exchange, startScriptedServer, status } from './scripted-server.ts';

const splits = {
  kind: 'TrafficSplit',
  group: 'split.smi-spec.io',
  version: 'v1alpha4',
  plural: 'trafficsplits',
  namespaced: true,
};
const ref = { kind: 'TrafficSplit', namespace: 'shop', name: 'web' };

function problem(what: string): Problem {
  return { code: 'FSM1002', path: '/spec/service', what, why: 'why', fix: 'fix' };
}

async function start(options: Partial<StatusWriterOptions> = {}) {
  const server = await startScriptedServer();
  const client = createClient({ server: server.url });
  const log = problemLog();
  const writer = createStatusWriter(client, {
    resources: [splits],
    onProblem: log.onProblem,
    perSecond: 1000,
    ...options,
  });
  const close = async () => {
    writer.close();
    client.close();
    await server[Symbol.asyncDispose]();
  };
  return { server, writer, log, [Symbol.asyncDispose]: close };
}

function split(resourceVersion: string, fields: object = {}): object {
  return { metadata: { namespace: 'shop', name: 'web', resourceVersion, generation: 3 }, ...fields };
}

/** What a PATCH of the status says. */
function patched({
  body,
}: Exchange): { reason: string; message: string; observedGeneration?: number } & Record<string, unknown> {
  return JSON.parse(body).status.conditions.at(-1);
}

/** Answers a PATCH as the server would. */
function keep(exchange: Exchange, resourceVersion: string): void {
  exchange.json(split(resourceVersion, JSON.parse(exchange.body)));
}

it('reads, then patches the status alone, under the version that it read', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [problem('one')] });
  const read = await api.server.next();
  expect([read.method, read.path]).toEqual([
    'GET',
    '/apis/split.smi-spec.io/v1alpha4/namespaces/shop/trafficsplits/web',
  ]);
  read.json(split('7'));
  const write = await api.server.next();
  expect([write.method, write.path, write.headers['content-type']]).toEqual([
    'PATCH',
    `${read.path}/status`,
    'application/merge-patch+json',
  ]);
  expect(JSON.parse(write.body).metadata).toEqual({ resourceVersion: '7' });
  expect(patched(write)).toMatchObject({ reason: 'FSM1002', observedGeneration: 3 });
  keep(write, '8');
  await api.writer.idle();
  expect(api.writer.counters).toEqual({ written: 1, unchanged: 0, events: 0, errors: 0, dropped: 0 });
});

it('writes the newest, also when it comes while an older one is under way', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [problem('one')] });
  (await api.server.next()).json(split('7'));
  const first = await api.server.next();
  api.writer.update({ ...ref, problems: [problem('two')] });
  api.writer.update({ ...ref, problems: [problem('three')] });
  keep(first, '8');
  (await api.server.next()).json(split('8', JSON.parse(first.body)));
  const second = await api.server.next();
  expect(patched(second).message).toMatch(/three/);
  keep(second, '9');
  await api.writer.idle();
  expect([api.writer.counters.written, api.server.waiting]).toEqual([2, 0]);
});

it('goes back to what it wrote before when something else is under way', async () => {
  await using api = await start();
  const settle = async (what: string, version: string) => {
    (await api.server.next()).json(split(version));
    const write = await api.server.next();
    expect(patched(write).message).toMatch(what);
    return write;
  };
  api.writer.update({ ...ref, problems: [problem('one')] });
  keep(await settle('one', '7'), '8');
  await api.writer.idle();
  api.writer.update({ ...ref, problems: [problem('two')] });
  const two = await settle('two', '8');
  api.writer.update({ ...ref, problems: [problem('one')] });
  keep(two, '9');
  keep(await settle('one', '9'), '10');
  await api.writer.idle();
  expect(api.writer.counters.written).toBe(3);
});

it('reads again when another writer was faster', async () => {
  await using api = await start({ timing: leapingTiming() });
  api.writer.update({ ...ref, problems: [] });
  (await api.server.next()).json(split('7'));
  (await api.server.next()).json(status(409, 'Conflict'), 409);
  const theirs = { type: 'Theirs', status: 'True' };
  (await api.server.next()).json(split('8', { status: { conditions: [theirs] } }));
  const write = await api.server.next();
  expect(JSON.parse(write.body).status.conditions).toEqual([
    theirs,
    expect.objectContaining({ type: 'Accepted', status: 'True' }),
  ]);
  keep(write, '9');
  await api.writer.idle();
  expect(api.log.problems).toEqual([]);
});

it('asks nothing about what it has said, and nothing about what is gone', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [] });
  (await api.server.next()).json(status(404, 'NotFound'), 404);
  await api.writer.idle();
  const settled = { ...ref, name: 'other', problems: [], resourceVersion: '7' };
  api.writer.update(settled);
  (await api.server.next()).json(split('7'));
  keep(await api.server.next(), '8');
  await api.writer.idle();
  api.writer.update(settled);
  await api.writer.idle();
  expect([api.server.waiting, api.writer.counters.written]).toEqual([0, 1]);
});

it('knows the generation it judged after its own write, and claims none that it did not judge', async () => {
  await using api = await start();
  const write = async (live: string) => {
    (await api.server.next()).json(split(live));
    const exchange = await api.server.next();
    keep(exchange, `${live}0`);
    await api.writer.idle();
    return patched(exchange).observedGeneration;
  };
  api.writer.update({ ...ref, resourceVersion: '7', problems: [problem('one')] });
  expect(await write('7')).toBe(3);
  api.writer.update({ ...ref, resourceVersion: '7', problems: [problem('two')] });
  expect(await write('70')).toBe(3);
  api.writer.update({ ...ref, resourceVersion: '8', problems: [problem('three')] });
  expect(await write('99')).toBeUndefined();
});

it('says what it may not do, and does not insist', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [] });
  (await api.server.next()).json(split('7'));
  (await api.server.next()).json(status(403, 'Forbidden'), 403);
  await api.writer.idle();
  expect(api.log.problems.map(each => each.fix)).toEqual([expect.stringMatching(/allow the verb "patch"/)]);
  expect([api.server.waiting, api.writer.counters.errors]).toEqual([0, 1]);
});

it('refuses what does not fit into the queue, and says so', async () => {
  await using api = await start({ maxPending: 1 });
  for (const name of ['a', 'b', 'c']) api.writer.update({ ...ref, name, problems: [] });
  expect(api.writer.counters.dropped).toBe(1);
  expect(api.log.problems.map(({ object, path }) => [object?.name, path])).toEqual([['c', '/status']]);
});

it('tries the status of a kind that has none only once', async () => {
  await using api = await start();
  const settle = async (name: string, answers: readonly [string, number, object][]) => {
    api.writer.update({ ...ref, name, problems: [problem('one')] });
    for (const [expected, code, body] of answers) {
      const exchange = await api.server.next();
      expect(`${exchange.method} ${exchange.path.split('/').at(-1)}`).toBe(expected);
      exchange.json(body, code);
    }
    await api.writer.idle();
  };
  const event = { metadata: { name: 'any' } };
  await settle('a', [
    ['GET a', 200, split('7')],
    ['PATCH status', 404, status(404, 'NotFound')],
    ['GET a', 200, split('7')],
    ['POST events', 201, event],
  ]);
  await settle('b', [
    ['GET b', 200, split('7')],
    ['POST events', 201, event],
  ]);
  expect(api.writer.counters).toMatchObject({ events: 2, written: 0, errors: 0 });
});

it.each([
  ['is gone', (exchange: Exchange) => exchange.json(status(404, 'NotFound'), 404)],
  ['was made again', (exchange: Exchange) => exchange.json({ metadata: { name: 'web', uid: 'another' } })],
])('takes an object that %s since it was read for no sign that its kind has no status', async (_, answerAgain) => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [problem('one')] });
  (await api.server.next()).json(split('7'));
  (await api.server.next()).json(status(404, 'NotFound'), 404);
  answerAgain(await api.server.next());
  await api.writer.idle();
  api.writer.update({ ...ref, problems: [problem('two')] });
  (await api.server.next()).json(split('9'));
  keep(await api.server.next(), '10');
  await api.writer.idle();
  expect(api.writer.counters).toMatchObject({ written: 1, events: 0 });
});

it('tries again in time though the clock was set back', async () => {
  const timing = leapingTiming();
  const startMs = timing.scheduler.now();
  let tries = 0;
  const queue = new LatestQueue<string>({
    work: async () => {
      timing.jump(-3600_000);
      return ++tries < 3 ? 'again' : 'done';
    },
    onGivenUp: () => undefined,
    intervalMs: 0,
    maxPending: 10,
    maxAttempts: 5,
    backoff: { firstMs: 1000, mostMs: 10_000 },
    timing,
  });
  queue.put('any', 'value');
  await queue.idle();
  expect([tries, timing.scheduler.now() - startMs + 3 * 3600_000]).toEqual([3, 1500]);
});

it('does not repeat what failed when there is something newer', async () => {
  await using api = await start({ timing: leapingTiming() });
  api.writer.update({ ...ref, problems: [problem('one')] });
  const read = await api.server.next();
  api.writer.update({ ...ref, problems: [problem('two')] });
  read.json(status(500, 'InternalError'), 500);
  (await api.server.next()).json(split('7'));
  const write = await api.server.next();
  expect(patched(write).message).toMatch(/two/);
  keep(write, '8');
  await api.writer.idle();
  expect([api.server.waiting, api.writer.counters.written]).toEqual([0, 1]);
});

it('keeps its pace, and lets nobody wait for what fails', async () => {
  const timing = leapingTiming();
  const log: string[] = [];
  const note = (text: string) => log.push(`${timing.scheduler.now()} ${text}`);
  const queue = new LatestQueue<string>({
    work: async (key, value) => {
      note(`${key}=${value}`);
      return key === 'bad' ? 'again' : 'done';
    },
    onGivenUp: (key, value) => note(`gave up ${key}=${value}`),
    intervalMs: 100,
    maxPending: 10,
    maxAttempts: 3,
    backoff: { firstMs: 1000, mostMs: 10_000 },
    timing,
  });
  queue.put('bad', '1');
  queue.put('good', '1');
  queue.put('good', '2');
  await queue.idle();
  expect(log).toEqual(['0 bad=1', '100 good=2', '500 bad=1', '1500 bad=1', '1500 gave up bad=1']);
});

const warning = (what: string): Problem => ({ ...problem(what), code: 'FSM1006', severity: 'warning' });

it('accepts an object that has warnings only, and says them in a condition of their own', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [warning('a field does nothing')] });
  const theirs = { type: 'Theirs', status: 'True' };
  (await api.server.next()).json(split('7', { status: { conditions: [theirs] } }));
  const write = await api.server.next();
  expect(JSON.parse(write.body).status.conditions).toEqual([
    theirs,
    expect.objectContaining({ type: 'Accepted', status: 'True', message: '' }),
    expect.objectContaining({ type: 'NotInForce', status: 'True', reason: 'FSM1006', observedGeneration: 3 }),
  ]);
  expect(patched(write).message).toMatch(/FSM1006 \(warning\).*a field does nothing/);
  keep(write, '8');
  await api.writer.idle();
});

it('says both what is wrong and what does nothing, and takes the warning back when it is gone', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [warning('idle'), problem('wrong')] });
  (await api.server.next()).json(split('7'));
  const both = await api.server.next();
  expect(JSON.parse(both.body).status.conditions).toMatchObject([
    { type: 'Accepted', status: 'False', reason: 'FSM1002', message: expect.not.stringContaining('idle') },
    { type: 'NotInForce', status: 'True', message: expect.not.stringContaining('wrong') },
  ]);
  keep(both, '8');
  await api.writer.idle();
  api.writer.update({ ...ref, problems: [] });
  (await api.server.next()).json(split('8', JSON.parse(both.body)));
  const none = await api.server.next();
  expect(JSON.parse(none.body).status.conditions).toMatchObject([{ type: 'Accepted', status: 'True' }]);
  keep(none, '9');
  await api.writer.idle();
});

it('writes nothing where both conditions are there already', async () => {
  await using api = await start();
  api.writer.update({ ...ref, problems: [warning('idle')] });
  const { message } = warningConditions();
  const conditions = [
    { type: 'NotInForce', status: 'True', reason: 'FSM1006', message, observedGeneration: 3 },
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', observedGeneration: 3 },
  ];
  (await api.server.next()).json(split('7', { status: { conditions } }));
  await api.writer.idle();
  expect(api.writer.counters).toMatchObject({ written: 0, unchanged: 1 });
});

function warningConditions(): { message: string } {
  const [, warned] = judgement([warning('idle')]);
  return { message: warned?.message ?? '' };
}

it('says a warning in an Event where the kind has no status that is ours', async () => {
  await using api = await start({ resources: [{ ...splits, status: false }] });
  api.writer.update({ ...ref, problems: [warning('not as it seems')] });
  (await api.server.next()).json(split('7'));
  const event = await api.server.next();
  expect(JSON.parse(event.body)).toMatchObject({ type: 'Warning', reason: 'FSM1006' });
  event.json(JSON.parse(event.body), 201);
  await api.writer.idle();
  expect(api.writer.counters).toMatchObject({ written: 0, events: 1 });
});
