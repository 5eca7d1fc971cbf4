/**
 * (snapshot, events) → snapshot. Total: whatever an event holds, the result is a snapshot. A bad object becomes a
 * `Problem` beside its last valid version. No clock, no randomness, no I/O.
 */
import { type Draft, produce } from 'immer';
import type { AppliedEvent, Entry, Kind, MeshEvent, MeshSnapshot } from './model.ts';
import { bucketOf, own, splitKey, valueAt } from './snapshot.ts';

/** Folds a batch of events, oldest first. The snapshots share every shard that no event touched. */
export function fold(snapshot: MeshSnapshot, events: readonly MeshEvent[]): MeshSnapshot {
  if (events.length === 0) return snapshot;
  return produce(snapshot, draft => {
    for (const event of events) step(draft, event);
  });
}

function step(draft: Draft<MeshSnapshot>, event: MeshEvent): void {
  draft.revision = event.revision;
  if (!hasPlace(draft, event)) return;
  switch (event.type) {
    case 'applied':
      return putEntry(draft, event);
    case 'deleted':
      return dropEntry(draft, event.kind, event.key);
    case 'enrolled':
      return putIn(draft.proxies, event.key, event.uid);
    case 'rootChanged':
      draft.trust = { trustDomain: event.trustDomain, roots: [...event.roots] };
  }
}

/** A kind of a later version has no place here, nor has the one name that a plain record cannot hold. */
function hasPlace(draft: Draft<MeshSnapshot>, event: MeshEvent): boolean {
  if (event.type === 'rootChanged') return true;
  if (event.key.split('/').includes('__proto__')) return false;
  return event.type === 'enrolled' || Object.hasOwn(draft.mesh, event.kind);
}

/** namespace → bucket → name → what is kept there, loosened so that one code path serves every kind. */
type Namespaces<V> = Record<string, Record<string, Record<string, V>>>;

function entriesOf(draft: Draft<MeshSnapshot>, kind: Kind): Namespaces<Entry> {
  return draft.mesh[kind] as unknown as Namespaces<Entry>;
}

function putEntry(draft: Draft<MeshSnapshot>, event: AppliedEvent): void {
  const namespaces = entriesOf(draft, event.kind);
  const before = valueAt(namespaces, event.key);
  const after = nextEntry(before, event);
  putIn(namespaces, event.key, after);
  if (event.kind === 'Pod' && uidOf(before) !== uidOf(after)) forgetProxy(draft, event.key, uidOf(before));
}

function putIn<V>(namespaces: Namespaces<V>, key: string, value: V): void {
  const { namespace, name } = splitKey(key);
  begun(begun(namespaces, namespace), bucketOf(name))[name] = value;
}

/** Empty shards go too, so that equal content is equal data whatever was there before. */
function dropFrom<V>(namespaces: Namespaces<V>, key: string): void {
  const { namespace, name } = splitKey(key);
  const [buckets, bucket] = [own(namespaces, namespace), bucketOf(name)];
  const shard = own(buckets, bucket);
  if (buckets === undefined || shard === undefined) return;
  delete shard[name];
  if (Object.keys(shard).length > 0) return;
  delete buckets[bucket];
  if (Object.keys(buckets).length === 0) delete namespaces[namespace];
}

/** The record under a name; an empty one is put there when there is none. */
function begun<V extends object>(record: Record<string, V>, name: string): V {
  const known = own(record, name);
  if (known !== undefined) return known;
  const empty = {} as V;
  record[name] = empty;
  return empty;
}

function uidOf(entry: Entry | undefined): string | undefined {
  return entry?.object !== undefined && 'uid' in entry.object ? entry.object.uid : undefined;
}

/** An enrolment goes with the pod that enrolled; a newer pod of its name may have enrolled before the watch told of it. */
function forgetProxy(draft: Draft<MeshSnapshot>, key: string, uid: string | undefined): void {
  if (uid !== undefined && valueAt(draft.proxies, key) === uid) dropFrom(draft.proxies, key);
}

/** A valid version replaces the entry; an invalid one leaves the last valid version in force beside its problems. */
function nextEntry(before: Entry | undefined, event: AppliedEvent): Entry {
  const { resourceVersion, object } = event;
  if (object.ok) return { object: object.object, resourceVersion, validVersion: resourceVersion };
  const entry = { resourceVersion, problems: object.problems };
  if (before?.object === undefined) return entry;
  return { ...entry, object: before.object, validVersion: before.validVersion ?? before.resourceVersion };
}

function dropEntry(draft: Draft<MeshSnapshot>, kind: Kind, key: string): void {
  const namespaces = entriesOf(draft, kind);
  if (kind === 'Pod') forgetProxy(draft, key, uidOf(valueAt(namespaces, key)) ?? valueAt(draft.proxies, key));
  dropFrom(namespaces, key);
}
