/** How a snapshot is laid out and read. Replacing one entry copies a shard of some hundred names, never a whole kind. */
import type { Json } from './canonical.ts';
import { hashOf } from './canonical.ts';
import { type Entry, type Kind, kinds, type MeshSnapshot, type MeshState, type Objects } from './model.ts';

/** Buckets that the names of one namespace are spread over. */
const bucketCount = 64;

/** FNV-1a, 32 bit: spreads names over buckets. Not for anything that an attacker must not collide. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Bucket of a name, `0` … `63`. */
export function bucketOf(name: string): string {
  return String(fnv1a(name) % bucketCount);
}

/** Takes `namespace/name` apart; the namespace of a cluster-scoped key is empty. */
export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The key of an object: `namespace/name`, or `name` when cluster-scoped. */
export function keyOf(meta: { readonly namespace: string; readonly name: string }): string {
  return meta.namespace === '' ? meta.name : `${meta.namespace}/${meta.name}`;
}

export function emptySnapshot(): MeshSnapshot {
  const mesh = Object.fromEntries(kinds.map(kind => [kind, {}])) as unknown as MeshState;
  return { revision: 0, mesh, trust: { trustDomain: 'cluster.local', roots: [] }, proxies: {} };
}

/** A member of a record of names. `constructor` is a valid name, and finds nothing that nobody put there. */
export function own<V>(record: Readonly<Record<string, V>> | undefined, name: string): V | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** What lies under a key in records of namespace, bucket of the name, and name. */
export function valueAt<V>(
  namespaces: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, V>>>>>>,
  key: string,
): V | undefined {
  const { namespace, name } = splitKey(key);
  return own(own(own(namespaces, namespace), bucketOf(name)), name);
}

/** The entry of an object, or undefined when the snapshot has none. */
export function entryOf<K extends Kind>(snapshot: MeshSnapshot, kind: K, key: string): Entry<K> | undefined {
  return valueAt(snapshot.mesh[kind], key) as Entry<K> | undefined;
}

/** The last valid version of an object. */
export function objectOf<K extends Kind>(snapshot: MeshSnapshot, kind: K, key: string): Objects[K] | undefined {
  return entryOf(snapshot, kind, key)?.object;
}

/** uid that the proxy of a pod enrolled with. */
export function proxyUid({ proxies }: Pick<MeshSnapshot, 'proxies'>, podKey: string): string | undefined {
  return valueAt(proxies, podKey);
}

/** Every enrolled proxy, its pod's key and uid, in no particular order. */
export function* enrolledProxies({ proxies }: Pick<MeshSnapshot, 'proxies'>): Generator<[podKey: string, uid: string]> {
  for (const [namespace, buckets] of Object.entries(proxies))
    for (const shard of Object.values(buckets))
      for (const [name, uid] of Object.entries(shard)) yield [keyOf({ namespace, name }), uid];
}

/** Calls `visit` for every entry of a kind, in no particular order. */
export function eachEntry<K extends Kind>(
  snapshot: MeshSnapshot,
  kind: K,
  visit: (key: string, entry: Entry<K>) => void,
): void {
  for (const [namespace, buckets] of Object.entries(snapshot.mesh[kind]))
    for (const shard of Object.values(buckets))
      for (const [name, entry] of Object.entries(shard)) visit(keyOf({ namespace, name }), entry as Entry<K>);
}

/**
 * Content address of what decides configuration: objects, trust and who is enrolled. The revision is left out, for
 * it counts events of one journal.
 */
export function snapshotHash(snapshot: MeshSnapshot): string {
  const { mesh, trust, proxies } = snapshot;
  return hashOf({ mesh, trust, proxies } as unknown as Json);
}
