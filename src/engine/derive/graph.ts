/**
 * Incremental computation with recorded inputs. A node is a rule applied to a key; while it computes, everything that
 * it reads is recorded. When an input changes, the nodes that read it run again, in order of layer, once per batch;
 * a node whose value stays equal stops there. *Why* is answered by running a rule once more and listening.
 */
import type { Problem } from '../../api/problem.ts';
import { Fragment } from '../config.ts';
import { equal } from '../equal.ts';
import type { Kind, MeshSnapshot, Objects } from '../model.ts';
import { entryOf, objectOf, proxyUid, splitKey } from '../snapshot.ts';
import { type IndexName, IndexStore } from './indexes.ts';
import { type Input, Node } from './input.ts';
import type { Origin, Reader, Rule } from './rule.ts';
import { type Source, Sources } from './sources.ts';

/** Something that an event changed. */
export type Change = Exclude<Source, { type: 'bucket' }>;

/** All nodes that are wanted, and those that they read. */
export class Graph {
  /** What rules look at now. */
  readonly #at: Standpoint;
  /** rule → key → node */
  readonly #nodes = new Map<Rule<unknown>, Map<string, Input>>();
  /** Nodes that may have lost their last reader in this batch. */
  readonly #loose = new Set<Node>();
  /** How many nodes have been computed since the graph was made: what "cost follows the change" is measured by. */
  computed = 0;

  readonly #emit: (fragment: Fragment) => void;

  /** @param emit is given every fragment that a rule makes */
  constructor(snapshot: MeshSnapshot, emit: (fragment: Fragment) => void) {
    const node = (rule: Rule<unknown>, key: string) => this.#node(rule, key);
    this.#at = { snapshot, node, indexes: new IndexStore(), sources: new Sources() };
    this.#emit = emit;
  }

  /** What is remembered: nodes, their inputs, buckets of the indexes; 0 when nothing is wanted of an empty snapshot. */
  get size(): number {
    const nodes = [...this.#nodes.values()].reduce((sum, home) => sum + home.size, 0);
    return nodes + this.#loose.size + this.#at.sources.size + this.#at.indexes.size;
  }

  /** Index an object without computing anything: used to fill a new graph. */
  index<K extends Kind>(kind: K, key: string, object: Objects[K] | undefined): void {
    this.#at.indexes.replace(kind, key, undefined, object);
  }

  /** Wants a node from now on, and returns its value. */
  demand<V>(rule: Rule<V>, key: string): V {
    const node = this.#node(rule, key);
    node.demanded = true;
    return node.value as V;
  }

  /** No longer wants it; it goes with the next `collect` when nothing else reads it. */
  release(rule: Rule<unknown>, key: string): void {
    const node = this.#known(rule, key);
    if (node === undefined) return;
    node.demanded = false;
    this.#loose.add(node);
  }

  /** Where the parts of a node's value come from; undefined when there is no such node. */
  origins(rule: Rule<unknown>, key: string): readonly Origin[] | undefined {
    if (this.#known(rule, key) === undefined) return undefined;
    const origins: Origin[] = [];
    rule.compute(new Reading(this.#at, rule, origins), key);
    return origins;
  }

  /** Value of a node that exists already. */
  peek<V>(rule: Rule<V>, key: string): V | undefined {
    return this.#known(rule, key)?.value as V | undefined;
  }

  /**
   * Moves on to the next snapshot and brings every node up to date.
   *
   * @returns the demanded nodes whose value changed
   */
  update(next: MeshSnapshot, changes: readonly Change[]): readonly { readonly rule: string; readonly key: string }[] {
    const dirty = new Layers();
    const before = this.#at.snapshot;
    this.#at.snapshot = next;
    for (const change of changes) for (const input of this.#changedInputs(before, next, change)) dirty.soil(input);
    const changed: { rule: string; key: string }[] = [];
    for (let node = dirty.take(); node !== undefined; node = dirty.take()) {
      if (!this.#recompute(node)) continue;
      if (node.demanded) changed.push({ rule: node.rule.name, key: node.key });
      dirty.soil(node);
    }
    return changed;
  }

  /** An object that comes several times in a batch is compared at both ends of it, so the second time finds nothing. */
  #changedInputs(before: MeshSnapshot, next: MeshSnapshot, change: Change): (Input | undefined)[] {
    const { indexes, sources } = this.#at;
    const input = sources.find(change);
    if (change.type !== 'object') return [input];
    const { kind, key } = change;
    const [old, now] = [objectOf(before, kind, key), objectOf(next, kind, key)];
    const buckets = indexes.replace(kind, key, old, now).map(bucket => sources.find({ type: 'bucket', ...bucket }));
    // A pod takes its enrolment with it.
    return [input, ...buckets, ...(kind === 'Pod' ? [sources.find({ type: 'enrolled', key })] : [])];
  }

  #known(rule: Rule<unknown>, key: string): Node | undefined {
    return this.#nodes.get(rule)?.get(key) as Node | undefined;
  }

  #node(rule: Rule<unknown>, key: string): Node {
    const known = this.#known(rule, key);
    if (known !== undefined) return known;
    const home = this.#nodes.get(rule) ?? new Map<string, Input>();
    this.#nodes.set(rule, home);
    const node = new Node(home, rule, key);
    home.set(key, node);
    this.#recompute(node);
    return node;
  }

  /** @returns whether the value changed */
  #recompute(node: Node): boolean {
    this.computed++;
    const reading = new Reading(this.#at, node.rule);
    const value = node.rule.compute(reading, node.key);
    this.#relink(node, reading.inputs);
    if (sameValue(node.value, value)) return false;
    node.value = value;
    if (value instanceof Fragment) this.#emit(value);
    return true;
  }

  #relink(node: Node, inputs: ReadonlySet<Input>): void {
    const before = new Set(node.inputs);
    for (const input of inputs) if (!before.delete(input)) input.add(node);
    for (const input of before) this.#unlink(input, node);
    node.inputs = [...inputs];
  }

  #unlink(input: Input, reader: Node): void {
    input.remove(reader);
    if (input.isRead) return;
    if (input instanceof Node) this.#loose.add(input);
    else input.home.delete(input.key);
  }

  /** Ends a batch: a node that nothing reads goes, and what it read with it. */
  collect(): void {
    for (const node of this.#loose) {
      this.#loose.delete(node);
      if (node.demanded || node.isRead || node.home.get(node.key) !== node) continue;
      node.home.delete(node.key);
      for (const input of node.inputs) this.#unlink(input, node);
    }
  }
}

/** What rules look at: a snapshot, the indexes of its objects, and who reads what. */
interface Standpoint {
  snapshot: MeshSnapshot;
  readonly indexes: IndexStore;
  readonly sources: Sources;
  /** A node, computed if it is not there. */
  node(rule: Rule<unknown>, key: string): Node;
}

/** One run of a rule: notes what it reads, and what it says about origins when somebody listens. */
class Reading implements Reader {
  readonly #at: Standpoint;
  readonly #rule: Rule<unknown>;
  readonly #origins: Origin[] | null;
  readonly inputs = new Set<Input>();

