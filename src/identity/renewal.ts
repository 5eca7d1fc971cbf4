/**
 * Renewal: a proxy that has a stream gets a new certificate for the key that it has, long before the old one ends.
 * It sends nothing for it: the control plane knows when each certificate is due.
 */
import { X509Certificate } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Problem, ProblemError } from '../api/problem.ts';
import { checkClock, type Validity } from './clock.ts';
import type { IssuedCertificate, Issuer } from './issuer.ts';
import { spkiDer } from './keys.ts';
import type { WorkloadIdentity } from './names.ts';
import { identityOf } from './peer.ts';

/**
 * When a certificate is due: at half of its life, give or take a tenth of it, so that a mesh that was started at once
 * does not renew at once. Always before two thirds (issue 3, point 5).
 *
 * @param random uniform in [0, 1)
 */
export function renewalDueAt(notBefore: Date, notAfter: Date, random: number): Date {
  const startMs = notBefore.getTime();
  return new Date(Math.round(startMs + (notAfter.getTime() - startMs) * (0.4 + 0.2 * random)));
}

export interface RenewalOptions {
  readonly issuer: Issuer;
  readonly trustDomain: string;
  readonly validityMs: () => number;
  readonly now: () => number;
  /** See `checkClock`. */
  readonly clockFloorMs: () => number;
  /** Whether the pod takes part in the mesh, with this uid and ServiceAccount. */
  readonly takesPart: (identity: WorkloadIdentity) => boolean | Promise<boolean>;
  readonly random?: () => number;
}

/** The certificate that a proxy has: of the TLS socket at first, then the PEM chain of the last renewal. */
export type HeldCertificate = X509Certificate | string;

export type Renewed =
  | { readonly ok: true; readonly certificate: IssuedCertificate }
  | { readonly ok: false; readonly problem: Problem };

export interface Renewal {
  /** Chosen anew at each call: ask once for each certificate. */
  dueAt(held: HeldCertificate): Date;
  /** A new certificate with the same key and names; never rejects. */
  renew(held: HeldCertificate): Promise<Renewed>;
}

/**
 * Renewal for proxies whose connection was verified by TLS. A stream lives longer than the certificate that opened it,
 * so the caller gives the newest one that went out on the stream, not the one of the handshake.
 */
export function createRenewal(options: RenewalOptions): Renewal {
  const random = options.random ?? Math.random;
  return {
    dueAt(held) {
      const { validFromDate, validToDate } = read(held);
      return renewalDueAt(validFromDate, validToDate, random());
    },
    async renew(held) {
      try {
        return { ok: true, certificate: await renewed(options, read(held)) };
      } catch (error) {
        return { ok: false, problem: error instanceof ProblemError ? error.problem : issuerFailed(error) };
      }
    },
  };
}

function read(held: HeldCertificate): X509Certificate {
  return typeof held === 'string' ? new X509Certificate(held) : held;
}

async function renewed(options: RenewalOptions, held: X509Certificate): Promise<IssuedCertificate> {
  const nowMs = options.now();
  const clock = checkClock(nowMs, options.clockFloorMs());
  if (clock) throw new ProblemError(clock);
  if (held.validToDate.getTime() <= nowMs) throw new ProblemError(expired(held));
  const peer = identityOf(held, options.trustDomain);
  if (!peer.ok) throw new ProblemError(peer.problem);
  const { trustDomain, namespace, serviceAccount, podUid } = peer.identity;
  const identity = { trustDomain, namespace, serviceAccount, podUid };
  if (!(await options.takesPart(identity))) throw new ProblemError(gone(identity));
  return options.issuer.issue({ publicKey: spkiDer(held.publicKey), identity, validityMs: options.validityMs() });
}

/** How a certificate is kept fresh. */
export interface KeepFreshOptions<T extends Validity> {
  readonly make: () => Promise<T>;
  readonly install: (fresh: T) => void;
  /** A renewal failed; the next try follows in a minute. */
  readonly failed: (error: unknown) => void;
  readonly now: () => number;
  readonly random: () => number;
  /** Resolves after so many milliseconds, or rejects when `signal` aborts; a timer that keeps no process alive. */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<unknown>;
  readonly signal: AbortSignal;
}

/** Clocks are set while we wait, and a long sleep does not notice: look again after so long at most. */
const lookMaxMs = 3_600_000;
const retryMs = 60_000;

/** Renews one certificate at its due times, for ever. Resolves when `signal` aborts. */
export async function keepFresh<T extends Validity>(first: T, options: KeepFreshOptions<T>): Promise<void> {
  let dueMs = dueOf(first, options);
  while (await waited(dueMs - options.now(), options)) {
    if (options.now() < dueMs) continue;
    try {
      const fresh = await options.make();
      options.install(fresh);
      dueMs = dueOf(fresh, options);
    } catch (error) {
      options.failed(error);
      dueMs = options.now() + retryMs;
    }
  }
}

function dueOf<T extends Validity>(certificate: T, options: KeepFreshOptions<T>): number {
  return renewalDueAt(certificate.notBefore, certificate.notAfter, options.random()).getTime();
}

async function waited<T extends Validity>(delayMs: number, options: KeepFreshOptions<T>): Promise<boolean> {
  const wait = options.wait ?? timer;
  try {
    await wait(Math.min(Math.max(delayMs, 0), lookMaxMs), options.signal);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
  return !options.signal.aborted;
}

function timer(delayMs: number, signal: AbortSignal): Promise<unknown> {
  return setTimeout(delayMs, undefined, { signal, ref: false });
}

function expired(held: X509Certificate): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `the certificate expired at ${held.validToDate.toISOString()}`,
    why: 'only a valid one can be renewed',
    fix: 'Nothing: the sidecar enrols again with its token.',
  };
}

function gone(identity: WorkloadIdentity): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `the pod ${identity.podUid} in ${identity.namespace} takes no part in the mesh any more`,
    why: 'certificates are only for pods that exist, in namespaces of the mesh',
    fix: 'Nothing, if that is meant.',
  };
}

function issuerFailed(error: unknown): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `the certificate manager failed: ${error instanceof Error ? error.message : String(error)}`,
    why: 'the certificate could not be renewed',
    fix: 'See to the certificate manager; it is asked again before the certificate ends.',
  };
}
