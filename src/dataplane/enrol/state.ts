/** What the init step leaves in the pod's state directory. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileExclusive, readIfThere, writeFileAtomic } from '../../identity/files.ts';
import { acceptPublicKey, publicKeyDer } from '../../identity/keys.ts';
import { stateFiles } from '../driver.ts';

/** A certificate with a key, and the roots it hangs from. */
export interface Credentials {
  /** PEM chain, leaf first. */
  readonly certificate: string;
  /** PEM certificates. */
  readonly roots: readonly string[];
}

/**
 * The pod's private key: the one in the state directory, or a new one on P-256. It never leaves the directory.
 * A file that others could read, or that holds no key that we take, is replaced.
 */
export async function loadOrCreateKey(stateDir: string): Promise<KeyObject> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const path = join(stateDir, stateFiles.key);
  const held = await loadKey(path);
  if (held !== undefined) return held;
  await rm(path, { force: true });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const made = await createFileExclusive(path, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 0o600);
  // Another init step of this pod was faster: its key is the one that counts.
  return made ? privateKey : ((await loadKey(path)) ?? privateKey);
}

async function loadKey(path: string): Promise<KeyObject | undefined> {
  const pem = await readIfThere(path);
  if (pem === undefined || ((await stat(path)).mode & 0o077) !== 0) return undefined;
  try {
    const key = createPrivateKey(pem);
    return acceptPublicKey(publicKeyDer(key)) && key;
  } catch {
    // Not a key: the caller makes a new one, and nothing is lost with a file that cannot be used.
    return undefined;
  }
}

/** What is stored, or undefined when a file of it is missing. */
export async function loadCredentials(stateDir: string): Promise<Credentials | undefined> {
  const certificate = await readIfThere(join(stateDir, stateFiles.certificate));
  const trust = await readIfThere(join(stateDir, stateFiles.trust));
  if (certificate === undefined || trust === undefined) return undefined;
  return { certificate, roots: trust.match(pemCertificate) ?? [] };
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Stores credentials: the roots first, so that a certificate that is there can always be checked. */
export async function storeCredentials(stateDir: string, credentials: Credentials): Promise<void> {
  const trust = credentials.roots.map(root => `${root.trim()}\n`).join('');
  await writeFileAtomic(join(stateDir, stateFiles.trust), trust, 0o644);
  await writeFileAtomic(join(stateDir, stateFiles.certificate), credentials.certificate, 0o644);
}

/**
 * Reads a certificate that this pod can use: of this key and pod, signed by one of the roots, and not expired.
 *
 * @returns undefined when it is not
 */
export function usableCertificate(
  credentials: Credentials,
  key: KeyObject,
  podUid: string,
  nowMs: number,
): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(credentials.certificate);
    const signed = credentials.roots.some(root => certificate.verify(new X509Certificate(root).publicKey));
    const ours = certificate.checkPrivateKey(key) && namesPod(certificate, podUid);
    return signed && ours && certificate.validToDate.getTime() > nowMs ? certificate : undefined;
  } catch {
    // Not PEM, or not a certificate: there is nothing to use.
    return undefined;
  }
}

function namesPod(certificate: X509Certificate, podUid: string): boolean {
  return (certificate.subjectAltName ?? '').split(', ').some(name => name.startsWith(`DNS:${podUid}.pod.`));
}
