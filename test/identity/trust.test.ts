import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { controlPlaneCertificate } from '../../src/identity/control-plane.ts';
import { identityOf } from '../../src/identity/peer.ts';
import { controlPlaneName } from '../../src/identity/protocol.ts';
import { dayMs, newRoot, pod, trustDomain, workload } from './harness.ts';

interface Seen {
  /** Code of the error of each side; undefined when its handshake went well. */
  readonly server: string | undefined;
  readonly client: string | undefined;
  readonly peer?: ReturnType<typeof identityOf>;
}

/** One TLS 1.3 connection over loopback, up to the first byte from the server: then both sides have decided. */
async function handshake(serverOptions: TlsOptions, clientOptions: ConnectionOptions): Promise<Seen> {
  const server = createServer({ minVersion: 'TLSv1.3', ...serverOptions });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const serverSide = new Promise<Pick<Seen, 'server' | 'peer'>>(resolve => {
    server.on('secureConnection', (socket: TLSSocket) => {
      const certificate = socket.getPeerX509Certificate();
      socket.on('error', () => undefined).end('welcome');
      resolve({ server: undefined, ...(certificate && { peer: identityOf(certificate, trustDomain) }) });
    });
    server.on('tlsClientError', error => resolve({ server: codeOf(error) }));
  });
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ...clientOptions });
  const clientSide = new Promise<string | undefined>(resolve => {
    client.on('error', error => resolve(codeOf(error)));
    client.on('data', () => resolve(undefined));
    client.on('close', () => resolve('closed'));
  });
  const seen = { ...(await serverSide), client: await clientSide };
  client.destroy();
  server.close();
  return seen;
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}

/** A client that checks the chain alone, as sidecars do before they compare the principal. */
const chainOnly = { checkServerIdentity: () => undefined };

describe('mutual TLS between workloads', () => {
  it('works under one root, and each side learns who the other is', async () => {
    const root = await newRoot('mesh');
    const [server, client] = [await workload(root), await workload(root)];
    const ca = root.certificatePem;
    const seen = await handshake({ ...server, ca, requestCert: true }, { ...client, ca, ...chainOnly });
    expect(seen).toMatchObject({ server: undefined, client: undefined });
    expect(seen.peer).toMatchObject({ ok: true, identity: { principal: 'buyer.web.bookbuyer.cluster.local', ...uid } });
  });

  it('refuses a client of another root', async () => {
    const [root, other] = [await newRoot('mesh'), await newRoot('mesh')];
    const [server, client] = [await workload(root), await workload(other)];
    const ca = root.certificatePem;
    const seen = await handshake({ ...server, ca, requestCert: true }, { ...client, ca, ...chainOnly });
    expect(seen.server ?? seen.client).toBeDefined();
    expect(seen.peer).toBeUndefined();
  });

  it('refuses a client without a certificate, and one whose certificate has expired', async () => {
    const root = await newRoot('mesh', () => Date.now() - 9 * dayMs);
    const [server, expired] = [await workload(root), await workload(root, Date.now() - 3 * dayMs)];
    const ca = root.certificatePem;
    const accept = { ...server, ca, requestCert: true };
    expect((await handshake(accept, { ca, ...chainOnly })).peer).toBeUndefined();
    expect((await handshake(accept, { ...expired, ca, ...chainOnly })).peer).toBeUndefined();
  });

  it('refuses a server of another root, and one whose certificate has expired', async () => {
    const root = await newRoot('mesh', () => Date.now() - 9 * dayMs);
    const [foreign, expired] = [await workload(await newRoot('mesh')), await workload(root, Date.now() - 3 * dayMs)];
    const client = { ca: root.certificatePem, ...chainOnly };
    expect((await handshake(foreign, client)).client).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect((await handshake(expired, client)).client).toBe('CERT_HAS_EXPIRED');
  });
});

describe('the control plane under a root of its own', () => {
  const pinned = (controlRoot: { certificatePem: string }) => ({
    ca: controlRoot.certificatePem,
    servername: controlPlaneName,
  });

  it('is known by its clients', async () => {
    const controlRoot = await newRoot('control');
    const own = await controlPlaneCertificate({ controlRoot, validityMs: dayMs, now: Date.now });
    const seen = await handshake({ cert: own.certificatePem, key: own.privateKeyPem }, pinned(controlRoot));
    expect(seen).toMatchObject({ server: undefined, client: undefined });
  });

  it('cannot be played by a workload, even for a client that checks no name', async () => {
    const [mesh, control] = [await newRoot('mesh'), await newRoot('control')];
    const seen = await handshake(await workload(mesh), { ...pinned(control), ...chainOnly });
    expect(seen.client).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('cannot be played by a workload under the right root either, because of its name', async () => {
    const mesh = await newRoot('mesh');
    const seen = await handshake(await workload(mesh), pinned(mesh));
    expect(seen.client).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('has a certificate that no workload takes for one of the mesh', async () => {
    const [mesh, controlRoot] = [await newRoot('mesh'), await newRoot('control')];
    const own = await controlPlaneCertificate({ controlRoot, validityMs: dayMs, now: Date.now });
    const client = { cert: own.certificatePem, key: own.privateKeyPem, ca: mesh.certificatePem, ...chainOnly };
    const accept = { ...(await workload(mesh)), requestCert: true };
    expect((await handshake({ ...accept, ca: mesh.certificatePem }, client)).peer).toBeUndefined();
    // Not even where its root is trusted by mistake: it is for servers only.
    const mistaken = await handshake({ ...accept, ca: [mesh.certificatePem, controlRoot.certificatePem] }, client);
    expect(mistaken.peer).toBeUndefined();
  });
});

const uid = { podUid: pod.podUid };
