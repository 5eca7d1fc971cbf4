/** Names as people write them, and what they mean. */
import { principalOf as principalOfAccount } from '../principals.ts';
import { splitKey } from '../snapshot.ts';

/**
 * The service that a name means: `name`, `name.namespace` or a fully qualified name (as OSM takes them), or
 * `namespace/name` (as FSM does). A bare name is one of the given namespace.
 *
 * @returns `namespace/name`
 */
export function serviceKey(written: string, namespace: string): string {
  if (written.includes('/')) return written;
  const [name = '', inNamespace] = written.split('.');
  return `${inNamespace ?? namespace}/${name}`;
}

/** The principal of a ServiceAccount, `namespace/name`. */
export function principalOf(accountKey: string, trustDomain: string): string {
  return principalOfAccount(splitKey(accountKey), trustDomain);
}
