/**
 * Incremental computation with recorded inputs. A node is a rule applied to a key; while it computes, everything that
 * it reads is recorded. When an input changes, the nodes that read it run again, in order of layer, once per batch;
 * a node whose value stays equal stops there. The same record answers *why*.
 */

import type { Problem } from '../../api/problem.ts';
import { canonical, type Json } from '../canonical.ts';
import type { Fragment } from '../config.ts';
import type { Kind, MeshSnapshot, ObjectRef, Objects } from '../model.ts';
import { entryOf, objectOf, splitKey } from '../snapshot.ts';
import { bucketId, type IndexName, IndexStore } from './indexes.ts';

/** A pure function of what it reads. It may read nodes of lower layers only, so a cycle cannot be written. */
export interface Rule<V> {
  readonly name: string;
  readonly layer: number;
  readonly compute: (read: Reader, key: string) => V;
}

/** Where a part of a value comes from: `pointer` (RFC 6901) into the node's data, the object, and the rule in words. */
export interface Origin {
  readonly pointer: string;
  readonly object: ObjectRef;
  readonly rule: string;
}

/** Everything that a rule may look at. Each call records an input, and absence is recorded too. */
export interface Reader {
  /** The last valid version of an object. */
  get<K extends Kind>(kind: K, key: string): Objects[K] | undefined;
  /** What is wrong with the newest version of an object. */
  problems(kind: Kind, key: string): readonly Problem[];
  /** Keys of the objects that an index has under a value, sorted. */
  bucket(index: IndexName, value: string): readonly string[];
  node<V>(rule: Rule<V>, key: string): V;
  trust(): MeshSnapshot['trust'];
  /** uid that the pod's proxy enrolled with. */
  enrolled(podKey: string): string | undefined;
  /** Says where a part of the value comes from; never part of the value. */
  because(pointer: string, kind: Kind, key: string, rule: string): void;
}

interface NodeRecord {
  readonly id: string;
  readonly rule: Rule<unknown>;
  readonly key: string;
  value: unknown;
  /** Canonical form of the value, or the hash of a fragment: what equality is decided by. */
  content: string;
  inputs: Set<string>;
  origins: readonly Origin[];
}

const trustInput = '!trust';
const enrolledInput = (podKey: string): string => `!enrolled ${podKey}`;
const objectInput = (kind: Kind, key: string): string => `${kind} ${key}`;
const nodeId = (rule: Rule<unknown>, key: string): string => `@${rule.name} ${key}`;

/** Something that an event changed, named as the graph names its inputs. */
export type Change =
  | { readonly type: 'object'; readonly kind: Kind; readonly key: string }
  | { readonly type: 'enrolled'; readonly key: string }
  | { readonly type: 'trust' };

export class Graph {
  #snapshot: MeshSnapshot;
  readonly #indexes = new IndexStore();
  readonly #records = new Map<string, NodeRecord>();
  /** input → ids of the nodes that read it */
  readonly #readers = new Map<string, Set<string>>();
  /** Nodes that somebody outside wants, whoever else reads them. */
  readonly #demanded = new Set<string>();
  /** Nodes that may have lost their last reader in this batch. */
  readonly #loose = new Set<string>();
  /** How many nodes have been computed since the graph was made: what "cost follows the change" is measured by. */
  computed = 0;

  readonly #emit: (fragment: Fragment) => void;

  /** @param emit is given every fragment that a rule makes */
  constructor(snapshot: MeshSnapshot, emit: (fragment: Fragment) => void) {
    this.#snapshot = snapshot;
    this.#emit = emit;
  }

  /** What is remembered: nodes, their inputs, buckets of the indexes; 0 when nothing is wanted of an empty snapshot. */
  get size(): number {
    return this.#records.size + this.#readers.size + this.#demanded.size + this.#loose.size + this.#indexes.size;
  }

  /** Index an object without computing anything: used to fill a new graph. */
  index<K extends Kind>(kind: K, key: string, object: Objects[K] | undefined): void {
    this.#indexes.replace(kind, key, undefined, object);
  }

  /** Wants a node from now on, and returns its value. */
  demand<V>(rule: Rule<V>, key: string): V {
    this.#demanded.add(nodeId(rule, key));
    return this.#value(rule, key);
  }

  /** No longer wants it; it goes with the next `collect` when nothing else reads it. */
  release(rule: Rule<unknown>, key: string): void {
    const id = nodeId(rule, key);
    this.#demanded.delete(id);
    this.#loose.add(id);
  }

  /** The origins and inputs of a node that exists. */
  explain(rule: Rule<unknown>, key: string): { origins: readonly Origin[]; inputs: readonly string[] } | undefined {
    const record = this.#records.get(nodeId(rule, key));
    return record && { origins: record.origins, inputs: [...record.inputs].sort() };
  }

  /** Value of a node that exists already. */
  peek<V>(rule: Rule<V>, key: string): V | undefined {
    return this.#records.get(nodeId(rule, key))?.value as V | undefined;
  }

