/** What an API server keeps: every object in every version, in one order. */

import { apiVersionOf, resourceOf } from '../../src/api/resources.ts';
import type { Kind } from '../../src/engine/model.ts';
import { kinds } from '../../src/engine/model.ts';
import type { StoredObject } from '../../src/kube/object.ts';
import { keyOfRaw, type Raw } from '../engine/kit.ts';

/** One write. */
export interface Change {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: Kind;
  readonly key: string;
  /** For a deletion the last version, with the resourceVersion of the deletion. */
  readonly object: StoredObject;
}

/** The objects of the simulated cluster. Reads and writes are immediate: delays are the server's business. */
export class Cluster {
  /** uid of the namespace kube-system, which names the cluster. */
  readonly uid = 'cluster-1';
  revision = 100;
  /** History up to here is forgotten. */
  compacted = 0;
  /** Every write, oldest first. */
  readonly log: Change[] = [];
  readonly #objects = new Map<Kind, Map<string, StoredObject>>(kinds.map(kind => [kind, new Map()]));
  readonly #versions = new Map<string, Change[]>();
  readonly #listeners: ((change: Change) => void)[] = [];

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  get(kind: Kind, key: string): StoredObject | undefined {
    return this.#objects.get(kind)?.get(key);
  }

  /** Objects of a kind, by key. */
  all(kind: Kind): StoredObject[] {
    return [...(this.#objects.get(kind) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Objects of a kind as they were at a revision, by key. */
  allAt(kind: Kind, revision: number): StoredObject[] {
    if (revision === this.revision) return this.all(kind);
    const found = new Map<string, StoredObject>();
    for (const change of this.log) {
      if (change.kind !== kind || change.revision > revision) continue;
      if (change.type === 'DELETED') found.delete(change.key);
      else found.set(change.key, change.object);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Every version that an object ever had, oldest first. */
  versions(kind: Kind, key: string): readonly Change[] {
    return this.#versions.get(`${kind} ${key}`) ?? [];
  }

  /** Creates an object, or replaces what a user may write of it; status and uid stay unless they are given. */
  put(raw: Raw): Change {
    const { kind } = raw;
    const key = keyOfRaw(raw);
    const before = this.get(kind, key);
    const revision = ++this.revision;
    const sameSpec = before !== undefined && JSON.stringify(before.spec) === JSON.stringify(raw.spec);
    const generation = Number(before?.metadata.generation ?? 0) + (sameSpec ? 0 : 1);
    const metadata = {
      ...raw.metadata,
      uid: raw.metadata.uid ?? before?.metadata.uid ?? `uid-${revision}`,
      resourceVersion: String(revision),
      generation,
    };
    const status = raw.status ?? before?.status;
    const object = {
      ...raw,
      apiVersion: apiVersionOf(resourceOf(kind)),
      metadata,
      ...(status !== undefined && { status }),
    } as unknown as StoredObject;
    return this.#record(before === undefined ? 'ADDED' : 'MODIFIED', kind, key, object);
  }

  /** @returns undefined when it is not there */
  remove(kind: Kind, key: string): Change | undefined {
    const before = this.get(kind, key);
    if (before === undefined) return undefined;
    const metadata = { ...before.metadata, resourceVersion: String(++this.revision) };
    return this.#record('DELETED', kind, key, { ...before, metadata });
  }

  #record(type: Change['type'], kind: Kind, key: string, object: StoredObject): Change {
    const change: Change = { revision: this.revision, type, kind, key, object };
    if (type === 'DELETED') this.#objects.get(kind)?.delete(key);
    else this.#objects.get(kind)?.set(key, object);
    this.log.push(change);
    const versions = this.#versions.get(`${kind} ${key}`) ?? [];
    this.#versions.set(`${kind} ${key}`, versions);
    versions.push(change);
    for (const listener of this.#listeners) listener(change);
    return change;
  }
}

/** A Status object (meta/v1). */
export function status(code: number): Record<string, unknown> {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason: 'Simulated', message: 'on purpose' };
}
