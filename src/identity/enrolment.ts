/**
 * The control plane's side of enrolment: who may have a certificate, and with which names. Everything in it comes from
 * the review of the token; a proxy only says which key is its own.
 */
import { verify } from 'node:crypto';
import { formatProblem, type Problem, ProblemError } from '../api/problem.ts';
import { checkClock } from './clock.ts';
import type { IssuedCertificate, Issuer } from './issuer.ts';
import { acceptPublicKey, spkiDer } from './keys.ts';
import type { WorkloadIdentity } from './names.ts';
import { createNonces } from './nonces.ts';
import { type EnrolRequest, type EnrolResponse, enrolAudience, type NonceResponse, proofMessage } from './protocol.ts';
import { busy, impossible, malformed, type Refusal, refused, unavailable } from './refusal.ts';

/** The pod that a token was made for (`status.user` of a TokenReview, with its pod claims). */
export interface ReviewedPod {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName: string;
  readonly podUid: string;
}

/**
 * Asks the cluster about a token. `ok: false` with FSM2001 means that the token is no good; with any other code it
 * could not be asked (FSM4002 …), and the proxy may try again.
 */
export type ReviewToken = (
  token: string,
  audience: string,
) => Promise<({ readonly ok: true } & ReviewedPod) | { readonly ok: false; readonly problem: Problem }>;

export interface EnrolmentOptions {
  readonly issuer: Issuer;
  readonly trustDomain: string;
  readonly reviewToken: ReviewToken;
  /** Life of a new certificate (`serviceCertValidityDuration`). */
  readonly validityMs: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** See `checkClock`. */
  readonly clockFloorMs: () => number;
  /** Why a pod may not have a certificate now, as far as that is known; it may come again. */
  readonly hindrance?: (pod: ReviewedPod) => Problem | undefined;
  /** Told of each certificate before the proxy has it; a rejection refuses the enrolment. */
  readonly enrolled: (pod: ReviewedPod) => void | Promise<void>;
  /** Milliseconds, never going back; for what expires. */
  readonly monotonicMs?: () => number;
  readonly limits?: Partial<EnrolmentLimits>;
}

export interface EnrolmentLimits {
  /** Nonces that wait to be used. */
  readonly noncesMax: number;
  readonly nonceTtlMs: number;
  /** Token reviews and issues under way at a time. */
  readonly concurrencyMax: number;
}

const defaultLimits: EnrolmentLimits = { noncesMax: 8192, nonceTtlMs: 60_000, concurrencyMax: 64 };

export type Answer<T> =
  | { readonly ok: true; readonly value: T; readonly pod?: ReviewedPod }
  | { readonly ok: false; readonly refusal: Refusal };

export interface Enrolment {
  nonce(): Answer<NonceResponse>;
  /** Takes whatever the proxy sent; never rejects. */
  enrol(body: unknown): Promise<Answer<EnrolResponse>>;
}

/** Enrolment without the network; `enrolmentHandler` puts it on HTTP. */
export function createEnrolment(options: EnrolmentOptions): Enrolment {
  const limits = { ...defaultLimits, ...options.limits };
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const nonces = createNonces({ max: limits.noncesMax, ttlMs: limits.nonceTtlMs, now: monotonicMs });
  let underWay = 0;

  async function enrol(body: unknown): Promise<Answer<EnrolResponse>> {
    const request = readRequest(body);
    if (request === undefined) return no(malformed('a field is missing or too long'));
    if (underWay >= limits.concurrencyMax) return no(busy('too many enrolments under way'));
    underWay += 1;
    try {
      return await admit(options, nonces.use(request.nonce), request);
    } catch (error) {
      return no(refusalOf(error, request.token));
    } finally {
      underWay -= 1;
    }
  }

  function nonce(): Answer<NonceResponse> {
    const issued = nonces.issue();
    return issued === undefined ? no(busy('too many nonces waiting')) : { ok: true, value: { nonce: issued } };
  }

  return { nonce, enrol };
}

/** The checks in order of their cost; the nonce is gone whatever they say. */
async function admit(options: EnrolmentOptions, fresh: boolean, request: EnrolRequest): Promise<Answer<EnrolResponse>> {
  const clock = checkClock(options.now(), options.clockFloorMs());
  if (clock) return no(unavailable('clock', clock));
  if (!fresh) return no(refused('nonce'));
  const publicKey = provenKey(request);
  if (publicKey === undefined) return no(refused('proof'));
  const review = await options.reviewToken(request.token, enrolAudience(options.trustDomain));
  if (!review.ok) return no(refusalOf(new ProblemError(review.problem), request.token));
  const { namespace, serviceAccount, podName, podUid } = review;
  const pod = { namespace, serviceAccount, podName, podUid };
  const hindrance = options.hindrance?.(pod);
  if (hindrance) return no(unavailable(formatProblem(hindrance), hindrance));
  const identity = { trustDomain: options.trustDomain, namespace, serviceAccount, podUid };
  try {
    return { ok: true, value: await issueFor(options, pod, identity, publicKey), pod };
  } catch (error) {
    const itsOwn = error instanceof ProblemError && error.problem.code === 'FSM2001' && podUid !== '';
    if (itsOwn) return no(impossible(error.problem));
    throw error;
  }
}

/** DER of the public key, when the proof was made with its private key for this nonce and this token. */
function provenKey(request: EnrolRequest): Uint8Array | undefined {
  const key = acceptPublicKey(request.publicKey);
  if (key === undefined) return undefined;
  const message = proofMessage(request.nonce, request.token);
  return verify('sha256', message, key, Buffer.from(request.proof, 'base64')) ? spkiDer(key) : undefined;
}

async function issueFor(
  options: EnrolmentOptions,
  pod: ReviewedPod,
  identity: WorkloadIdentity,
  publicKey: Uint8Array,
): Promise<EnrolResponse> {
  const issued = await options.issuer.issue({ publicKey, identity, validityMs: options.validityMs() });
  await options.enrolled(pod);
  return response(options, issued);
}

function response(options: EnrolmentOptions, issued: IssuedCertificate): EnrolResponse {
  return {
    certificate: issued.certificatePem,
    roots: options.issuer.roots(),
    trustDomain: options.trustDomain,
    notAfter: issued.notAfter.toISOString(),
  };
}

function no(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}

/** A token that does not pass is the caller's matter; everything else is ours, and may pass later. */
function refusalOf(error: unknown, token: string): Refusal {
  const detail = withoutToken(error instanceof ProblemError ? formatProblem(error.problem) : String(error), token);
  if (!(error instanceof ProblemError) || !error.problem.code.startsWith('FSM2')) return unavailable(detail);
  return error.problem.code === 'FSM2001' ? refused(detail) : unavailable(detail, error.problem);
}

/** Other people's error texts may quote what they were given. */
function withoutToken(text: string, token: string): string {
  return text.replaceAll(token, '[token]');
}

/** Longest of each field, in characters. A token of a cluster is about 1,200 long. */
const fieldLengths = { token: 16_384, nonce: 64, publicKey: 2048, proof: 1024 } as const;

function readRequest(body: unknown): EnrolRequest | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const token = readField(body, 'token');
  const nonce = readField(body, 'nonce');
  const publicKey = readField(body, 'publicKey');
  const proof = readField(body, 'proof');
  if (!token || !nonce || !publicKey || !proof) return undefined;
  return { token, nonce, publicKey, proof };
}

function readField(body: object, name: keyof typeof fieldLengths): string | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(body, name)?.value;
  return typeof value === 'string' && value.length <= fieldLengths[name] ? value : undefined;
}