  constructor(at: Standpoint, rule: Rule<unknown>, origins: Origin[] | null = null) {
    this.#at = at;
    this.#rule = rule;
    this.#origins = origins;
  }

  get<K extends Kind>(kind: K, key: string): Objects[K] | undefined {
    this.#reads({ type: 'object', kind, key });
    return objectOf(this.#at.snapshot, kind, key);
  }

  problems(kind: Kind, key: string): readonly Problem[] {
    this.#reads({ type: 'object', kind, key });
    return entryOf(this.#at.snapshot, kind, key)?.problems ?? [];
  }

  bucket(index: IndexName, value: string): readonly string[] {
    this.#reads({ type: 'bucket', index, value });
    return this.#at.indexes.bucket(index, value);
  }

  node<V>(lower: Rule<V>, key: string): V {
    if (lower.layer >= this.#rule.layer)
      throw new Error(`rule ${this.#rule.name} may not read ${lower.name}: its layer is not lower`);
    const node = this.#at.node(lower, key);
    this.inputs.add(node);
    return node.value as V;
  }

  trust(): MeshSnapshot['trust'] {
    this.#reads({ type: 'trust' });
    return this.#at.snapshot.trust;
  }

  enrolled(key: string): string | undefined {
    this.#reads({ type: 'enrolled', key });
    return proxyUid(this.#at.snapshot, key);
  }

  because(pointer: string, kind: Kind, key: string, rule: string): void {
    this.#origins?.push({ pointer, object: { kind, ...splitKey(key) }, rule });
  }

  #reads(source: Source): void {
    this.inputs.add(this.#at.sources.read(source));
  }
}

/** A fragment is its hash. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Fragment || b instanceof Fragment)
    return a instanceof Fragment && b instanceof Fragment && a.hash === b.hash;
  return equal(a, b);
}

/** Dirty nodes, taken lowest layer first. */
class Layers {
  readonly #layers: Set<Node>[] = [];

  /** Everything that reads what has changed. */
  soil(input: Input | undefined): void {
    for (const node of input?.readers ?? []) {
      const { layer } = node.rule;
      while (this.#layers.length <= layer) this.#layers.push(new Set());
      this.#layers[layer]?.add(node);
    }
  }

  take(): Node | undefined {
    for (const layer of this.#layers) {
      for (const node of layer) {
        layer.delete(node);
        return node;
      }
    }
    return undefined;
  }
}
