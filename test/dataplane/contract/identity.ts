import { once } from 'node:events';
import { connect as connectTCP } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { expect } from 'vitest';
import { createRoot, type Root } from '../../../src/identity/root.ts';
import { issue, type KeyAndCertificate } from '../harness/certificates.ts';
import { drained, request } from '../harness/client.ts';
import { appPorts, endpointOf } from '../harness/mesh.ts';
import { trustDomain } from '../harness/tree.ts';
import { buyerTree, type Chapter, serviceAt, storeTree, type World } from '../harness/world.ts';

const dayMs = 86_400_000;
const thief = { namespace: 'shop', serviceAccount: 'buyer', podUid: 'uid-thief' };

function otherRoot(): Promise<Root> {
  return createRoot({ trustDomain, purpose: 'mesh', validityMs: 30 * dayMs, now: Date.now });
}

/** A certificate of the mesh, for a workload that speaks for itself. */
export function memberOf({ mesh }: World): Promise<KeyAndCertificate> {
  return issue(mesh.authorities.mesh, thief);
}

/** What a client gets from the store's sidecar when it shows this certificate, and asks as the buyer would or as said. */
export async function askDirectly(
  { mesh, store }: World,
  own?: KeyAndCertificate,
  options: ConnectionOptions = {},
  head = 'GET / HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n',
): Promise<string> {
  const socket: TLSSocket = connect({
    host: store.spec.podAddress,
    port: appPorts.http,
    ca: mesh.authorities.mesh.certificatePem,
    checkServerIdentity: () => undefined,
    ...(own === undefined ? {} : { key: own.keyPem, cert: own.certificatePem }),
    ...options,
  });
  socket.setTimeout(1500, () => socket.destroy());
  socket.write(head);
  return drained(socket);
}

/** A server at a free address of the mesh, with this certificate. Counts connections whose handshake was completed. */
export async function rogueServer({ mesh }: World, own: KeyAndCertificate) {
  const server = createServer({ key: own.keyPem, cert: own.certificatePem });
  const seen = { bytes: 0 };
  server.on('secureConnection', socket => {
    socket.on('error', () => socket.destroy());
    socket.on('data', chunk => {
      seen.bytes += chunk.length;
      socket.end('HTTP/1.1 200 OK\r\nx-app: rogue\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await once(server.listen(appPorts.http, `${mesh.block}.200`), 'listening');
  return { seen, endpoint: { address: `${mesh.block}.200`, port: appPorts.http }, close: () => server.close() };
}

const refused: Readonly<Record<string, (world: World) => Promise<KeyAndCertificate | undefined>>> = {
  'without a certificate': async () => undefined,
  'with a certificate of another root': async () => issue(await otherRoot(), thief),
  'with an expired certificate': ({ mesh }) => issue(mesh.authorities.mesh, thief, () => Date.now() - 3 * dayMs),
};

export const identity: Chapter = {
  'headers that claim an identity gain nothing and never reach the app': async world => {
    const { buyer, store, mesh } = world;
    const headers = { ServiceIdentity: 'king.shop', 'X-Forwarded-Client-Cert': 'By=king', 'FSM-Stats-Kind': 'x' };
    const { text } = await request(buyer, { host: 'store', headers });
    for (const name of ['serviceidentity', 'x-forwarded-client-cert', 'fsm-stats-kind']) {
      expect(text.toLowerCase()).not.toContain(name);
    }
    const access = { anyone: false, http: [{ principals: ['king.shop.cluster.local'] }] };
    await mesh.push.give(store.spec.podUid, storeTree(world, store, access));
    expect(
      (await request(buyer, { host: 'store', headers: { ...headers, serviceidentity: 'king.shop.cluster.local' } }))
        .status,
    ).toBe(403);
  },

  'a workload of the mesh may come without a sidecar of ours': async world => {
    const own = await issue(world.mesh.authorities.mesh, thief);
    expect(await askDirectly(world, own)).toContain('200 OK');
  },

  ...Object.fromEntries(
    Object.entries(refused).map(([how, make]) => [
      `a client ${how} is refused`,
      async (world: World) => {
        const [own, requests] = [await make(world), world.app.requests];
        expect(await askDirectly(world, own)).toBe('');
        expect(world.app.requests).toBe(requests);
      },
    ]),
  ),

  'a client with less than TLS 1.3 is refused': async world => {
    const own = await issue(world.mesh.authorities.mesh, thief);
    expect(await askDirectly(world, own, { maxVersion: 'TLSv1.2' })).toBe('');
  },

  'a client without TLS is refused': async ({ store, app }) => {
    const before = app.requests;
    const socket = connectTCP(appPorts.http, store.spec.podAddress);
    socket.write('GET / HTTP/1.1\r\nHost: store\r\n\r\n');
    expect(await drained(socket)).not.toContain('200 OK');
    expect(app.requests).toBe(before);
  },

  'a server that is somebody else is not spoken to': async world => {
    const { buyer, mesh, store, app } = world;
    const wrong = serviceAt('wrong', { ...endpointOf(store, appPorts.http), principal: 'king.shop.cluster.local' });
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [wrong] }));
    const before = app.requests;
    expect((await request(buyer, { host: 'wrong' })).status).toBe(502);
    expect(app.requests).toBe(before);
    // The right principal at the same address has a connection of its own.
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
  },

  'a server with a certificate of another root is not spoken to': async world => {
    const { buyer, mesh, store } = world;
    const rogue = await rogueServer(world, await issue(await otherRoot(), { ...thief, serviceAccount: 'store' }));
    const more = [serviceAt('rogue', { ...rogue.endpoint, principal: store.principal })];
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more }));
    expect((await request(buyer, { host: 'rogue' })).status).toBe(502);
    expect(rogue.seen.bytes).toBe(0);
    rogue.close();
  },

  'no private key and no token is in a log': async ({ mesh }) => {
    const text = mesh.pods.map(pod => pod.program?.text).join('');
    expect(text).not.toMatch(/PRIVATE KEY/);
    for (const { credentials } of mesh.pods) expect(text).not.toContain(credentials.keyPem.split('\n')[1]);
  },
};
