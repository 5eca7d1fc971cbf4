import type { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import type { Problem } from '../api/problem.ts';
import {
  dnsTwin,
  isWorkloadIdentity,
  parsePodDnsName,
  parseSpiffeId,
  principalName,
  type WorkloadIdentity,
} from './names.ts';

/** Who the other end of a connection is. */
export interface PeerIdentity extends WorkloadIdentity {
  /** `<sa>.<ns>.<td>`, as policies name it. */
  readonly principal: string;
}

export type IdentityResult =
  | { readonly ok: true; readonly identity: PeerIdentity }
  | { readonly ok: false; readonly problem: Problem };

/**
 * Reads who a certificate speaks of. The chain must have been verified before (`rejectUnauthorized`, `requestCert`):
 * this reads names, it does not check signatures or times.
 *
 * Strict on purpose: exactly one URI (X509-SVID section 2) and the two DNS names that go with it, in any order.
 */
export function identityOf(certificate: X509Certificate | PeerCertificate, trustDomain: string): IdentityResult {
  const names = alternativeNames(certificate);
  const service = parseSpiffeId(only(names, 'URI'));
  if (service === undefined || service.trustDomain !== trustDomain || names.length !== 3) return notOurs(trustDomain);
  const podName = names.find(name => name.kind === 'DNS' && name.value !== dnsTwin(service))?.value ?? '';
  const identity = { ...service, podUid: parsePodDnsName(podName, trustDomain) ?? '' };
  const twin = names.some(name => name.kind === 'DNS' && name.value === dnsTwin(service));
  if (!twin || !isWorkloadIdentity(identity)) return notOurs(trustDomain);
  return { ok: true, identity: { ...identity, principal: principalName(service) } };
}

interface AlternativeName {
  readonly kind: string;
  readonly value: string;
}

/**
 * Splits the text that Node makes of the extension. It quotes a value that holds a comma or a quote, so a name cannot
 * smuggle another one in; nothing of ours needs quoting and such a value matches none of our names.
 */
function alternativeNames(certificate: X509Certificate | PeerCertificate): readonly AlternativeName[] {
  const text = 'subjectAltName' in certificate ? certificate.subjectAltName : certificate.subjectaltname;
  return (text ?? '').split(', ').map(part => {
    const colon = part.indexOf(':');
    return { kind: part.slice(0, colon), value: part.slice(colon + 1) };
  });
}

/** The value of the only name of a kind; empty when there is none or more than one. */
function only(names: readonly AlternativeName[], kind: string): string {
  const [name, ...more] = names.filter(candidate => candidate.kind === kind);
  return more.length === 0 ? (name?.value ?? '') : '';
}

function notOurs(trustDomain: string): IdentityResult {
  const problem: Problem = {
    code: 'FSM2003',
    path: '',
    what: `the certificate does not name one workload of the trust domain ${trustDomain}`,
    why: 'a peer is known by its SPIFFE ID, its twin and its pod alone',
    fix: 'Let the workload enrol in this mesh.',
  };
  return { ok: false, problem };
}
