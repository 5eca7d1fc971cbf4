/** Keys and certificates of the kind that the mesh makes (P-256), for targets outside of it. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRootIssuer } from '../../src/identity/issuer.ts';
import { dnsTwin } from '../../src/identity/names.ts';
import { createRoot } from '../../src/identity/root.ts';

const trustDomain = 'cluster.local';
const validityMs = 24 * 3600 * 1000;

/** Files of one identity, and the authority's certificate. */
export interface Certificates {
  /** PEM file of the certificate. */
  readonly certificate: string;
  /** PEM file of its key. */
  readonly key: string;
  /** Both in one file. */
  readonly pair: string;
  /** PEM file of the authority. */
  readonly root: string;
  /** The authority's certificate itself. */
  readonly ca: string;
  /** DNS name in the certificate. */
  readonly serverName: string;
}

/** Makes an authority and a certificate for both ends of a pair. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const root = await createRoot({ trustDomain, purpose: 'mesh', validityMs, now: Date.now });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const identity = { trustDomain, namespace: 'bench', serviceAccount: 'peer', podUid: 'peer' };
  const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const { certificatePem } = await createRootIssuer(root).issue({ publicKey: spki, identity, validityMs });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const file = async (name: string, text: string) => {
    const path = join(dir, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  return {
    certificate: await file('certificate.pem', certificatePem),
    key: await file('key.pem', key),
    pair: await file('pair.pem', `${certificatePem}\n${key}`),
    root: await file('root.pem', root.certificatePem),
    ca: root.certificatePem,
    serverName: dnsTwin(identity),
  };
}
