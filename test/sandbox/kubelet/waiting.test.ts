/** Pods that cannot run say why, and run when they can: the kubelet on a real store, with few addresses. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nodeDriver } from '../../../src/dataplane/node/driver.ts';
import type { AddressPool } from '../../../src/sandbox/addresses.ts';
import type { KubeObject } from '../../../src/sandbox/api/objects.ts';
import { builtinResource } from '../../../src/sandbox/controllers/controller.ts';
import { type Controllers, startControllers } from '../../../src/sandbox/controllers/index.ts';
import type { Deployment, Pod } from '../../../src/sandbox/controllers/types.ts';
import { createAdmission } from '../../../src/sandbox/kubelet/admission.ts';
import { type Kubelet, startKubelet } from '../../../src/sandbox/kubelet/kubelet.ts';
import { createProcesses, type Processes } from '../../../src/sandbox/processes.ts';
import { type Cluster, startCluster } from '../api/cluster.ts';
import { deployment } from '../api/fixtures.ts';

const room = 2;
let cluster: Cluster;
let controllers: Controllers;
let kubelet: Kubelet;
let processes: Processes;
let dir: string;
const notices: string[] = [];

/** Addresses for so many pods. */
function fewAddresses(): AddressPool {
  const taken = new Set<string>();
  return {
    take(uid) {
      if (taken.size >= room && !taken.has(uid)) return undefined;
      taken.add(uid);
      return { pod: '127.4.0.2', app: '127.4.0.3' };
    },
    give: uid => void taken.delete(uid),
  };
}

const command = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
const container = (given: object = {}) => ({ name: 'app', image: 'x', command, ...given });
const podOf = (name: string, given: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { terminationGracePeriodSeconds: 0, containers: [container()], ...given },
});

const store = () => cluster.server.store;
const create = (object: KubeObject) => store().create(builtinResource(store(), 'pods'), object);
const remove = (name: string) =>
  store().delete(builtinResource(store(), 'pods'), 'default', name, { gracePeriodSeconds: 1 });
const scheduled = (pod: Pod | undefined) => pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled');

/** Resolves with an object of the store once it is as it should be. */
function until<T extends KubeObject>(id: string, holds: (object: T) => boolean): Promise<T> {
  return new Promise(resolve => {
    const stop = store().subscribe(id, ({ type, object }) => {
      if (type === 'DELETED' || !holds(object as T)) return;
      stop();
      resolve(object as T);
    });
  });
}
const podUntil = (name: string, holds: (pod: Pod) => boolean) =>
  until<Pod>('pods', pod => pod.metadata.name === name && holds(pod));
const running = (name: string) => podUntil(name, ({ status }) => status?.phase === 'Running');

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'fsm-kubelet-'));
  processes = createProcesses();
});
afterAll(async () => {
  await processes.close();
  rmSync(dir, { recursive: true });
});

beforeEach(async () => {
  notices.length = 0;
  cluster = await startCluster({
    admit: createAdmission((id, namespace, name) => store().get(id, namespace, name), 'node'),
  });
  controllers = startControllers(store());
  await until('serviceaccounts', ({ metadata }) => metadata.namespace === 'default');
  kubelet = startKubelet({
    server: cluster.server,
    processes,
    driver: nodeDriver,
    addresses: fewAddresses(),
    podsDir: dir,
    logsDir: dir,
    path: process.env.PATH ?? '',
    programs: {},
    controlPlane: '127.0.0.1:1',
    controlRootFile: '',
    trustDomain: 'cluster.local',
    onLine: () => undefined,
    onNotice: text => notices.push(text),
    onError: () => undefined,
  });
});
afterEach(async () => {
  await kubelet.close();
  controllers.stop();
  await cluster.close();
});

