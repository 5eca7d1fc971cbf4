/** Real roots and certificates for tests. */
import { generateKeyPairSync } from 'node:crypto';
import { type ControlPlaneCertificate, controlPlaneCertificate } from '../../../src/identity/control-plane.ts';
import { createRootIssuer } from '../../../src/identity/issuer.ts';
import { createRoot, type Root } from '../../../src/identity/root.ts';
import { trustDomain } from './tree.ts';

const dayMs = 86_400_000;

export interface Who {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podUid: string;
}

export interface KeyAndCertificate {
  readonly keyPem: string;
  readonly certificatePem: string;
}

export interface Authorities {
  readonly mesh: Root;
  readonly control: Root;
  readonly server: ControlPlaneCertificate;
}

export async function createAuthorities(): Promise<Authorities> {
  const options = { trustDomain, validityMs: 30 * dayMs, now: Date.now };
  const mesh = await createRoot({ ...options, purpose: 'mesh' });
  const control = await createRoot({ ...options, purpose: 'control' });
  const server = await controlPlaneCertificate({ controlRoot: control, validityMs: dayMs, now: Date.now });
  return { mesh, control, server };
}

/** A new key with a certificate. @param now the issuer's clock, to make one that has expired */
export async function issue(root: Root, who: Who, now: () => number = Date.now): Promise<KeyAndCertificate> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { keyPem, certificatePem: await reissue(root, who, keyPem, now) };
}

/** Another certificate for the same key. */
export async function reissue(root: Root, who: Who, keyPem: string, now: () => number = Date.now): Promise<string> {
  const { createPublicKey } = await import('node:crypto');
  const publicKey = createPublicKey(keyPem).export({ format: 'pem', type: 'spki' }).toString();
  const identity = { trustDomain, ...who };
  const issued = await createRootIssuer(root, now).issue({ publicKey, identity, validityMs: dayMs });
  return issued.certificatePem;
}
