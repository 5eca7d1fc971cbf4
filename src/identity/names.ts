/**
 * The names of a workload and the way between them. One identity is written three ways, all from the TokenReview:
 *
 * - `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`: the SPIFFE ID (URI SAN);
 * - `<service account>.<namespace>.sa.<trust domain>`: its twin for Pipy scripts, which see only DNS SANs;
 * - `<service account>.<namespace>.<trust domain>`: the principal, as manifests and policies write it.
 *
 * The name of a ServiceAccount may be too long for DNS; `engine/principals.ts` has the twin and the principal of such one.
 * A fourth name, `<pod uid>.pod.<trust domain>`, says which pod it is and so chooses the configuration.
 * Names are read from the right: a namespace has no dots, a service account may.
 */
import { principalOf, twinOf } from '../engine/principals.ts';

/** Who a workload is. Every part is lower case and valid for the place it takes in a name. */
export interface WorkloadIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** `metadata.uid` of the pod: one DNS label. */
  readonly podUid: string;
}

/** An identity without the pod: what a principal says. */
export type ServiceIdentity = Omit<WorkloadIdentity, 'podUid'>;

/** Longest DNS name in text form (RFC 1035 section 2.3.4). */
const dnsNameMaxLength = 253;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const accountName = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** One DNS label in lower case (RFC 1123): a namespace, a pod uid. */
export function isDnsLabel(text: string): boolean {
  return label.test(text);
}

/** A DNS name in lower case, without a final dot (RFC 1123): a trust domain. */
export function isDnsName(text: string): boolean {
  return text.length <= dnsNameMaxLength && text.split('.').every(isDnsLabel);
}

/** A name that Kubernetes gives a ServiceAccount: like one of DNS, but its labels may be as long as the whole. */
function isAccountName(text: string): boolean {
  return text.length <= dnsNameMaxLength && accountName.test(text);
}

/** `spiffe://<td>/ns/<ns>/sa/<sa>` (SPIFFE-ID, section 2). */
export function spiffeId(identity: ServiceIdentity): string {
  return `spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** `<sa>.<ns>.sa.<td>`: the reserved label `sa` keeps it apart from the names of hosts. */
export function dnsTwin(identity: ServiceIdentity): string {
  return twinOf(accountOf(identity), identity.trustDomain);
}

function accountOf({ namespace, serviceAccount }: ServiceIdentity) {
  return { namespace, name: serviceAccount };
}

/** `<pod uid>.pod.<td>`. */
export function podDnsName(identity: Pick<WorkloadIdentity, 'podUid' | 'trustDomain'>): string {
  return `${identity.podUid}.pod.${identity.trustDomain}`;
}

/** `<sa>.<ns>.<td>`, as policies name a caller. */
export function principalName(identity: ServiceIdentity): string {
  return principalOf(accountOf(identity), identity.trustDomain);
}

/** Whether each part is valid and the names made of them fit into a certificate. */
export function isWorkloadIdentity(identity: WorkloadIdentity): boolean {
  return isServiceIdentity(identity) && isDnsLabel(identity.podUid) && isDnsName(podDnsName(identity));
}

function isServiceIdentity(identity: ServiceIdentity): boolean {
  const { trustDomain, namespace, serviceAccount } = identity;
  return (
    isDnsName(trustDomain) && isDnsLabel(namespace) && isAccountName(serviceAccount) && isDnsName(dnsTwin(identity))
  );
}

/** Reads a SPIFFE ID of the form that `spiffeId` writes; undefined for any other. */
export function parseSpiffeId(uri: string): ServiceIdentity | undefined {
  const [, trustDomain = '', namespace = '', serviceAccount = ''] =
    /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(uri) ?? [];
  return validated({ trustDomain, namespace, serviceAccount });
}

/** Reads what `dnsTwin` writes of an account whose name DNS can hold, in a trust domain that is known; undefined for any other name. */
export function parseDnsTwin(name: string, trustDomain: string): ServiceIdentity | undefined {
  const identity = parseUnder(name, `.sa.${trustDomain}`, trustDomain);
  return identity && dnsTwin(identity) === name ? identity : undefined;
}

/** Reads what `principalName` writes, in a trust domain that is known; undefined for any other name. */
export function parsePrincipal(name: string, trustDomain: string): ServiceIdentity | undefined {
  const identity = parseUnder(name, `.${trustDomain}`, trustDomain);
  return identity && principalName(identity) === name ? identity : undefined;
}

/** Reads what `podDnsName` writes: the pod's uid; undefined for any other name. */
export function parsePodDnsName(name: string, trustDomain: string): string | undefined {
  const podUid = withoutSuffix(name, `.pod.${trustDomain}`);
  return podUid !== undefined && isDnsLabel(podUid) && isDnsName(name) ? podUid : undefined;
}

/** Reads `<sa>.<ns>` before a suffix, from the right. */
function parseUnder(name: string, suffix: string, trustDomain: string): ServiceIdentity | undefined {
  const head = withoutSuffix(name, suffix) ?? '';
  const dot = head.lastIndexOf('.');
  if (dot < 0) return undefined;
  return validated({ trustDomain, namespace: head.slice(dot + 1), serviceAccount: head.slice(0, dot) });
}

function withoutSuffix(text: string, suffix: string): string | undefined {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : undefined;
}

function validated(identity: ServiceIdentity): ServiceIdentity | undefined {
  return isServiceIdentity(identity) ? identity : undefined;
}
