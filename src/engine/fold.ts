/**
 * (snapshot, events) → snapshot. Total: whatever an event holds, the result is a snapshot. A bad object becomes a
 * `Problem` beside its last valid version. No clock, no randomness, no I/O.
 */
import { type Draft, produce } from 'immer';
import type { AppliedEvent, Entry, Kind, MeshEvent, MeshSnapshot } from './model.ts';
import { bucketOf, splitKey } from './snapshot.ts';

/** Folds a batch of events, oldest first. The snapshots share every shard that no event touched. */
export function fold(snapshot: MeshSnapshot, events: readonly MeshEvent[]): MeshSnapshot {
  if (events.length === 0) return snapshot;
  return produce(snapshot, draft => {
    for (const event of events) step(draft, event);
  });
}

function step(draft: Draft<MeshSnapshot>, event: MeshEvent): void {
  draft.revision = event.revision;
  switch (event.type) {
    case 'applied':
      return putEntry(draft, event);
    case 'deleted':
      return dropEntry(draft, event.kind, event.key);
    case 'enrolled':
      draft.proxies[event.key] = event.uid;
      return;
    case 'rootChanged':
      draft.trust = { trustDomain: event.trustDomain, roots: [...event.roots] };
  }
}

/** namespace → bucket → name → entry, loosened so that one code path serves every kind. */
type Namespaces = Record<string, Record<string, Record<string, Entry>>>;

function putEntry(draft: Draft<MeshSnapshot>, event: AppliedEvent): void {
  const { namespace, name } = splitKey(event.key);
  const namespaces = draft.mesh[event.kind] as unknown as Namespaces;
  namespaces[namespace] ??= {};
  const buckets = namespaces[namespace];
  const bucket = bucketOf(name);
  buckets[bucket] ??= {};
  const shard = buckets[bucket];
  shard[name] = nextEntry(shard[name], event);
}

/** A valid version replaces the entry; an invalid one leaves the last valid version in force beside its problems. */
function nextEntry(before: Entry | undefined, event: AppliedEvent): Entry {
  const { resourceVersion, object } = event;
  if (object.ok) return { object: object.object, resourceVersion, validVersion: resourceVersion };
  const entry = { resourceVersion, problems: object.problems };
  if (before?.object === undefined) return entry;
  return { ...entry, object: before.object, validVersion: before.validVersion ?? before.resourceVersion };
}

/** Empty shards go too, so that equal content is equal data whatever was there before. */
function dropEntry(draft: Draft<MeshSnapshot>, kind: Kind, key: string): void {
  const { namespace, name } = splitKey(key);
  const namespaces = draft.mesh[kind] as unknown as Namespaces;
  const bucket = bucketOf(name);
  const shard = namespaces[namespace]?.[bucket];
  if (kind === 'Pod') delete draft.proxies[key];
  if (shard === undefined) return;
  delete shard[name];
  if (Object.keys(shard).length > 0) return;
  delete namespaces[namespace]?.[bucket];
  if (Object.keys(namespaces[namespace] ?? {}).length === 0) delete namespaces[namespace];
}
