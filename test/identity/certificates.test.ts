import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { controlPlaneCertificate } from '../../src/identity/control-plane.ts';
import { createRootIssuer, type IssueRequest } from '../../src/identity/issuer.ts';
import { createRootPem, openRoot, type Root } from '../../src/identity/root.ts';
import { dayMs, newKey, newRoot, pod, publicPem, trustDomain, workload } from './harness.ts';

const nowMs = Date.UTC(2026, 0, 15, 12, 0, 0, 700);
const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

function requestFor(publicKey: IssueRequest['publicKey'], serviceAccount = pod.serviceAccount): IssueRequest {
  const identity = { trustDomain, namespace: pod.namespace, serviceAccount, podUid: pod.podUid };
  return { publicKey, identity, validityMs: dayMs };
}

function issueWith(root: Root, request: IssueRequest) {
  return createRootIssuer(root, () => nowMs).issue(request);
}

describe('a workload certificate', () => {
  it('carries exactly the three names', async () => {
    const root = await newRoot('mesh', () => nowMs);
    const { cert } = await workload(root, nowMs);
    expect(new X509Certificate(cert).subjectAltName?.split(', ').sort()).toEqual([
      'DNS:7d0c2b5e-6a36-4f0e-9a58-0b6c1a0f3b11.pod.cluster.local',
      'DNS:buyer.web.bookbuyer.sa.cluster.local',
      'URI:spiffe://cluster.local/ns/bookbuyer/sa/buyer.web',
    ]);
  });

  it('is an end entity for both sides of TLS, signed by the root, of the given key', async () => {
    const root = await newRoot('mesh', () => nowMs);
    const keys = newKey();
    const issued = await issueWith(root, requestFor(publicPem(keys.publicKey)));
    const certificate = new X509Certificate(issued.certificatePem);
    const authority = new X509Certificate(root.certificatePem);
    expect(certificate.ca).toBe(false);
    expect([...(certificate.keyUsage ?? [])].sort()).toEqual([clientAuth, serverAuth].sort());
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(keys.privateKey)).toBe(true);
    expect(issued.serial).toBe(certificate.serialNumber.toLowerCase());
  });

  it('starts five minutes ago and ends when asked, at whole seconds', async () => {
    const { issued, cert } = await workload(await newRoot('mesh', () => nowMs), nowMs);
    expect(issued.notBefore).toEqual(new Date(Date.UTC(2026, 0, 15, 11, 55, 0)));
    expect(issued.notAfter).toEqual(new Date(Date.UTC(2026, 0, 16, 12, 0, 0)));
    expect(new X509Certificate(cert).validToDate).toEqual(issued.notAfter);
  });

  it('with a short life starts only a tenth of it ago', async () => {
    const { issued } = await workload(await newRoot('mesh', () => nowMs), nowMs, 60_000);
    expect(issued.notBefore).toEqual(new Date(Date.UTC(2026, 0, 15, 11, 59, 54)));
  });

  it('never outlives the root, and is not made when the root has ended', async () => {
    const root = await newRoot('mesh', () => nowMs);
    const nearEndMs = root.notAfter.getTime() - 1000;
    expect((await workload(root, nearEndMs)).issued.notAfter).toEqual(root.notAfter);
    await expect(workload(root, nearEndMs + 1000)).rejects.toThrow(/FSM2003.*expired/);
  });

  it('has a serial of its own, of 128 random bits', async () => {
    const root = await newRoot('mesh', () => nowMs);
    const keys = newKey();
    const made = await Promise.all(
      Array.from({ length: 8 }, () => issueWith(root, requestFor(publicPem(keys.publicKey)))),
    );
    const serials = made.map(({ serial }) => serial);
    expect(new Set(serials).size).toBe(serials.length);
    for (const serial of serials) expect(serial).toMatch(/^[0-9a-f]{28,32}$/);
  });

  it('is made for RSA of 2048 bits, which Pipy makes, in PEM or DER', async () => {
    const root = await newRoot('mesh', () => nowMs);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const der = rsa.publicKey.export({ format: 'der', type: 'spki' });
    const issued = await issueWith(root, requestFor(der));
    expect(new X509Certificate(issued.certificatePem).checkPrivateKey(rsa.privateKey)).toBe(true);
  });

  it.each([
    ['RSA of 1024 bits', publicPem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
    ['P-384', publicPem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
    ['Ed25519', publicPem(generateKeyPairSync('ed25519').publicKey)],
    [
      'a private key',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    ],
    ['nothing', ''],
    ['noise', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
  ])('is refused for %s', async (_, key) => {
    const root = await newRoot('mesh', () => nowMs);
    await expect(issueWith(root, requestFor(key.toString()))).rejects.toThrow(/^FSM2001: the public key/);
  });

  it('is refused for a name that could be another one', async () => {
    const root = await newRoot('mesh', () => nowMs);
    const key = publicPem(newKey().publicKey);
    for (const name of ['a/b', 'a,DNS:x', 'A', '', 'x\u0000y']) {
      await expect(issueWith(root, requestFor(key, name))).rejects.toThrow(/^FSM2001: the identity/);
    }
  });
});

describe('a root', () => {
  it('is a certificate authority of one level that names its trust domain', async () => {
    const authority = new X509Certificate((await newRoot('mesh', () => nowMs)).certificatePem);
    expect(authority.ca).toBe(true);
    expect(authority.checkIssued(authority)).toBe(true);
    expect(authority.verify(authority.publicKey)).toBe(true);
    expect(authority.subjectAltName).toBe('URI:spiffe://cluster.local');
    expect(authority.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  it('shows its key to nobody', async () => {
    const pem = await createRootPem({ trustDomain, purpose: 'mesh', validityMs: dayMs, now: () => nowMs });
    const root = await openRoot(pem);
    const secret = pem.privateKeyPem.split('\n')[1] ?? 'missing';
    expect(secret.length).toBeGreaterThan(40);
    expect(root.signingKey.extractable).toBe(false);
    expect(JSON.stringify(root) + inspect(root, { depth: 9, showHidden: true })).not.toContain(secret);
  });

  it('is refused with a key that is not its own', async () => {
    const options = { trustDomain, purpose: 'mesh', validityMs: dayMs, now: () => nowMs } as const;
    const [one, other] = [await createRootPem(options), await createRootPem(options)];
    await expect(openRoot({ ...one, privateKeyPem: other.privateKeyPem })).rejects.toThrow(/FSM2003/);
    await expect(openRoot({ ...one, certificatePem: 'x' })).rejects.toThrow(/FSM2003/);
  });

  it('signs for its own purpose only', async () => {
    const [mesh, control] = await Promise.all([newRoot('mesh'), newRoot('control')]);
    expect(() => createRootIssuer(control)).toThrow(/FSM2003: a control root/);
    const asServer = controlPlaneCertificate({ controlRoot: mesh, validityMs: dayMs, now: Date.now });
    await expect(asServer).rejects.toThrow(/FSM2003: a mesh root/);
  });

  it('is not made for a trust domain that is no DNS name', async () => {
    const made = createRootPem({ trustDomain: 'Cluster_Local', purpose: 'mesh', validityMs: dayMs, now: () => nowMs });
    await expect(made).rejects.toThrow(/FSM2003: "Cluster_Local"/);
  });
});

describe('the certificate of the control plane', () => {
  it('is for servers only, with the names that were asked for', async () => {
    const controlRoot = await newRoot('control');
    const names = { dns: ['fsm-controller.fsm-system.svc'], ips: ['127.0.0.1', '::1'] };
    const made = await controlPlaneCertificate({ controlRoot, names, validityMs: dayMs, now: Date.now });
    const certificate = new X509Certificate(made.certificatePem);
    expect(certificate.keyUsage).toEqual([serverAuth]);
    expect(certificate.checkHost('control-plane.fsm')).toBe('control-plane.fsm');
    expect(certificate.checkHost('fsm-controller.fsm-system.svc')).toBeDefined();
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(certificate.verify(new X509Certificate(controlRoot.certificatePem).publicKey)).toBe(true);
  });

  it('is not made by a clock before its floor', async () => {
    const controlRoot = await newRoot('control');
    const made = controlPlaneCertificate({ controlRoot, validityMs: dayMs, now: () => 5, clockFloorMs: 6 });
    await expect(made).rejects.toThrow(/^FSM2002/);
  });
});

describe('a second opinion', () => {
  const openssl = spawnSync('openssl', ['version']).status === 0;

  it.skipIf(!openssl)('openssl -x509_strict agrees (skipped where there is no openssl)', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fsm-openssl-'));
    try {
      const [mesh, control] = await Promise.all([newRoot('mesh'), newRoot('control')]);
      const { cert } = await workload(mesh);
      await writeFile(join(dir, 'mesh.pem'), mesh.certificatePem);
      await writeFile(join(dir, 'control.pem'), control.certificatePem);
      await writeFile(join(dir, 'leaf.pem'), cert);
      const verify = (root: string, purpose: string) =>
        spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', root, 'leaf.pem'], {
          cwd: dir,
        });
      expect(verify('mesh.pem', 'sslclient').status).toBe(0);
      expect(verify('mesh.pem', 'sslserver').status).toBe(0);
      expect(verify('control.pem', 'sslclient').status).not.toBe(0);
      const text = execFileSync('openssl', ['x509', '-in', 'leaf.pem', '-noout', '-text'], { cwd: dir }).toString();
      expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
      expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
