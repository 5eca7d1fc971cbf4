/**
 * Enrolment as it goes over the wire: HTTP/1.1 with JSON, over TLS pinned to the control root.
 *
 * ```
 * POST /v1/enrol/nonce                                     → NonceResponse
 * POST /v1/enrol        EnrolRequest                       → EnrolResponse
 * ```
 *
 * A refusal is `{ problem }` with status 400 (cannot be read), 401 (does not pass), 403, 413, 429 or 503 (try again
 * after `retry-after` seconds).
 */
import { hash } from 'node:crypto';
import type { Problem } from '../api/problem.ts';

/** The name in the control plane's server certificate, which every proxy asks for. */
export const controlPlaneName = 'control-plane.fsm';

export const enrolPaths = { nonce: '/v1/enrol/nonce', enrol: '/v1/enrol' } as const;

export interface NonceResponse {
  /** Good for one request, for a minute. */
  readonly nonce: string;
}

export interface EnrolRequest {
  /** ServiceAccount token with audience `fsm.<trust domain>`. */
  readonly token: string;
  readonly nonce: string;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKey: string;
  /** Base64 of the signature of `proofMessage` with SHA-256: ECDSA in DER, RSA with PKCS#1 v1.5. */
  readonly proof: string;
}

export interface EnrolResponse {
  /** PEM chain, the workload's certificate first. */
  readonly certificate: string;
  /** PEM certificates that the mesh trusts. */
  readonly roots: readonly string[];
  readonly trustDomain: string;
  /** ISO 8601. */
  readonly notAfter: string;
}

export interface RefusalResponse {
  readonly problem: Problem;
}

/**
 * What a proxy signs to prove that it holds the private key: the nonce and the token's hash, so that neither a copied
 * request nor a public key with somebody else's token is of use.
 */
export function proofMessage(nonce: string, token: string): Buffer {
  return Buffer.from(`fsm-enrol/1\n${nonce}\n${hash('sha256', token, 'hex')}`);
}

/** Audience of the tokens that enrol: a token for anything else is not accepted. */
export function enrolAudience(trustDomain: string): string {
  return `fsm.${trustDomain}`;
}
