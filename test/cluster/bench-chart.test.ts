/** `charts/bench`, rendered by helm and taken by a real kube-apiserver; and the report left with no more than its Role allows. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { writeKubeconfig } from '../../bench/api-server.ts';
import { publish } from '../../bench/run/publish.ts';
import { findProgram } from '../../bench/targets/programs.ts';
import { createClient, type KubeClient } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { syntheticResult } from '../bench/report/synthetic.ts';
import { findPrograms, type RealApiServer, startRealApiServer } from './api-server.ts';

const chart = join(import.meta.dirname, '..', '..', 'charts', 'bench');
const helm = findProgram('HELM_BIN', 'helm');
const found = findPrograms();
const why = 'why' in found ? found.why : 'HELM_BIN names no helm and the PATH has none';

/** Where each kind that the chart has is created, below a namespace. */
const paths: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/perf/serviceaccounts',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/perf/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/perf/rolebindings',
  Job: '/apis/batch/v1/namespaces/perf/jobs',
  DaemonSet: '/apis/apps/v1/namespaces/perf/daemonsets',
};

async function rendered(...settings: string[]): Promise<KubeObject[]> {
  const options = settings.flatMap(setting => ['--set', setting]);
  const { stdout } = await promisify(execFile)(helm ?? 'helm', ['template', 'bench', chart, '-n', 'perf', ...options]);
  return parseAllDocuments(stdout).map(document => document.toJS() as KubeObject);
}

describe.skipIf(helm === undefined || 'why' in found)('the chart of the harness', () => {
  let server: RealApiServer;
  let client: KubeClient;

  beforeAll(async () => {
    server = await startRealApiServer('folder' in found ? found.folder : '');
    client = createClient(server.access);
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'perf' } } });
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    client?.close();
    await server?.close();
  });

  /** Strict: a field that Kubernetes does not know is refused. */
  function create(object: KubeObject & { readonly kind?: string }, query = ''): Promise<unknown> {
    const path = `${paths[object.kind ?? '']}?fieldValidation=Strict${query}`;
    return client.request({ method: 'POST', path, body: object, contentType: 'application/json' });
  }

  test.each([
    [[]],
    [['mode=daemonset']],
    [['mode=daemonset', 'results.configMap=false', 'results.existingClaim=reports', 'realTime=false']],
    [['env.PIPY_BIN=/usr/bin/pipy', 'options[0]=--rounds', 'options[1]=3', 'command[0]=fsm-bench']],
  ])('is taken with %j', async settings => {
    for (const object of await rendered(...settings)) await create(object, '&dryRun=All');
  });

  test('has no other mode', async () => {
    await expect(rendered('mode=always')).rejects.toThrow('mode is always: give job or daemonset');
  });

  test('with other values is another Job, for what a Job runs cannot be changed', async () => {
    const job = async (...settings: string[]) =>
      (await rendered(...settings)).find(object => (object as { kind?: string }).kind === 'Job')?.metadata?.name;
    const [name, again, other] = [await job(), await job(), await job('suite=full')];
    expect(name).toMatch(/^bench-[0-9a-f]{8}$/);
    expect(again).toBe(name);
    expect(other).not.toBe(name);
  });

  test('its report has the label of the release', async () => {
    const job = (await rendered()).find(object => (object as { kind?: string }).kind === 'Job');
    expect(JSON.stringify(job)).toContain('"--label=app.kubernetes.io/instance=bench"');
  });

  test('its ServiceAccount may leave the report, and no more', async () => {
    for (const object of await rendered()) await create(object);
    const path = '/api/v1/namespaces/perf/serviceaccounts/bench/token';
    const answer = (await client.request({ method: 'POST', path, body: { spec: {} } })) as {
      status: { token: string };
    };
    const dir = await mkdtemp(join(tmpdir(), 'fsm-chart-'));
    for (const file of ['report.md', 'result.json', 'report.html']) await writeFile(join(dir, file), file);
    const { server: url, ca = '' } = server.access;
    const port = Number(new URL(url).port);
    vi.stubEnv('KUBECONFIG', await writeKubeconfig(dir, port, ca, answer.status.token));
    const result = syntheticResult({ rounds: 1, seconds: 1 });
    for (let times = 0; times < 2; times++) await publish(dir, 'perf/bench-node-1.local', result);
    await expect(publish(dir, 'default/bench', result)).rejects.toThrow('403');
    const map = await client.request({ method: 'GET', path: '/api/v1/namespaces/perf/configmaps/bench-node-1.local' });
    expect(map).toMatchObject({ data: { 'report.md': 'report.md' } });
    await rm(dir, { recursive: true });
  });
});

if (helm === undefined || 'why' in found) console.log(`The chart of the harness is not tested: ${why}.`);
