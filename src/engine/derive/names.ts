/** Names as people write them, and what they mean. */

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

/** The principal of a ServiceAccount: `<name>.<namespace>.<trust domain>`. */
export function principalOf(accountKey: string, trustDomain: string): string {
  const slash = accountKey.indexOf('/');
  return `${accountKey.slice(slash + 1)}.${accountKey.slice(0, slash)}.${trustDomain}`;
}
