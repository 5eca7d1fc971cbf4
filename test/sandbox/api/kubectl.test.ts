/**
 * Real kubectl against the sandbox's API server. `KUBECTL_BIN` names the program, else the PATH is searched; without
 * one the tests are skipped (test/cluster/build.sh builds it).
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { isExecutable } from '../../../src/dataplane/pipy/driver.ts';
import type { KubeObject } from '../../../src/sandbox/api/objects.ts';
import { type Controllers, startControllers } from '../../../src/sandbox/controllers/index.ts';
import { adminToken, type Cluster, startCluster } from './cluster.ts';
import { configMap, deployment, service, split, splitDefinition } from './fixtures.ts';

function findKubectl(): string | undefined {
  const given = process.env.KUBECTL_BIN;
  const candidates = given ? [given] : (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'kubectl'));
  return candidates.find(isExecutable);
}

const kubectl = findKubectl();
const reason = kubectl ? '' : ' (skipped: no kubectl in KUBECTL_BIN or PATH; test/cluster/build.sh builds one)';
if (reason) console.warn(`kubectl tests${reason}`);

let cluster: Cluster;
let controllers: Controllers;
let folder: string;

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, HOME: folder, KUBECONFIG: join(folder, 'kubeconfig'), KUBECACHEDIR: join(folder, 'cache') };
}

/** Runs kubectl and returns what it printed; a failure rejects with its stderr. */
async function run(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(kubectl ?? '', args, { env: environment(), timeout: 30_000 });
  return stdout + stderr;
}

function manifest(name: string, ...objects: object[]): string {
  const file = join(folder, name);
  writeFileSync(file, objects.map(object => stringify(object)).join('---\n'));
  return file;
}

const kubeconfig = (port: number, ca: string) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    {
      name: 's',
      cluster: {
        server: `https://127.0.0.1:${port}`,
        'certificate-authority-data': Buffer.from(ca).toString('base64'),
      },
    },
  ],
  users: [{ name: 's', user: { token: adminToken } }],
  contexts: [{ name: 's', context: { cluster: 's', user: 's' } }],
  'current-context': 's',
});

/** A kubelet without processes: bound pods are ready at once and end at once. */
function playKubelet({ server: { store } }: Cluster) {
  const pods = store.catalog.byId('pods');
  if (!pods) throw new Error('no pods');
  const status = { phase: 'Running', podIP: '127.0.1.1', conditions: [{ type: 'Ready', status: 'True' }] };
  const bind = (draft: KubeObject) => ({ ...draft, spec: { ...(draft.spec as object), nodeName: 'here' } });
  store.subscribe('pods', ({ object: { metadata } }) => {
    const { namespace = '', name } = metadata;
    const pod = store.get('pods', namespace, name);
    if (pod?.metadata.deletionTimestamp) store.delete(pods, namespace, name, { gracePeriodSeconds: 0 });
    else if (pod && !(pod.spec as { nodeName?: string }).nodeName) {
      store.update(pods, namespace, name, bind);
      store.update(pods, namespace, name, draft => ({ ...draft, status }), { status: true });
    }
  });
}

async function* logLines() {
  yield 'first line\n';
  yield 'second line\n';
}

