/** Certificate managers. FSM has one built in; another (an external CA) is another `Issuer`. */
import { type KeyObject, webcrypto } from 'node:crypto';
import type { Problem } from '../api/problem.ts';
import { ProblemError } from '../api/problem.ts';
import { validityFrom } from './clock.ts';
import { acceptPublicKey, spkiDer } from './keys.ts';
import { dnsTwin, isWorkloadIdentity, podDnsName, spiffeId, type WorkloadIdentity } from './names.ts';
import { pemText, type Root, signingAlgorithm } from './root.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';

/** A certificate to be made. The caller has already proved who it is and that it holds the private key. */
export interface IssueRequest {
  /** SubjectPublicKeyInfo, PEM or DER. */
  readonly publicKey: string | Uint8Array;
  readonly identity: WorkloadIdentity;
  /** From now; the issuer may give less, never more. */
  readonly validityMs: number;
}

export interface IssuedCertificate {
  /** PEM chain, the workload's certificate first, without the root. */
  readonly certificatePem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Hexadecimal, lower case. */
  readonly serial: string;
}

/** A certificate manager. `issue` rejects with a `ProblemError`; nothing is retried here. */
export interface Issuer {
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /** PEM certificates that verify what `issue` makes; during a root rotation there are two. */
  roots(): readonly string[];
}

/**
 * The built-in certificate manager: signs with the mesh's root.
 *
 * @throws ProblemError FSM2003 for a control root, which signs no workload certificates
 */
export function createRootIssuer(root: Root, now: () => number = Date.now): Issuer {
  if (root.purpose !== 'mesh') throw new ProblemError(wrongPurpose);
  return {
    issue: request => issueWorkload(root, request, now()),
    roots: () => [root.certificatePem],
  };
}

async function issueWorkload(root: Root, request: IssueRequest, nowMs: number): Promise<IssuedCertificate> {
  const { identity } = request;
  const publicKey = acceptPublicKey(request.publicKey);
  if (publicKey === undefined) throw new ProblemError(weakKey);
  if (identity.trustDomain !== root.trustDomain || !isWorkloadIdentity(identity)) throw new ProblemError(badIdentity);
  return signLeaf(root, {
    publicKey,
    names: workloadNames(identity),
    usages: [ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth],
    validityMs: request.validityMs,
    nowMs,
  });
}

/** Exactly three names, and no name of a service: a client checks the principal of the endpoint it chose. */
function workloadNames(identity: WorkloadIdentity): readonly SubjectName[] {
  return [
    { type: 'url', value: spiffeId(identity) },
    { type: 'dns', value: dnsTwin(identity) },
    { type: 'dns', value: podDnsName(identity) },
  ];
}

/** One subject alternative name. */
export interface SubjectName {
  readonly type: 'dns' | 'ip' | 'url';
  readonly value: string;
}

/** An end-entity certificate to be signed. */
export interface Leaf {
  readonly publicKey: KeyObject;
  readonly names: readonly SubjectName[];
  readonly usages: readonly ExtendedKeyUsage[];
  readonly validityMs: number;
  readonly nowMs: number;
}

/**
 * Signs an end-entity certificate (RFC 5280 section 4.2): not a CA, digital signatures only, a random 128-bit serial.
 *
 * @throws ProblemError FSM2003 when the root's own time is over
 */
export async function signLeaf(root: Root, leaf: Leaf): Promise<IssuedCertificate> {
  if (root.notAfter.getTime() <= leaf.nowMs) throw new ProblemError(rootExpired(root.notAfter));
  const validity = validityFrom(leaf.nowMs, leaf.validityMs, root.notAfter);
  const spki = new Uint8Array(spkiDer(leaf.publicKey));
  const certificate = await X509CertificateGenerator.create(
    {
      subject: 'O=FSM',
      issuer: root.certificate.subject,
      ...validity,
      publicKey: spki,
      signingKey: root.signingKey,
      signingAlgorithm,
      extensions: await leafExtensions(root, leaf, spki),
    },
    webcrypto,
  );
  return issued(certificate);
}

async function leafExtensions(root: Root, leaf: Leaf, spki: Uint8Array<ArrayBuffer>) {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([...leaf.usages]),
    new SubjectAlternativeNameExtension(leaf.names.map(({ type, value }) => ({ type, value }))),
    await SubjectKeyIdentifierExtension.create(spki, false, webcrypto),
    await AuthorityKeyIdentifierExtension.create(root.certificate.publicKey, false, webcrypto),
  ];
}

function issued(certificate: X509Certificate): IssuedCertificate {
  const { notBefore, notAfter, serialNumber } = certificate;
  return { certificatePem: pemText(certificate), notBefore, notAfter, serial: serialNumber };
}

const wrongPurpose: Problem = {
  code: 'FSM2003',
  path: '',
  what: 'a control root was given as the root of workloads',
  why: 'it signs the server certificate of the control plane and nothing else',
  fix: 'Use the mesh root.',
};

const weakKey: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the public key is neither P-256 nor RSA of 2048 to 4096 bits',
  why: 'other keys are weaker or not understood by every proxy',
  fix: 'Make an elliptic key on P-256.',
};

const badIdentity: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the identity cannot be written into a certificate of this trust domain',
  why: 'each part must be a name of its kind and the namespace with the trust domain at most 180 characters',
  fix: 'Take a shorter trust domain.',
};

function rootExpired(notAfter: Date): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `the root expired at ${notAfter.toISOString()}`,
    why: 'nothing that it signs would be accepted',
    fix: 'Make a new root; every workload then has to enrol again.',
  };
}
