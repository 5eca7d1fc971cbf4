/**
 * Who is asking: the admin's token and ServiceAccount tokens, which the server mints as the real one does (audiences,
 * expiry, bound to a pod) but opaque. Only SHA-256 of a token is kept.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type JsonObject, type KubeObject, objectAt, timestamp } from './objects.ts';
import { badRequest, notFound } from './status.ts';
import type { Store } from './store.ts';

/** The audience of tokens that are for this API. */
export const apiAudience = 'https://kubernetes.default.svc';

/** `status.user` of a TokenReview (authentication.k8s.io/v1 UserInfo). */
export interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

interface Grant {
  readonly user: User;
  readonly audiences: readonly string[];
  readonly expiresMs: number;
  /** Objects that must exist, with these uids, for the token to be good. */
  readonly bound: readonly {
    readonly id: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  }[];
}

export interface Verdict {
  readonly user: User;
  readonly audiences: readonly string[];
}

export interface Tokens {
  /** The holder of a token for one of the audiences at least; undefined when it is unknown, expired or orphaned. */
  review(token: string, audiences: readonly string[]): Verdict | undefined;
  /** Answers a TokenRequest (authentication.k8s.io/v1) for a ServiceAccount. */
  request(namespace: string, account: string, body: JsonObject): JsonObject;
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url');
const texts = (value: unknown) => (Array.isArray(value) ? value.filter(one => typeof one === 'string') : []);

/** Shortest life and default of a token, in seconds, as the real server has them. */
const leastSeconds = 600;
const defaultSeconds = 3600;

const boundTo = (id: string, { metadata }: KubeObject) => {
  return { id, namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' };
};

/** The pod that `boundObjectRef` names; it must exist with that uid. */
function boundPod(store: Store, namespace: string, spec: JsonObject): KubeObject | undefined {
  const ref = objectAt(spec.boundObjectRef);
  if (spec.boundObjectRef === undefined || spec.boundObjectRef === null) return undefined;
  if (ref.kind !== 'Pod') throw badRequest(`cannot bind token to object of kind ${ref.kind} in the sandbox`);
  const name = String(ref.name ?? '');
  const pod = store.get('pods', namespace, name);
  if (!pod || (ref.uid && ref.uid !== pod.metadata.uid)) throw notFound({ group: '', kind: 'pods', name });
  return pod;
}

function userOf(account: KubeObject, pod: KubeObject | undefined): User {
  const { namespace = '', name, uid = '' } = account.metadata;
  const podExtra = pod && {
    'authentication.kubernetes.io/pod-name': [pod.metadata.name],
    'authentication.kubernetes.io/pod-uid': [pod.metadata.uid ?? ''],
  };
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${randomUUID()}`], ...podExtra },
  };
}

const admin: User = { username: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** An empty table but for the admin's token. */
export function createTokens(store: Store, adminToken: string, now: () => number): Tokens {
  const adminGrant: Grant = { user: admin, audiences: [apiAudience], expiresMs: Number.POSITIVE_INFINITY, bound: [] };
  const grants = new Map<string, Grant>([[hashOf(adminToken), adminGrant]]);

  const good = (grant: Grant) =>
    grant.expiresMs > now() &&
    grant.bound.every(({ id, namespace, name, uid }) => store.get(id, namespace, name)?.metadata.uid === uid);

  const sweep = () => {
    for (const [hash, grant] of grants) if (!good(grant)) grants.delete(hash);
  };

  return {
    review(token, audiences) {
      const grant = grants.get(hashOf(token));
      if (grant === undefined || !good(grant)) return undefined;
      const shared = grant.audiences.filter(audience => audiences.includes(audience));
      return shared.length === 0 ? undefined : { user: grant.user, audiences: shared };
    },
    request(namespace, name, body) {
      sweep();
      const account = store.get('serviceaccounts', namespace, name);
      if (!account) throw notFound({ group: '', kind: 'serviceaccounts', name });
      const spec = objectAt(body.spec);
      const pod = boundPod(store, namespace, spec);
      const audiences = texts(spec.audiences).length > 0 ? texts(spec.audiences) : [apiAudience];
      const seconds = Math.max(leastSeconds, Number(spec.expirationSeconds ?? defaultSeconds));
      const bound = [boundTo('serviceaccounts', account), ...(pod ? [boundTo('pods', pod)] : [])];
      const expiresMs = now() + seconds * 1000;
      const token = randomBytes(32).toString('base64url');
      grants.set(hashOf(token), { user: userOf(account, pod), audiences, expiresMs, bound });
      return {
        ...body,
        kind: 'TokenRequest',
        apiVersion: 'authentication.k8s.io/v1',
        spec: { ...spec, audiences, expirationSeconds: seconds },
        status: { token, expirationTimestamp: timestamp(expiresMs) },
      };
    },
  };
}
