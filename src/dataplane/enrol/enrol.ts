/** The init step of a sidecar: when it has run, the state directory holds a key, a certificate and the mesh's roots. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Problem } from '../../api/problem.ts';
import { EnrolRefusal, requestCertificate } from './client.ts';
import { loadCredentials, loadOrCreateKey, storeCredentials, usableCertificate } from './state.ts';

export interface EnrolOptions {
  readonly podUid: string;
  /** `host:port` of the control plane's TLS port. */
  readonly controlPlane: string;
  readonly controlRootFile: string;
  readonly tokenFile: string;
  readonly stateDir: string;
  /** For all tries together. */
  readonly timeoutMs: number;
  /** One entry for each thing that happens; never a token or a key. */
  readonly log: (entry: EnrolLogEntry) => void;
  readonly now?: () => number;
  readonly random?: () => number;
  /** Longest pause before the second try; it doubles from there to five seconds. */
  readonly firstPauseMs?: number;
}

export interface EnrolLogEntry {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly notAfter?: string;
  readonly attempt?: number;
  readonly reason?: string;
}

export type EnrolResult =
  | { readonly ok: true; readonly notAfter: Date; readonly enrolled: boolean }
  | { readonly ok: false; readonly problem: Problem };

const pauseMaxMs = 5_000;
/** A nonce may have expired, or the token was just replaced; after so many refusals neither is the reason. */
const refusalsMax = 3;

/**
 * Enrols the pod, unless its certificate has more than a third of its life left: a restarted sidecar needs nobody.
 *
 * @returns a `Problem` FSM2001 when the time is over or the control plane refuses; it rejects only when the state
 * directory cannot be used
 */
export async function enrol(options: EnrolOptions): Promise<EnrolResult> {
  const key = await loadOrCreateKey(options.stateDir);
  const held = await heldCertificate(options, key);
  if (held !== undefined) {
    options.log({ level: 'info', message: 'certificate is still good', notAfter: held.validToDate.toISOString() });
    return { ok: true, notAfter: held.validToDate, enrolled: false };
  }
  return tryUntil(AbortSignal.timeout(options.timeoutMs), options, key);
}

async function heldCertificate(options: EnrolOptions, key: KeyObject): Promise<X509Certificate | undefined> {
  const credentials = await loadCredentials(options.stateDir);
  const nowMs = (options.now ?? Date.now)();
  const certificate = credentials && usableCertificate(credentials, key, options.podUid, nowMs);
  if (certificate === undefined) return undefined;
  const lifeMs = certificate.validToDate.getTime() - certificate.validFromDate.getTime();
  return certificate.validToDate.getTime() - nowMs > lifeMs / 3 ? certificate : undefined;
}

async function tryUntil(deadline: AbortSignal, options: EnrolOptions, key: KeyObject): Promise<EnrolResult> {
  let refusals = 0;
  let reason = 'there was no answer in time';
  for (let attempt = 1; ; attempt += 1) {
    try {
      const certificate = await attemptOnce(deadline, options, key);
      options.log({ level: 'info', message: 'enrolled', notAfter: certificate.validToDate.toISOString(), attempt });
      return { ok: true, notAfter: certificate.validToDate, enrolled: true };
    } catch (error) {
      // A try that the deadline cut off says less than the one before it.
      if (!deadline.aborted) reason = reasonOf(error);
      options.log({ level: 'warn', message: 'could not enrol', attempt, reason });
      if (isRefusal(error)) refusals += 1;
    }
    if (refusals < refusalsMax) await pause(deadline, attempt, options);
    if (refusals >= refusalsMax || deadline.aborted) return failure(options, attempt, reason);
  }
}

/** Files are read at each try: a kubelet replaces tokens, and may be late with them. */
async function attemptOnce(deadline: AbortSignal, options: EnrolOptions, key: KeyObject): Promise<X509Certificate> {
  const controlRoot = await readFile(options.controlRootFile, 'utf8');
  const token = (await readFile(options.tokenFile, 'utf8')).trim();
  const target = { controlPlane: options.controlPlane, controlRoot };
  const answer = await requestCertificate(target, key, token, deadline);
  const certificate = usableCertificate(answer, key, options.podUid, (options.now ?? Date.now)());
  if (certificate === undefined) throw new UnusableCertificate(options.podUid);
  await storeCredentials(options.stateDir, answer);
  return certificate;
}

class UnusableCertificate extends Error {
  constructor(podUid: string) {
    super(`the certificate that came is not usable here: not for pod ${podUid}, or not valid now`);
    this.name = 'UnusableCertificate';
  }
}

/** More tries of the same will not help; being busy is no refusal. */
function isRefusal(error: unknown): boolean {
  if (error instanceof UnusableCertificate) return true;
  return error instanceof EnrolRefusal && error.status < 500 && error.status !== 429;
}

/** Between half and all of a pause that doubles: pods that start together do not come again together. */
async function pause(deadline: AbortSignal, attempt: number, options: EnrolOptions): Promise<void> {
  const longestMs = Math.min((options.firstPauseMs ?? 250) * 2 ** (attempt - 1), pauseMaxMs);
  const delayMs = longestMs * (0.5 + (options.random ?? Math.random)() / 2);
  try {
    await setTimeout(delayMs, undefined, { signal: deadline });
  } catch (error) {
    if (!deadline.aborted) throw error;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return `${error.message}${code}`;
}

function failure(options: EnrolOptions, attempts: number, reason: string): EnrolResult {
  const problem: Problem = {
    code: 'FSM2001',
    path: '',
    what: `the pod could not enrol at ${options.controlPlane} in ${attempts} ${attempts === 1 ? 'try' : 'tries'}`,
    why: reason,
    fix: 'See whether the control plane runs and is reached, and what its log says about this pod.',
  };
  return { ok: false, problem };
}