describe('a pod for which there is no address', () => {
  test('says so in its condition, in an Event and to whoever looks at the sandbox', async () => {
    for (const name of ['a', 'b', 'c', 'd']) create(podOf(name));
    const waiting = await podUntil('c', pod => scheduled(pod)?.status === 'False');
    expect(waiting.status?.phase).toBe('Pending');
    expect(scheduled(waiting)).toMatchObject({
      reason: 'Unschedulable',
      message: expect.stringContaining('addresses'),
    });
    await podUntil('d', pod => scheduled(pod)?.status === 'False');
    const events = store()
      .list('events', 'default')
      .map(({ reason, involvedObject }) => [reason, involvedObject]);
    expect(events).toHaveLength(2);
    expect(events[0]).toEqual(['FailedScheduling', expect.objectContaining({ kind: 'Pod', uid: expect.any(String) })]);
    expect(notices).toEqual([expect.stringMatching(/^Pods: default\/c waits, for each of the 126 addresses/)]);
  });

  test('starts when another one has ended, the one first that came first', async () => {
    for (const name of ['a', 'b', 'c', 'd']) create(podOf(name));
    await podUntil('d', pod => scheduled(pod)?.status === 'False');
    remove('a');
    expect(scheduled(await running('c'))).toEqual({
      type: 'PodScheduled',
      status: 'True',
      lastTransitionTime: expect.any(String),
    });
    expect(store().get<Pod>('pods', 'default', 'd')?.status?.phase).toBe('Pending');
    remove('b');
    await running('d');
    expect(notices.at(-1)).toBe('Pods: every one of them has an address again');
  });

  test('that is deleted while it waits is gone, and holds nobody up', async () => {
    for (const name of ['a', 'b', 'c', 'd']) create(podOf(name));
    await podUntil('d', pod => scheduled(pod)?.status === 'False');
    remove('c');
    remove('a');
    await running('d');
    expect(store().get('pods', 'default', 'c')).toBeUndefined();
  });
});

test.each([
  [
    'a program that is not there',
    { containers: [container({ command: ['/no/such/program'] })] },
    /\/no\/such\/program/,
  ],
  ['a folder that is not there', { containers: [container({ workingDir: '/no/such/folder' })] }, /cannot be run/],
])('a pod with %s says so in its status and in an Event', async (_, spec, message) => {
  create(podOf('broken', spec));
  type State = { state: { waiting?: { reason?: string; message?: string } } };
  const stateOf = (pod: Pod) => (pod.status as { containerStatuses?: State[] }).containerStatuses?.[0]?.state.waiting;
  const pod = await podUntil('broken', one => stateOf(one)?.message !== undefined);
  expect(stateOf(pod)?.message).toMatch(message);
  const [event] = store().list('events', 'default');
  expect(event).toMatchObject({ reason: 'Failed', message: expect.stringMatching(message) });
});

test('a Deployment whose account is missing says so, and gets its pods when the account comes', async () => {
  const { spec } = deployment('late', 1);
  const podSpec = { ...(podOf('').spec as object), serviceAccountName: 'late' };
  const template = { ...spec.template, spec: podSpec };
  const object = {
    ...deployment('late', 1),
    metadata: { name: 'late', namespace: 'default' },
    spec: { ...spec, template },
  };
  store().create(builtinResource(store(), 'deployments.apps'), object);
  const failing = await until<Deployment>('deployments.apps', ({ status }) =>
    Boolean(status?.conditions?.some(({ type }) => type === 'ReplicaFailure')),
  );
  const failure = failing.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
  expect(failure).toMatchObject({
    reason: 'FailedCreate',
    message: expect.stringContaining('service account default/late'),
  });
  // The change of the status is looked at once more, in a later turn; after that nobody looks again by himself.
  for (let turns = 0; turns < 5; turns += 1) await turn();
  const quiet = store().log.revision();
  for (let turns = 0; turns < 5; turns += 1) await turn();
  expect(store().log.revision()).toBe(quiet);
  expect(store().list('pods', 'default')).toEqual([]);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'late', namespace: 'default' } };
  store().create(builtinResource(store(), 'serviceaccounts'), account);
  await until<Pod>('pods', ({ metadata, status }) => metadata.name.startsWith('late-') && status?.phase === 'Running');
});
