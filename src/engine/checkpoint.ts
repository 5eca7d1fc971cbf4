/** Takes a snapshot apart into the rows of a checkpoint, and puts it together again. */
import type { Json } from './canonical.ts';
import { type Kind, kinds, type MeshSnapshot } from './model.ts';
import { emptySnapshot, own } from './snapshot.ts';

type Shards = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Parts of paths are joined by a character that names cannot hold. */
const separator = '\n';

/**
 * Shards whose reference differs between two snapshots: path → content, null for one that is gone.
 * Costs what changed, for equal references are equal content.
 */
export function changedShards(before: MeshSnapshot, now: MeshSnapshot): [string, Json][] {
  const changed: [string, Json][] = [];
  for (const kind of kinds) changed.push(...changedOfKind(kind, before.mesh[kind], now.mesh[kind]));
  if (before.trust !== now.trust) changed.push(['trust', now.trust as unknown as Json]);
  if (before.proxies !== now.proxies) changed.push(['proxies', now.proxies]);
  return changed;
}

function changedOfKind(kind: Kind, before: Shards, now: Shards): [string, Json][] {
  if (before === now) return [];
  const namespaces = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...namespaces].flatMap(namespace =>
    changedOfNamespace(kind, namespace, own(before, namespace) ?? {}, own(now, namespace) ?? {}),
  );
}

function changedOfNamespace(
  kind: Kind,
  namespace: string,
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): [string, Json][] {
  if (before === now) return [];
  const buckets = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    bucket => before[bucket] !== now[bucket],
  );
  return buckets.map(bucket => [['mesh', kind, namespace, bucket].join(separator), (now[bucket] ?? null) as Json]);
}

/** The snapshot that the rows of a checkpoint make. */
export function joinShards(revision: number, shards: readonly (readonly [string, Json])[]): MeshSnapshot {
  const empty = emptySnapshot();
  const mesh = empty.mesh as unknown as Record<string, Record<string, Record<string, Json>>>;
  let { trust, proxies } = empty;
  for (const [path, value] of shards) {
    const [part, kind = '', namespace = '', bucket = ''] = path.split(separator);
    if (part === 'trust') trust = value as unknown as MeshSnapshot['trust'];
    else if (part === 'proxies') proxies = value as unknown as MeshSnapshot['proxies'];
    else putShard(mesh, kind, namespace, bucket, value);
  }
  return { revision, mesh: empty.mesh, trust, proxies };
}

function putShard(
  mesh: Record<string, Record<string, Record<string, Json>>>,
  kind: string,
  namespace: string,
  bucket: string,
  value: Json,
): void {
  const namespaces = mesh[kind];
  if (namespaces === undefined) return;
  const buckets = own(namespaces, namespace) ?? {};
  namespaces[namespace] = buckets;
  buckets[bucket] = value;
}