  /**
   * Moves on to the next snapshot and brings every node up to date.
   *
   * @returns ids of the demanded nodes whose value changed, as `rule key`
   */
  update(next: MeshSnapshot, changes: readonly Change[]): readonly { readonly rule: string; readonly key: string }[] {
    const dirty = new Layers();
    const before = this.#snapshot;
    this.#snapshot = next;
    for (const input of this.#changedInputs(before, next, changes)) this.#soil(input, dirty);
    const changed: { rule: string; key: string }[] = [];
    for (let id = dirty.take(); id !== undefined; id = dirty.take()) {
      const record = this.#records.get(id);
      if (!record || !this.#recompute(record)) continue;
      if (this.#demanded.has(id)) changed.push({ rule: record.rule.name, key: record.key });
      this.#soil(id, dirty);
    }
    return changed;
  }

  #changedInputs(before: MeshSnapshot, next: MeshSnapshot, changes: readonly Change[]): Set<string> {
    const inputs = new Set<string>();
    for (const change of changes) {
      if (change.type === 'trust') inputs.add(trustInput);
      else if (change.type === 'enrolled') inputs.add(enrolledInput(change.key));
      else {
        const { kind, key } = change;
        inputs.add(objectInput(kind, key));
        const [old, now] = [objectOf(before, kind, key), objectOf(next, kind, key)];
        for (const bucket of this.#indexes.replace(kind, key, old, now)) inputs.add(bucket);
      }
    }
    return inputs;
  }

  #soil(input: string, dirty: Layers): void {
    for (const id of this.#readers.get(input) ?? []) {
      const record = this.#records.get(id);
      if (record) dirty.put(id, record.rule.layer);
    }
  }

  #value<V>(rule: Rule<V>, key: string): V {
    const id = nodeId(rule, key);
    const known = this.#records.get(id);
    if (known) return known.value as V;
    const record: NodeRecord = { id, rule, key, value: undefined, content: '', inputs: new Set(), origins: [] };
    this.#records.set(id, record);
    this.#recompute(record);
    return record.value as V;
  }

  /** @returns whether the value changed */
  #recompute(record: NodeRecord): boolean {
    this.computed++;
    const inputs = new Set<string>();
    const origins: Origin[] = [];
    record.value = record.rule.compute(this.#reader(record.rule, inputs, origins), record.key);
    this.#relink(record, inputs);
    record.origins = origins;
    const content = contentOf(record.value);
    const changed = content !== record.content;
    record.content = content;
    if (changed && isFragment(record.value)) this.#emit(record.value);
    return changed;
  }

  #relink(record: NodeRecord, inputs: Set<string>): void {
    for (const input of inputs) if (!record.inputs.has(input)) this.#link(input, record.id);
    for (const input of record.inputs) if (!inputs.has(input)) this.#unlink(input, record.id);
    record.inputs = inputs;
  }

  #link(input: string, id: string): void {
    const readers = this.#readers.get(input) ?? new Set<string>();
    this.#readers.set(input, readers.add(id));
  }

  #unlink(input: string, id: string): void {
    const readers = this.#readers.get(input);
    readers?.delete(id);
    if (readers?.size !== 0) return;
    this.#readers.delete(input);
    if (input.startsWith('@')) this.#loose.add(input);
  }

  #reader(rule: Rule<unknown>, inputs: Set<string>, origins: Origin[]): Reader {
    return {
      get: (kind, key) => {
        inputs.add(objectInput(kind, key));
        return objectOf(this.#snapshot, kind, key);
      },
      problems: (kind, key) => {
        inputs.add(objectInput(kind, key));
        return entryOf(this.#snapshot, kind, key)?.problems ?? [];
      },
      bucket: (index, value) => {
        inputs.add(bucketId(index, value));
        return this.#indexes.bucket(index, value);
      },
      node: (lower, key) => {
        if (lower.layer >= rule.layer)
          throw new Error(`rule ${rule.name} may not read ${lower.name}: its layer is not lower`);
        inputs.add(nodeId(lower, key));
        return this.#value(lower, key);
      },
      trust: () => {
        inputs.add(trustInput);
        return this.#snapshot.trust;
      },
      enrolled: podKey => {
        inputs.add(enrolledInput(podKey));
        return this.#snapshot.proxies[podKey];
      },
      because: (pointer, kind, key, words) => {
        origins.push({ pointer, object: { kind, ...splitKey(key) }, rule: words });
      },
    };
  }

  /** Ends a batch: a node that nothing reads goes, and its record with it. */
  collect(): void {
    for (const id of this.#loose) {
      this.#loose.delete(id);
      const record = this.#records.get(id);
      if (!record || this.#demanded.has(id) || this.#readers.has(id)) continue;
      this.#records.delete(id);
      for (const input of record.inputs) this.#unlink(input, id);
    }
  }
}

/** A fragment is its hash; any other value is its canonical form. */
function contentOf(value: unknown): string {
  if (value === undefined) return 'undefined';
  return isFragment(value) ? value.hash : canonical(value as Json);
}

function isFragment(value: unknown): value is Fragment {
  return typeof value === 'object' && value !== null && 'hash' in value && 'bytes' in value;
}

/** Dirty nodes, taken lowest layer first. */
class Layers {
  readonly #layers: Set<string>[] = [];

  put(id: string, layer: number): void {
    while (this.#layers.length <= layer) this.#layers.push(new Set());
    this.#layers[layer]?.add(id);
  }

  take(): string | undefined {
    for (const layer of this.#layers) {
      for (const id of layer) {
        layer.delete(id);
        return id;
      }
    }
    return undefined;
  }
}
