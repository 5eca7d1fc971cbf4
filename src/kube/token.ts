import type { KubeClient } from './client.ts';
import { refused } from './errors.ts';
import { isRecord } from './object.ts';

export interface TokenOptions {
  readonly audiences: readonly string[];
  /** At least 600, which is what the API server wants. */
  readonly expirationSeconds: number;
  /** The token dies with this pod. */
  readonly pod?: { readonly name: string; readonly uid: string };
}

/** A bearer token; `expiresAtMs` is milliseconds since the epoch. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/**
 * A token of a ServiceAccount (TokenRequest, authentication.k8s.io/v1).
 *
 * @throws KubeError when the API does not issue it.
 */
export async function requestToken(
  client: KubeClient,
  account: { readonly namespace: string; readonly name: string },
  { audiences, expirationSeconds, pod }: TokenOptions,
): Promise<IssuedToken> {
  const boundObjectRef = pod && { kind: 'Pod', apiVersion: 'v1', ...pod };
  const spec = { audiences, expirationSeconds, ...(boundObjectRef && { boundObjectRef }) };
  const path = `/api/v1/namespaces/${encodeURIComponent(account.namespace)}/serviceaccounts/${encodeURIComponent(account.name)}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const subject = { verb: 'create', of: 'serviceaccounts/token', object: { kind: 'ServiceAccount', ...account } };
  const answer = await client.request({ method: 'POST', path, body, subject });
  const status = isRecord(answer) && isRecord(answer.status) ? answer.status : {};
  const { token, expirationTimestamp } = status;
  if (typeof token !== 'string') throw refused(subject, 200, { message: 'an answer without a token' });
  return { token, expiresAtMs: Date.parse(String(expirationTimestamp)) };
}
