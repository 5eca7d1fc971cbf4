/** Takes a snapshot apart into the rows of a checkpoint, and puts it together again. */
import type { Json } from './canonical.ts';
import { kinds, type MeshSnapshot } from './model.ts';
import { emptySnapshot, own } from './snapshot.ts';

type Shards = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Namespaces = Record<string, Record<string, Json>>;

/** Parts of paths are joined by a character that names cannot hold. */
const separator = '\n';

/**
 * Shards whose reference differs between two snapshots: path → content, null for one that is gone.
 * Costs what changed, for equal references are equal content.
 */
export function changedShards(before: MeshSnapshot, now: MeshSnapshot): [string, Json][] {
  const changed: [string, Json][] = [];
  for (const kind of kinds) changed.push(...changedIn(['mesh', kind], before.mesh[kind], now.mesh[kind]));
  changed.push(...changedIn(['proxies', ''], before.proxies, now.proxies));
  if (before.trust !== now.trust) changed.push(['trust', now.trust as unknown as Json]);
  return changed;
}

function changedIn(place: readonly string[], before: Shards, now: Shards): [string, Json][] {
  if (before === now) return [];
  const namespaces = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...namespaces].flatMap(namespace =>
    changedOfNamespace([...place, namespace], own(before, namespace) ?? {}, own(now, namespace) ?? {}),
  );
}

function changedOfNamespace(
  place: readonly string[],
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): [string, Json][] {
  if (before === now) return [];
  const buckets = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    bucket => before[bucket] !== now[bucket],
  );
  return buckets.map(bucket => [[...place, bucket].join(separator), (now[bucket] ?? null) as Json]);
}

/** The snapshot that the rows of a checkpoint make. */
export function joinShards(revision: number, shards: readonly (readonly [string, Json])[]): MeshSnapshot {
  const empty = emptySnapshot();
  const mesh = empty.mesh as unknown as Record<string, Namespaces>;
  const proxies = empty.proxies as unknown as Namespaces;
  let { trust } = empty;
  for (const [path, value] of shards) {
    const [part, kind = '', namespace = '', bucket = ''] = path.split(separator);
    if (part === 'trust') trust = value as unknown as MeshSnapshot['trust'];
    else putShard(part === 'proxies' ? proxies : mesh[kind], namespace, bucket, value);
  }
  return { ...empty, revision, trust };
}

function putShard(namespaces: Namespaces | undefined, namespace: string, bucket: string, value: Json): void {
  if (namespaces === undefined) return;
  const buckets = own(namespaces, namespace) ?? {};
  namespaces[namespace] = buckets;
  buckets[bucket] = value;
}