const kubectlTest = test.skipIf(!kubectl);
vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  if (!kubectl) return;
  folder = mkdtempSync(join(tmpdir(), 'fsm-kubectl-'));
  cluster = await startCluster({ podLog: async () => logLines() });
  controllers = startControllers(cluster.server.store);
  playKubelet(cluster);
  writeFileSync(join(folder, 'kubeconfig'), stringify(kubeconfig(cluster.server.port, cluster.ca)));
  await run('apply', '-f', manifest('crd.yaml', splitDefinition));
});
afterAll(async () => {
  if (!kubectl) return;
  controllers.stop();
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

kubectlTest(`applies, sees no change, sees a change${reason}`, async () => {
  const file = manifest(
    'app.yaml',
    service('app', { app: 'app' }),
    deployment('app', 1),
    split('s', { service: 'app' }),
  );
  expect(await run('apply', '-f', file)).toBe(
    'service/app created\ndeployment.apps/app created\ntrafficsplit.split.smi-spec.io/s created\n',
  );
  expect(await run('apply', '-f', file)).toBe(
    'service/app unchanged\ndeployment.apps/app unchanged\ntrafficsplit.split.smi-spec.io/s unchanged\n',
  );
  const changed = manifest(
    'app.yaml',
    service('app', { app: 'app' }),
    deployment('app', 2),
    split('s', { service: 'other' }),
  );
  expect(await run('apply', '-f', changed)).toBe(
    'service/app unchanged\ndeployment.apps/app configured\ntrafficsplit.split.smi-spec.io/s configured\n',
  );
  expect(await run('apply', '--server-side', '--force-conflicts', '-f', changed)).toContain(
    'trafficsplit.split.smi-spec.io/s serverside-applied',
  );
  await run('diff', '-f', changed);
});

kubectlTest(`prints tables, wide and across namespaces${reason}`, async () => {
  expect(await run('get', 'ts')).toMatch(/^NAME +SERVICE\ns +other\n$/);
  expect(await run('get', 'all,endpointslices,sa', '-A', '-o', 'wide')).toMatch(
    /default +deployment.apps\/app +2\/2 +2 +2 .* app=app/,
  );
  expect(await run('get', 'ns', '-o', 'name')).toBe('namespace/default\nnamespace/kube-system\n');
});

kubectlTest(`rolls out, restarts, scales and waits${reason}`, async () => {
  expect(await run('rollout', 'status', 'deploy/app')).toContain('successfully rolled out');
  await run('rollout', 'restart', 'deploy/app');
  expect(await run('rollout', 'status', 'deploy/app')).toContain('successfully rolled out');
  await run('scale', 'deploy/app', '--replicas=3');
  await run('wait', '--for=jsonpath={.status.readyReplicas}=3', 'deploy/app', '--timeout=20s');
  await run('wait', '--for=condition=Ready', 'pod', '-l', 'app=app', '--timeout=20s');
});

kubectlTest(`patches in every way, labels, annotates and replaces${reason}`, async () => {
  await run(
    'patch',
    'deploy',
    'app',
    '--type=strategic',
    '-p',
    '{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:9"}]}}}}',
  );
  await run('patch', 'ts', 's', '--type=merge', '-p', '{"spec":{"backends":[{"service":"a","weight":1}]}}');
  await run('patch', 'ts', 's', '--type=json', '-p', '[{"op":"replace","path":"/spec/backends/0/weight","value":7}]');
  await run('label', 'ts', 's', 'colour=red');
  await run('annotate', 'ts', 's', 'note=x');
  expect(await run('get', 'ts', '-l', 'colour=red', '-o', 'jsonpath={.items[0].spec.backends[0].weight}')).toBe('7');
  expect(await run('get', 'deploy', 'app', '-o', 'jsonpath={.spec.template.spec.containers[0].image}')).toBe('app:9');
  expect(await run('replace', '-f', manifest('s.yaml', split('s', { service: 'replaced' })))).toContain('replaced');
  await expect(run('apply', '-f', manifest('bad.yaml', split('bad', {})))).rejects.toThrow(
    'spec.service: Required value',
  );
});

kubectlTest(`creates by its own commands, which speak protobuf${reason}`, async () => {
  await run('create', 'namespace', 'made');
  await run('create', '-n', 'made', 'configmap', 'c', '--from-literal=a=b');
  await run('create', '-n', 'made', 'secret', 'generic', 's', '--from-literal=k=v');
  await run('create', '-n', 'made', 'serviceaccount', 'sa');
  await run(
    'create',
    '-n',
    'made',
    'deployment',
    'd',
    '--image=i:1',
    '--port=80',
    '--replicas=2',
    '--',
    '/bin/run',
    'x',
  );
  await run('expose', '-n', 'made', 'deploy/d', '--port=80');
  await run('create', '-n', 'made', 'service', 'clusterip', 'p', '--tcp=1:2');
  expect(await run('create', '-n', 'made', 'token', 'sa')).toMatch(/^[\w-]{43}$/);
  expect(await run('get', '-n', 'made', 'secret', 's', '-o', 'jsonpath={.data.k}')).toBe('dg==');
  const command = await run(
    'get',
    '-n',
    'made',
    'deploy',
    'd',
    '-o',
    'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].command}',
  );
  expect(command).toBe('2 ["/bin/run","x"]');
  await run('delete', 'ns', 'made');
  await expect(run('get', 'ns', 'made')).rejects.toThrow('namespaces "made" not found');
});

kubectlTest(`describes, explains, shows logs and who is asking${reason}`, async () => {
  expect(await run('describe', 'deploy', 'app')).toContain('NewReplicaSetAvailable');
  expect(await run('describe', 'pods')).toMatch(/Controlled By: +Deployment\/app/);
  expect(await run('describe', 'ts', 's')).toContain('Service:  replaced');
  expect(await run('explain', 'ts.spec')).toContain('The apex service.');
  expect(await run('explain', 'pods')).toContain('VERSION:    v1');
  expect(await run('logs', 'deploy/app')).toContain('first line\nsecond line\n');
  expect(await run('auth', 'whoami')).toContain('admin');
  expect(await run('auth', 'can-i', 'get', 'pods')).toBe('yes\n');
  expect(await run('api-resources', '--api-group=split.smi-spec.io')).toMatch(
    /trafficsplits +ts +split.smi-spec.io\/v1alpha4 +true +TrafficSplit/,
  );
});

kubectlTest(`watches${reason}`, async () => {
  const watch = spawn(kubectl ?? '', ['get', 'cm', '-w', '--output-watch-events'], { env: environment() });
  const lines = createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
  await run('create', '-f', manifest('cm.yaml', configMap('seen')));
  const next = async () =>
    String((await lines.next()).value)
      .split(/ +/)
      .slice(0, 2)
      .join(' ');
  expect([await next(), await next()]).toEqual(['EVENT NAME', 'ADDED seen']);
  await run('delete', 'cm', 'seen');
  expect(await next()).toBe('DELETED seen');
  const closed = once(watch, 'close');
  watch.kill();
  await closed;
});

kubectlTest(`applies what it can of a file with an unknown kind, and says what it cannot${reason}`, async () => {
  const unknown = { apiVersion: 'nosuch.io/v1', kind: 'Thing', metadata: { name: 't' } };
  const file = manifest('mixed.yaml', configMap('before'), unknown, configMap('after'));
  await expect(run('apply', '-f', file)).rejects.toMatchObject({
    stdout: 'configmap/before created\nconfigmap/after created\n',
    stderr: expect.stringContaining('no matches for kind "Thing" in version "nosuch.io/v1"'),
  });
});

kubectlTest(`says what is wrong with an object, and where${reason}`, async () => {
  const ports = [80, 80].map((port, i) => ({ name: `p${i}`, port }));
  const twice = manifest('twice.yaml', { ...service('twice'), spec: { ports } });
  const words = 'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}';
  await expect(run('apply', '-f', twice)).rejects.toThrow(words);
  await expect(run('apply', '--server-side', '-f', twice)).rejects.toThrow(words);
});

kubectlTest(`does not panic at what the sandbox does not have${reason}`, async () => {
  const [pod = ''] = (await run('get', 'pods', '-o', 'name')).split('\n');
  await expect(run('debug', pod, '--image=x')).rejects.toThrow('not in the sandbox');
  await expect(run('debug', 'pod/nosuch', '--image=x')).rejects.toThrow('pods "nosuch" not found');
  await expect(run('exec', pod, '--', 'ls')).rejects.toThrow('not in the sandbox');
  await expect(run('logs', pod, '-c', 'nosuch')).rejects.toThrow('container nosuch is not valid');
});

kubectlTest(`deletes and waits until all is gone${reason}`, async () => {
  expect(await run('delete', 'deploy,svc,ts', '--all')).toContain('deleted');
  await run('wait', '--for=delete', 'pod', '-l', 'app=app', '--timeout=20s');
  expect(await run('get', 'all,ts')).toBe('No resources found in default namespace.\n');
});
