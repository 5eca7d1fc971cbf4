import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stateFiles } from '../../src/dataplane/driver.ts';
import { Configuration } from '../../src/dataplane/node/config.ts';
import { loadCredentials } from '../../src/dataplane/node/credentials.ts';
import { nodeDriver } from '../../src/dataplane/node/driver.ts';
import { hostPort } from '../../src/dataplane/node/environment.ts';
import { startPushClient } from '../../src/dataplane/node/push-client.ts';
import { addPod, closeMesh, createMesh, type Mesh, type Pod, treeFor } from './harness/mesh.ts';

let mesh: Mesh;
let pod: Pod;
let stop: (() => void) | undefined;

beforeEach(async () => {
  mesh = await createMesh();
  pod = await addPod(mesh, nodeDriver, 'buyer');
});

afterEach(async () => {
  stop?.();
  await closeMesh(mesh);
});

/** The proxy's end of the stream, in this process. */
function start(silenceMs?: number): Configuration {
  const credentials = loadCredentials(pod.spec.stateDir, Date.now());
  const controlPlane = hostPort(pod.spec.controlPlane);
  if (credentials === undefined || controlPlane === undefined) throw new Error('the pod is not ready');
  const configuration = new Configuration(pod.spec.stateDir, async () => () => undefined);
  const { controlRootFile } = pod.spec;
  const rest = silenceMs === undefined ? {} : { silenceMs };
  stop = startPushClient({
    controlPlane,
    controlRootFile,
    credentials,
    configuration,
    shell: 'test/1',
    log: () => undefined,
    ...rest,
  });
  return configuration;
}

test('a stream that brings no heartbeat is given up, and opened again', async () => {
  start(100);
  const first = mesh.push.position;
  await mesh.push.line(pod.spec.podUid, line => line.t === 'hello', first);
  const second = mesh.push.position;
  await mesh.push.line(pod.spec.podUid, line => line.t === 'hello', second);
});

test('a stream that is heard stays: ten heartbeats outlast the bound', async () => {
  start(400);
  await mesh.push.line(pod.spec.podUid, line => line.t === 'hello');
  const after = mesh.push.position;
  await new Promise<void>(resolve => {
    let beats = 0;
    const timer = setInterval(() => {
      mesh.push.say(pod.spec.podUid, { t: 'beat' });
      beats += 1;
      if (beats < 10) return;
      clearInterval(timer);
      resolve();
    }, 60);
  });
  expect(mesh.push.position).toBe(after);
});

test('what is in force is in the state directory, without nodes that nothing needs', async () => {
  const configuration = start();
  await mesh.push.give(pod.spec.podUid, treeFor(mesh, pod, { settings: { egress: true } }));
  const tree = treeFor(mesh, pod, {});
  await mesh.push.give(pod.spec.podUid, tree);
  await configuration.stored();
  const stored = JSON.parse(await readFile(join(pod.spec.stateDir, stateFiles.config), 'utf8'));
  expect(stored.root).toBe(tree.root);
  expect(Object.keys(stored.nodes).sort()).toEqual(tree.fragments.map(({ hash }) => hash).sort());
});

test('nodes that do not come although they were asked for are a refusal, not a loop', async () => {
  start();
  const uid = pod.spec.podUid;
  await mesh.push.line(uid, line => line.t === 'hello');
  const mark = { cluster: 'test', versions: {} };
  mesh.push.say(uid, { t: 'commit', root: 'gone', rev: 'test.1', mark });
  expect(await mesh.push.line(uid, line => line.t === 'need')).toMatchObject({ h: ['gone'] });
  mesh.push.say(uid, { t: 'commit', root: 'gone', rev: 'test.1', mark });
  expect(await mesh.push.line(uid, line => line.t === 'nack')).toMatchObject({
    root: 'gone',
    problem: { code: 'FSM3001' },
  });
});

test('a line without an end is not kept for ever', async () => {
  start();
  const uid = pod.spec.podUid;
  await mesh.push.line(uid, line => line.t === 'hello');
  const after = mesh.push.position;
  mesh.push.say(uid, 'x'.repeat(5 * 1024 * 1024));
  await mesh.push.line(uid, line => line.t === 'hello', after);
});
