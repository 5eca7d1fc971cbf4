/** Every parameter of `pods/log` is in force, or refused in words. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogFile, type LogFile } from '../../../src/sandbox/logs.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { paths, pod } from './fixtures.ts';

const dir = mkdtempSync(join(tmpdir(), 'fsm-log-'));
let cluster: Cluster;
let log: LogFile;

beforeAll(async () => {
  log = createLogFile(join(dir, 'log'));
  log.begin();
  for (const line of ['old 1', 'old 2']) log.write(line);
  log.begin();
  for (const line of ['one', 'two', 'three']) log.write(line);
  cluster = await startCluster({
    podLog: async ({ metadata }, { container, ...options }) => {
      if (metadata.name === 'waits' || container === 'fresh') return undefined;
      return options.previous && !log.hasPrevious() ? undefined : log.read(options);
    },
  });
  const sidecar = { name: 'sidecar', image: 'x' };
  await cluster.call('POST', paths.pods, pod('one'));
  await cluster.call('POST', paths.pods, pod('waits'));
  const { spec } = pod('two');
  await cluster.call('POST', paths.pods, { ...pod('two'), spec: { containers: [...spec.containers, sidecar] } });
});
afterAll(async () => {
  await cluster.close();
  rmSync(dir, { recursive: true });
});

const read = async (query: string, name = 'one') => {
  const { code, body } = await cluster.call('GET', `${paths.pods}/${name}/log?${query}`);
  return { code, text: String(body.text ?? body.message), details: body.details };
};

describe('a log', () => {
  test.each([
    ['', 'one\ntwo\nthree\n'],
    ['container=app', 'one\ntwo\nthree\n'],
    ['tailLines=2', 'two\nthree\n'],
    ['tailLines=0', ''],
    ['tailLines=99', 'one\ntwo\nthree\n'],
    ['limitBytes=6', 'one\ntw'],
    ['limitBytes=4&tailLines=1', 'thre'],
    ['sinceSeconds=600', 'one\ntwo\nthree\n'],
    [`sinceTime=${new Date(Date.now() + 3_600_000).toISOString()}`, ''],
    ['previous=true', 'old 1\nold 2\n'],
    ['previous=true&tailLines=1', 'old 2\n'],
    ['previous=false&follow=false&timestamps=0&stream=All', 'one\ntwo\nthree\n'],
    ['insecureSkipTLSVerifyBackend=true', 'one\ntwo\nthree\n'],
  ])('with %j', async (query, text) => {
    expect(await read(query)).toMatchObject({ code: 200, text });
  });

  test('with timestamps has one before each line', async () => {
    const { text } = await read('timestamps=true&tailLines=1');
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z three\n$/);
  });

  test.each([
    ['tailLines=x', 400, /tailLines: "x" is no whole number/],
    ['tailLines=-1', 422, /PodLogOptions "one" is invalid: tailLines: Invalid value: -1/],
    ['limitBytes=0', 422, /limitBytes: Invalid value: 0: must be greater than or equal to 1/],
    ['sinceSeconds=0', 422, /sinceSeconds/],
    ['sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z', 422, /at most one of/],
    ['sinceTime=yesterday', 400, /is no time of RFC 3339/],
    ['previous=maybe', 400, /neither true nor false/],
    ['follow=maybe', 400, /neither true nor false/],
    ['stream=Stderr', 400, /not in the sandbox/],
    ['container=nosuch', 400, /container nosuch is not valid for pod one/],
  ])('with %s is %i', async (query, code, message) => {
    const answer = await read(query);
    expect(answer.code).toBe(code);
    expect(answer.text).toMatch(message);
    expect(answer.details).toMatchObject({ name: 'one' });
  });

  test('of one of several containers needs its name', async () => {
    expect(await read('', 'two')).toMatchObject({
      code: 400,
      text: 'a container name must be specified for pod two, choose one of: [app sidecar]',
    });
    expect((await read('container=sidecar', 'two')).code).toBe(200);
  });

  test('that is not there says why', async () => {
    expect(await read('', 'waits')).toMatchObject({
      code: 400,
      text: 'container "app" in pod "waits" is waiting to start: Pending',
    });
    expect(await read('previous=true', 'waits')).toMatchObject({
      code: 400,
      text: 'previous terminated container "app" in pod "waits" not found',
    });
  });
});
