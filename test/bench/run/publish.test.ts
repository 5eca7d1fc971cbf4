/** A run's report in a ConfigMap. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startApi, writeKubeconfig } from '../../../bench/api-server.ts';
import { publish } from '../../../bench/run/publish.ts';
import { createClient } from '../../../src/kube/client.ts';
import type { ApiServer } from '../../../src/sandbox/api/server.ts';
import { experiments, syntheticResult } from '../report/synthetic.ts';

const result = syntheticResult({ rounds: 1, seconds: 1, experiments: experiments.slice(0, 1) });
const token = crypto.randomUUID();

let dir = '';
let server: ApiServer;
let ca = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-publish-'));
  ({ server, ca } = await startApi(token));
  vi.stubEnv('KUBECONFIG', await writeKubeconfig(dir, server.port, ca, token));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(dir, { recursive: true });
});

async function files(text: string, page: string): Promise<void> {
  await writeFile(join(dir, 'report.md'), text);
  await writeFile(join(dir, 'result.json'), JSON.stringify(result));
  await writeFile(join(dir, 'report.html'), page);
}

/** What hardly gets smaller by being compressed. */
function noise(bytes: number): string {
  let text = '';
  while (text.length < bytes) text += crypto.randomUUID();
  return text;
}

interface ConfigMap {
  readonly metadata: { readonly labels: Record<string, string> };
  readonly data: Record<string, string>;
  readonly binaryData: Record<string, string>;
}

async function stored(name: string): Promise<ConfigMap> {
  const client = createClient({ server: `https://127.0.0.1:${server.port}`, ca, token });
  const path = `/api/v1/namespaces/default/configmaps/${name}`;
  const map = (await client.request({ method: 'GET', path })) as ConfigMap;
  client.close();
  return map;
}

const unzipped = (text: string | undefined): string => gunzipSync(Buffer.from(text ?? '', 'base64')).toString();

test('holds the table, the result and the page', async () => {
  await files('# first', '<p>page</p>');
  await publish(dir, 'default/bench-a', result, { 'app.kubernetes.io/instance': 'bench' });
  const map = await stored('bench-a');
  expect(map.data).toEqual({ 'report.md': '# first' });
  expect(JSON.parse(unzipped(map.binaryData['result.json.gz']))).toEqual(result);
  expect(unzipped(map.binaryData['report.html.gz'])).toBe('<p>page</p>');
  expect(map.metadata.labels).toMatchObject({ 'bench.flomesh.io/arch': 'x64', 'bench.flomesh.io/suite': 'release' });
  expect(map.metadata.labels['app.kubernetes.io/instance']).toBe('bench');
});

test('a later run replaces an earlier one, and a page that is too large is left out', async () => {
  await files('# first', 'page');
  await publish(dir, 'default/bench-b', result);
  await files('# second', noise(3_000_000));
  await publish(dir, 'default/bench-b', result);
  const map = await stored('bench-b');
  expect(map.data).toEqual({ 'report.md': '# second' });
  expect(Object.keys(map.binaryData)).toEqual(['result.json.gz']);
});

test('what cannot be left is said', async () => {
  await files(noise(1_100_000), '');
  await expect(publish(dir, 'default/bench-c', result)).rejects.toThrow('give the run a volume instead');
  await expect(publish(dir, 'bench-c', result)).rejects.toThrow('give <namespace>/<name>');
});
