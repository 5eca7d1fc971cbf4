/** Asks the cluster who a ServiceAccount token belongs to. */
import type { Problem } from '../api/problem.ts';
import { ProblemError } from '../api/problem.ts';
import type { ReviewToken } from '../identity/enrolment.ts';
import type { KubeClient } from './client.ts';
import { isRecord } from './object.ts';

const podNameClaim = 'authentication.kubernetes.io/pod-name';
const podUidClaim = 'authentication.kubernetes.io/pod-uid';

/** TokenReview (authentication.k8s.io/v1) as the enrolment wants it. The audience must be among those that the API confirms. */
export function tokenReviewer(client: KubeClient): ReviewToken {
  return async (token, audience) => {
    try {
      return read(await post(client, token, audience), audience);
    } catch (error) {
      if (error instanceof ProblemError) return { ok: false, problem: error.problem };
      throw error;
    }
  };
}

function post(client: KubeClient, token: string, audience: string): Promise<unknown> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: [audience] } };
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  return client.request({ method: 'POST', path, body, subject: { verb: 'create', of: 'tokenreviews' } });
}

function read(review: unknown, audience: string): Awaited<ReturnType<ReviewToken>> {
  const status = isRecord(review) && isRecord(review.status) ? review.status : {};
  const audiences = Array.isArray(status.audiences) ? status.audiences : [];
  if (status.authenticated !== true || !audiences.includes(audience)) return { ok: false, problem: refused };
  const user = isRecord(status.user) ? status.user : {};
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(user.username)) ?? [];
  const [podName, podUid] = [claim(user, podNameClaim), claim(user, podUidClaim)];
  if (!namespace || !serviceAccount || !podName || !podUid) return { ok: false, problem: unbound };
  return { ok: true, namespace, serviceAccount, podName, podUid };
}

function claim(user: Record<string, unknown>, name: string): string | undefined {
  const values = isRecord(user.extra) ? user.extra[name] : undefined;
  return Array.isArray(values) && values.length === 1 ? String(values[0]) : undefined;
}

const refused: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the cluster does not accept the token',
  why: 'it is expired, of another audience, or its pod is gone',
  fix: 'let the pod get a new token',
};

const unbound: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the token is not bound to a pod',
  why: 'an identity is given to a pod, not to whoever holds a token of its ServiceAccount',
  fix: 'use a projected token of the pod',
};
