import { generateKeyPairSync } from 'node:crypto';
import { type Problem, ProblemError } from '../api/problem.ts';
import { checkClock } from './clock.ts';
import { type IssuedCertificate, signLeaf } from './issuer.ts';
import { controlPlaneName } from './protocol.ts';
import type { Root } from './root.ts';
import { ExtendedKeyUsage } from './x509.ts';

export interface ControlPlaneCertificateOptions {
  readonly controlRoot: Root;
  /** More names and addresses of the TLS port; `control-plane.fsm` is always there. */
  readonly names?: { readonly dns?: readonly string[]; readonly ips?: readonly string[] };
  readonly validityMs: number;
  readonly now: () => number;
  /** See `checkClock`. */
  readonly clockFloorMs?: number;
}

/** What `tls.createSecureContext` takes as `cert` and `key`. The key is in memory only, new with each certificate. */
export interface ControlPlaneCertificate extends IssuedCertificate {
  readonly privateKeyPem: string;
}

/**
 * Makes the control plane's server certificate, with a key of its own; `keepFresh` makes the next ones.
 *
 * @throws ProblemError FSM2003 for a mesh root, FSM2002 when the clock is wrong
 */
export async function controlPlaneCertificate(
  options: ControlPlaneCertificateOptions,
): Promise<ControlPlaneCertificate> {
  const nowMs = options.now();
  const clock = checkClock(nowMs, options.clockFloorMs ?? 0);
  if (clock) throw new ProblemError(clock);
  if (options.controlRoot.purpose !== 'control') throw new ProblemError(wrongPurpose);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = serverNames(options.names);
  const usages = [ExtendedKeyUsage.serverAuth];
  const leaf = { publicKey, names, usages, validityMs: options.validityMs, nowMs };
  const issued = await signLeaf(options.controlRoot, leaf);
  return { ...issued, privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

function serverNames(names: ControlPlaneCertificateOptions['names'] = {}) {
  const dns = new Set([controlPlaneName, ...(names.dns ?? [])]);
  return [
    ...[...dns].map(value => ({ type: 'dns' as const, value })),
    ...(names.ips ?? []).map(value => ({ type: 'ip' as const, value })),
  ];
}

const wrongPurpose: Problem = {
  code: 'FSM2003',
  path: '',
  what: 'a mesh root was given as the control root',
  why: 'a workload certificate of the same root could then pass for the control plane',
  fix: 'Use the control root.',
};
