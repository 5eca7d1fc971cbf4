import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'vitest';
import { asksForEnrolment, stateFiles } from '../../../src/dataplane/driver.ts';
import { issue, reissue } from '../harness/certificates.ts';
import { request } from '../harness/client.ts';
import { addPod, appPorts, type Pod, startSidecar, untilListening, writeState } from '../harness/mesh.ts';
import { Program } from '../harness/program.ts';
import { TestPush } from '../harness/push.ts';
import { buyerTree, type Chapter, storeTree, type World, weighted } from '../harness/world.ts';

function whoIs(pod: Pod) {
  return { namespace: pod.spec.podNamespace, serviceAccount: pod.serviceAccount, podUid: pod.spec.podUid };
}

/** A pod of the buyer's kind that one test may stop and start, with its configuration. */
async function addBuyer(world: World): Promise<Pod> {
  const pod = await addPod(world.mesh, world.buyer.driver, 'buyer');
  await startSidecar(world.mesh, pod, buyerTree({ ...world, buyer: pod }));
  return pod;
}

async function stored(pod: Pod): Promise<boolean> {
  return access(join(pod.spec.stateDir, stateFiles.config)).then(
    () => true,
    () => false,
  );
}

/** The serial number of the certificate that a sidecar shows to a new client. */
async function serialOf(world: World, pod: Pod): Promise<string> {
  const { keyPem, certificatePem } = world.buyer.credentials;
  const ca = world.mesh.authorities.mesh.certificatePem;
  const options = { host: pod.spec.podAddress, port: appPorts.http, key: keyPem, cert: certificatePem, ca };
  const socket = connect({ ...options, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

export const controlPlane: Chapter = {
  'a configuration that cannot be used is refused with the reason, and the old one stays': async ({ mesh, buyer }) => {
    const uid = buyer.spec.podUid;
    const mark = { cluster: 'test', versions: {} };
    const [root, position] = ['broken-root', mesh.push.position];
    mesh.push.say(uid, { t: 'node', h: root, v: { kind: 'root', data: { format: 1 }, refs: {} } });
    mesh.push.say(uid, { t: 'commit', root, rev: 'test.2', mark });
    const line = await mesh.push.line(uid, each => each.t === 'nack', position);
    expect(line).toMatchObject({ root, problem: { code: 'FSM3001' } });
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
  },

  'nodes that are lacking are asked for': async ({ mesh, buyer }) => {
    const uid = buyer.spec.podUid;
    const [root, position] = ['root-with-a-gap', mesh.push.position];
    mesh.push.say(uid, { t: 'node', h: root, v: { kind: 'root', data: { format: 1 }, refs: { self: 'nowhere' } } });
    mesh.push.say(uid, { t: 'commit', root, rev: 'test.3', mark: { cluster: 'test', versions: {} } });
    const line = await mesh.push.line(uid, each => each.t === 'need', position);
    expect(line).toMatchObject({ root, h: ['nowhere'] });
  },

  'a line of a kind that it does not know is passed over': async world => {
    const { mesh, buyer } = world;
    mesh.push.say(buyer.spec.podUid, '{"t":"later"}');
    mesh.push.say(buyer.spec.podUid, '');
    // Lines are worked off in order, on one stream: this one is acknowledged on it.
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split: [{ backends: weighted(0, 1) }] }));
    expect((await request(buyer, { host: 'split' })).app).toBe('v2');
  },

  'a line that is no JSON ends the stream, and the sidecar comes back with what it runs': async world => {
    const { mesh, buyer } = world;
    const position = mesh.push.position;
    mesh.push.say(buyer.spec.podUid, '{"t":');
    const hello = await mesh.push.line(buyer.spec.podUid, each => each.t === 'hello', position);
    expect(hello).toMatchObject({ root: buyerTree(world).root, mark: { cluster: 'test' } });
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
  },

  'without a control plane a sidecar serves, and starts again from its state directory': async world => {
    const { mesh } = world;
    const pod = await addBuyer(world);
    expect((await stored(pod)) || (await request(pod, { host: 'store' })).status === 200).toBe(true);
    await mesh.push.close();
    try {
      expect((await request(pod, { host: 'store' })).status).toBe(200);
      await pod.program?.stop();
      expect(await stored(pod)).toBe(true);
      pod.program = new Program(pod.driver.sidecar(pod.spec));
      await untilListening(pod, true);
      expect((await request(pod, { host: 'store' })).status).toBe(200);
    } finally {
      await mesh.push.reopen();
    }
    const { root } = buyerTree({ ...world, buyer: pod });
    await mesh.push.line(pod.spec.podUid, line => line.t === 'hello' && line.root === root);
  },

  'a renewed certificate is used for new connections, and none is dropped': async world => {
    const { mesh, buyer, store } = world;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await request(buyer, { host: 'store', agent })).status).toBe(200);
    const pem = await reissue(mesh.authorities.mesh, whoIs(store), store.credentials.keyPem);
    const position = mesh.push.position;
    mesh.push.say(store.spec.podUid, { t: 'cert', pem });
    await mesh.push.line(store.spec.podUid, line => line.t === 'certified', position);
    expect(await serialOf(world, store)).toBe(new X509Certificate(pem).serialNumber);
    expect(await readFile(join(store.spec.stateDir, stateFiles.certificate), 'utf8')).toBe(pem);
    expect((await request(buyer, { host: 'store', agent })).status).toBe(200);
    agent.destroy();
  },

  'a certificate for another key is not taken': async world => {
    const { mesh, store } = world;
    const before = await serialOf(world, store);
    const { certificatePem: pem } = await issue(mesh.authorities.mesh, whoIs(store));
    mesh.push.say(store.spec.podUid, { t: 'cert', pem });
    // Lines are worked off in order: when this is acknowledged, the certificate was looked at.
    await mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: true }, [appPorts.tcp]));
    expect(await serialOf(world, store)).toBe(before);
  },

  'a control plane with a workload’s certificate is refused': async world => {
    const { mesh } = world;
    const pod = await addPod(mesh, world.buyer.driver, 'buyer');
    const ca = mesh.authorities.mesh.certificatePem;
    const { keyPem: key, certificatePem: cert } = await issue(mesh.authorities.mesh, {
      ...whoIs(pod),
      podUid: 'uid-liar',
    });
    const liar = await new TestPush({ key, cert, ca, address: `${mesh.block}.202` }).open();
    const given = liar.give(pod.spec.podUid, buyerTree({ ...world, buyer: pod }));
    const spec = { ...pod.spec, controlPlane: liar.address };
    pod.program = new Program(pod.driver.sidecar(spec));
    await Promise.race([liar.distrusted(), given]);
    expect(liar.position).toBe(0);
    await liar.close();
    await pod.program.stop();
  },

  'a sidecar whose certificate has expired asks for a new enrolment': async world => {
    const { mesh } = world;
    const pod = await addPod(mesh, world.buyer.driver, 'buyer');
    const longAgo = () => Date.now() - 3 * 86_400_000;
    await writeState(mesh, pod.spec, await issue(mesh.authorities.mesh, whoIs(pod), longAgo));
    const program = new Program(pod.driver.sidecar(pod.spec));
    expect(asksForEnrolment(await program.ended())).toBe(true);
  },

  'a stored configuration that was cut off is not fatal: the sidecar waits for a new one': async world => {
    const { mesh } = world;
    const pod = await addPod(mesh, world.buyer.driver, 'buyer');
    await writeFile(join(pod.spec.stateDir, stateFiles.config), '{"root": "x", "nod');
    await startSidecar(mesh, pod, buyerTree({ ...world, buyer: pod }));
    expect((await request(pod, { host: 'store' })).status).toBe(200);
  },

  'an orderly stop lets requests finish': async world => {
    const pod = await addBuyer(world);
    let answer: (() => void) | undefined;
    const arrived = new Promise<void>(resolve => {
      world.app.does.http = (_incoming, response) => {
        answer = () => response.end('late');
        resolve();
      };
    });
    const late = request(pod, { host: 'store' });
    await arrived;
    const stopped = pod.program?.stop();
    await untilListening(pod, false);
    answer?.();
    expect((await late).text).toBe('late');
    expect(await stopped).toBe('ended');
  },
};
