import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateFiles } from '../../src/dataplane/driver.ts';
import type { PushLine } from '../../src/dataplane/push/protocol.ts';
import { startSidecar, trustDomain } from './harness.ts';
import { ask, type Mesh, nothing, pods, principalName, raw, startMesh } from './mesh.ts';

const has = process.env.PIPY_BIN !== undefined;
const admitted = { anyone: false, http: [{ principals: [principalName('buyer')], path: { prefix: '/' } }], tcp: [] };

describe.skipIf(!has)('push in the Pipy shell (skipped: PIPY_BIN is not set)', () => {
  let mesh: Mesh;

  beforeAll(async () => {
    mesh = await startMesh(80);
    await mesh.allow(admitted);
  });
  afterAll(() => mesh.close());

  const statusOf = async (path = '/echo') => (await ask(mesh.address('buyer'), { path })).status;

  function send(line: PushLine): void {
    mesh.plane.sockets.get(pods.store.uid)?.write(`${JSON.stringify(line)}\n`);
  }

  it('puts a change in force before it acknowledges', async () => {
    await mesh.allow(nothing);
    expect(await statusOf()).toBe(403);
    await mesh.allow(admitted);
    expect(await statusOf()).toBe(200);
  });

  it('refuses a configuration that cannot be used, and keeps the one before', async () => {
    const problem = once(mesh.plane.events, 'problem');
    const broken = { ...admitted, http: [{ principals: [principalName('buyer')], path: { regex: '(' } }] };
    void mesh.allow(broken);
    expect((await problem)[0]).toMatchObject({ code: 'FSM3001', what: expect.stringContaining('regular expression') });
    expect(await statusOf()).toBe(200);
  });

  it('takes a line that it does not know, and one that is no JSON, without harm', async () => {
    const logged = mesh.sidecars.store.logged('push line cannot be read');
    mesh.plane.sockets.get(pods.store.uid)?.write('{"t":"later"}\n\nnot json\n');
    await logged;
    await mesh.allow({ ...admitted, tcp: [{ principals: [principalName('buyer')], ports: [2] }] });
    expect(await statusOf()).toBe(200);
  });

  it('asks for nodes that it lacks', async () => {
    const ended = mesh.sidecars.store.logged('push stream ended');
    mesh.plane.forget();
    await ended;
    await mesh.allow({ ...admitted, tcp: [{ principals: [principalName('buyer')], ports: [1] }] });
    expect(await statusOf()).toBe(200);
  });

  it('takes a renewed certificate without closing a connection', async () => {
    const connection = await raw(
      mesh.address('buyer'),
      15001,
      'GET /echo?one HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n',
    );
    await connection.until('one');
    const { stateDir } = mesh.sidecars.store.spec;
    const publicKey = createPublicKey(readFileSync(join(stateDir, stateFiles.key))).export({
      format: 'pem',
      type: 'spki',
    });
    const identity = { ...pods.store, podUid: pods.store.uid, trustDomain };
    const renewed = await mesh.plane.issuer.issue({ publicKey: String(publicKey), identity, validityMs: 600_000 });
    const logged = mesh.sidecars.store.logged('certificate renewed');
    send({ t: 'cert', pem: renewed.certificatePem });
    expect(await logged).toMatchObject({ notAfter: renewed.notAfter.toISOString() });
    expect(readFileSync(join(stateDir, stateFiles.certificate), 'utf8')).toBe(renewed.certificatePem);
    connection.socket.write('GET /echo?two HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n');
    await connection.until('two');
    connection.socket.destroy();
    expect(await statusOf()).toBe(200);
  });

  it('starts from the stored configuration when the control plane is away', async () => {
    const before = mesh.sidecars.store;
    const stored = before.logged('configuration stored');
    const spec = mesh.spec('store', admitted);
    await mesh.plane.configure(pods.store.uid, { ...spec, settings: { ...spec.settings, logLevel: 'debug' } });
    await stored;
    await before.stop();
    const after = startSidecar({ ...before.spec, controlPlane: '127.80.9.9:1' });
    await after.logged('the sidecar is ready');
    expect(await statusOf()).toBe(200);
    await after.stop();
  });

  it('ends within its bound after SIGINT, though a client keeps its connection', async () => {
    const { buyer } = mesh.sidecars;
    const connection = await raw(mesh.address('buyer'), 15001, 'GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n');
    await connection.until('404');
    const drains = buyer.logged('the sidecar drains');
    buyer.process.kill('SIGINT');
    await drains;
    await connection.end();
  }, 15_000);
});
