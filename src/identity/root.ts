/**
 * Roots: self-signed ECDSA P-256 certificate authorities. A mesh has two of them. The *mesh* root signs workload
 * certificates; the *control* root signs the control plane's own server certificate and nothing else, so that no
 * workload, whatever it was issued, can pass for the control plane.
 */
import { createPrivateKey, webcrypto } from 'node:crypto';
import type { Problem } from '../api/problem.ts';
import { ProblemError } from '../api/problem.ts';
import { validityFrom } from './clock.ts';
import { publicKeyDer } from './keys.ts';
import { isDnsName } from './names.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';

/** What a root may sign: workload certificates, or the control plane's server certificate. */
export type RootPurpose = 'mesh' | 'control';

export interface RootOptions {
  /** Lower-case DNS name, `cluster.local` unless the mesh says otherwise. */
  readonly trustDomain: string;
  readonly purpose: RootPurpose;
  readonly validityMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A root as it is stored: two PEM texts. `privateKeyPem` (PKCS#8) goes into one Secret or file and nowhere else. */
export interface RootPem {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** A root that can sign. Its key cannot be taken out again: printing, logging or copying it gives nothing away. */
export interface Root {
  readonly purpose: RootPurpose;
  readonly trustDomain: string;
  readonly certificatePem: string;
  readonly notAfter: Date;
  readonly certificate: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
}

/** ECDSA on P-256 with SHA-256: what every root of ours signs with. */
export const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * Makes a new root, ready to sign.
 *
 * @throws ProblemError FSM2003 when the trust domain is not a DNS name
 */
export async function createRoot(options: RootOptions): Promise<Root> {
  return openRoot(await createRootPem(options));
}

/**
 * Makes a new root in the form that is stored: RFC 5280 section 4.2 for the extensions, a random 128-bit serial.
 * The trust domain is its URI SAN (X509-SVID section 4); an extended key usage of servers only marks a control root.
 *
 * @throws ProblemError FSM2003 when the trust domain is not a DNS name
 */
export async function createRootPem(options: RootOptions): Promise<RootPem> {
  if (!isDnsName(options.trustDomain)) throw new ProblemError(badTrustDomain(options.trustDomain));
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: await rootName(options.purpose, keys.publicKey),
      ...validityFrom(options.now(), options.validityMs),
      keys,
      signingAlgorithm,
      extensions: await rootExtensions(options, keys.publicKey),
    },
    webcrypto,
  );
  return { certificatePem: pemText(certificate), privateKeyPem: await privateKeyPem(keys.privateKey) };
}

/** Two roots of one mesh differ in name, so that a verifier never tries the wrong one. */
async function rootName(purpose: RootPurpose, publicKey: webcrypto.CryptoKey): Promise<string> {
  const { keyId } = await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto);
  return `CN=FSM ${purpose} root ${keyId.slice(0, 8)}`;
}

async function rootExtensions(options: RootOptions, publicKey: webcrypto.CryptoKey) {
  const common = [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${options.trustDomain}` }]),
    await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
    await AuthorityKeyIdentifierExtension.create(publicKey, false, webcrypto),
  ];
  if (options.purpose === 'mesh') return common;
  return [...common, new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])];
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

/** PEM with the final newline, so that texts can be joined. */
export function pemText(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

/**
 * Opens a stored root.
 *
 * @throws ProblemError FSM2003 when it is not one of ours, or key and certificate do not belong together
 */
export async function openRoot(pem: RootPem): Promise<Root> {
  try {
    return await readRoot(pem);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError(unusableRoot('certificate or key cannot be read'), error);
  }
}

async function readRoot(pem: RootPem): Promise<Root> {
  const certificate = new X509Certificate(pem.certificatePem);
  const key = createPrivateKey(pem.privateKeyPem);
  if (!publicKeyDer(key).equals(Buffer.from(certificate.publicKey.rawData))) {
    throw new ProblemError(unusableRoot('the key is not the key of the certificate'));
  }
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return {
    purpose: purposeOf(certificate),
    trustDomain: trustDomainOf(certificate),
    certificatePem: pemText(certificate),
    notAfter: certificate.notAfter,
    certificate,
    signingKey: await webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm, false, ['sign']),
  };
}

function purposeOf(certificate: X509Certificate): RootPurpose {
  if (!certificate.getExtension(BasicConstraintsExtension)?.ca) {
    throw new ProblemError(unusableRoot('it is not a certificate authority'));
  }
  return certificate.getExtension(ExtendedKeyUsageExtension) ? 'control' : 'mesh';
}

function trustDomainOf(certificate: X509Certificate): string {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const domain = names.find(name => name.type === 'url')?.value.replace(/^spiffe:\/\//, '');
  if (domain === undefined || !isDnsName(domain)) throw new ProblemError(unusableRoot('it names no trust domain'));
  return domain;
}

function badTrustDomain(trustDomain: string): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `${JSON.stringify(trustDomain)} is not a trust domain`,
    why: 'a trust domain is a DNS name in lower case',
    fix: 'Use a name such as cluster.local.',
  };
}

function unusableRoot(what: string): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `the stored root cannot be used: ${what}`,
    why: 'every certificate of the mesh is signed with it',
    fix: 'Restore it from a backup, or remove it to make a new one; every workload then has to enrol again.',
  };
}
