/**
 * What the API server remembers: per resource one append-only list of changes with a bound, and the state that it
 * leads to. Watches are readers of the list with a cursor, so a slow one costs no memory; one that falls behind the
 * bound is told to list again. One counter numbers the changes of all resources.
 */
import { freeze, type KubeObject, keyOf } from './objects.ts';

export interface Change {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** After the change; of a deletion the last state, with the deletion's resourceVersion. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export interface ChangeLog {
  /** Number of the last change of any resource; 1 before the first. */
  revision(): number;
  get(id: string, key: string): KubeObject | undefined;
  /** All objects of a resource by key, in no order. */
  all(id: string): ReadonlyMap<string, KubeObject>;
  /** The objects as of an older revision, or undefined when its history is gone. */
  at(id: string, revision: number): ReadonlyMap<string, KubeObject> | undefined;
  /** Changes after a revision, or undefined when some of them are gone. */
  since(id: string, revision: number): readonly Change[] | undefined;
  /** Appends a change and returns the object as it is stored: frozen, with its resourceVersion. */
  append(id: string, type: Change['type'], object: KubeObject): KubeObject;
  /** Calls back, in the same turn, after each change of a resource, or of all (`*`); returns the way to stop it. */
  onChange(id: string, listener: (change: Change) => void): () => void;
  /** Forgets the history of one resource, or of all; the state stays. */
  compact(id?: string): void;
}

interface Shelf {
  readonly objects: Map<string, KubeObject>;
  readonly changes: Change[];
  /** Revision of the last change that was dropped from `changes`. */
  floor: number;
  readonly listeners: Set<(change: Change) => void>;
}

function stateAt(shelf: Shelf, revision: number): ReadonlyMap<string, KubeObject> | undefined {
  if (revision < shelf.floor) return undefined;
  const newer = shelf.changes.filter(change => change.revision > revision);
  if (newer.length === 0) return shelf.objects;
  const objects = new Map(shelf.objects);
  for (const change of newer.reverse()) {
    const key = keyOf(change.object.metadata.namespace, change.object.metadata.name);
    if (change.previous === undefined) objects.delete(key);
    else objects.set(key, change.previous);
  }
  return objects;
}

/** An empty log that keeps `historySize` changes of each resource. */
export function createLog(historySize: number): ChangeLog {
  const shelves = new Map<string, Shelf>();
  let revision = 1;

  const shelf = (id: string): Shelf => {
    const found = shelves.get(id) ?? { objects: new Map(), changes: [], floor: 0, listeners: new Set() };
    shelves.set(id, found);
    return found;
  };

  const drop = (from: Shelf, keep: number) => {
    const dropped = from.changes.splice(0, Math.max(0, from.changes.length - keep));
    from.floor = dropped.at(-1)?.revision ?? from.floor;
  };

  return {
    revision: () => revision,
    get: (id, key) => shelf(id).objects.get(key),
    all: id => shelf(id).objects,
    at: (id, wanted) => stateAt(shelf(id), wanted),
    since(id, after) {
      const { changes, floor } = shelf(id);
      if (after < floor) return undefined;
      const start = changes.findLastIndex(change => change.revision <= after) + 1;
      return changes.slice(start);
    },
    append(id, type, object) {
      revision += 1;
      const target = shelf(id);
      const stored = freeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } });
      const key = keyOf(stored.metadata.namespace, stored.metadata.name);
      const change = { revision, type, object: stored, previous: target.objects.get(key) };
      if (type === 'DELETED') target.objects.delete(key);
      else target.objects.set(key, stored);
      target.changes.push(change);
      drop(target, historySize);
      for (const listener of [...target.listeners, ...shelf('*').listeners]) listener(change);
      return stored;
    },
    onChange(id, listener) {
      const { listeners } = shelf(id);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    compact(id) {
      for (const one of id === undefined ? shelves.values() : [shelf(id)]) {
        drop(one, 0);
        one.floor = revision;
      }
    },
  };
}
