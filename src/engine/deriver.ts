/**
 * From snapshots to configurations: keeps the graph of rules in step with the snapshot and says which proxies'
 * roots and which conditions changed. Incremental and from scratch give the same bytes.
 */
import type { Problem } from '../api/problem.ts';
import type { Hash } from './canonical.ts';
import type { Fragment } from './config.ts';
import { type Change, Graph } from './derive/graph.ts';
import { type ConditionKind, condition, conditionKinds, hasConditions } from './derive/rules/conditions.ts';
import { root } from './derive/rules/proxy.ts';
import { kinds, type MeshEvent, type MeshSnapshot } from './model.ts';
import { eachEntry, enrolledProxies, entryOf, proxyUid } from './snapshot.ts';

/** What a batch changed. */
export interface Derived {
  /** pod key → new root; null when the proxy has no configuration any more. */
  readonly roots: ReadonlyMap<string, Fragment | null>;
  /** `<kind> <object key>` → everything wrong with it; null when the object is gone. */
  readonly conditions: ReadonlyMap<string, readonly Problem[] | null>;
}

/** Which part of the work is done here; a shard does its share, everybody else all of it. */
export interface Scope {
  /** Whether the configuration of this pod's proxy (`namespace/pod`) is derived here. */
  proxy(podKey: string): boolean;
  /** Whether the condition of this object (`<kind> <key>`) is derived here. */
  object(id: string): boolean;
}

const everything: Scope = { proxy: () => true, object: () => true };

export class Deriver {
  readonly graph: Graph;
  readonly #scope: Scope;
  #snapshot: MeshSnapshot;

  /**
   * Builds everything from a snapshot.
   *
   * @param emit is given every fragment that is computed, children before parents
   */
  constructor(snapshot: MeshSnapshot, emit: (fragment: Fragment) => void, scope: Scope = everything) {
    this.#snapshot = snapshot;
    this.#scope = scope;
    this.graph = new Graph(snapshot, emit);
    for (const kind of kinds) eachEntry(snapshot, kind, (key, entry) => this.graph.index(kind, key, entry.object));
  }

  /** Everything at once, as if each enrolled proxy and each object had just come. */
  all(): Derived {
    const roots = new Map<string, Fragment | null>();
    for (const [key] of enrolledProxies(this.#snapshot))
      if (this.#scope.proxy(key)) roots.set(key, this.graph.demand(root, key));
    const conditions = new Map<string, readonly Problem[]>();
    for (const kind of conditionKinds)
      eachEntry(this.#snapshot, kind, key => {
        const id = `${kind} ${key}`;
        if (this.#scope.object(id)) conditions.set(id, this.graph.demand(condition, id));
      });
    return { roots, conditions };
  }

  /** Brings everything up to date with the snapshot that these events led to. */
  update(next: MeshSnapshot, events: readonly MeshEvent[]): Derived {
    const before = this.#snapshot;
    this.#snapshot = next;
    const roots = new Map<string, Fragment | null>();
    const conditions = new Map<string, readonly Problem[] | null>();
    for (const { rule, key } of this.graph.update(next, events.map(changeOf))) {
      if (rule === root.name) roots.set(key, this.graph.peek(root, key) ?? null);
      else if (rule === condition.name) conditions.set(key, this.graph.peek(condition, key) ?? []);
    }
    this.#follow(before, next, events, roots, conditions);
    this.graph.collect();
    return { roots, conditions };
  }

  /** Demands follow what exists: a root for each enrolled proxy, a condition for each object that can have one. */
  #follow(
    before: MeshSnapshot,
    next: MeshSnapshot,
    events: readonly MeshEvent[],
    roots: Map<string, Fragment | null>,
    conditions: Map<string, readonly Problem[] | null>,
  ): void {
    for (const event of events) {
      if (event.type === 'rootChanged') continue;
      if (event.type === 'enrolled' || event.kind === 'Pod') this.#followProxy(before, next, event.key, roots);
      else if (hasConditions(event.kind)) this.#followObject(before, next, event.kind, event.key, conditions);
    }
  }

  /** A pod that is made again under another account belongs to another shard from then on. */
  #followProxy(before: MeshSnapshot, next: MeshSnapshot, key: string, roots: Map<string, Fragment | null>): void {
    const [was, is] = [proxyUid(before, key) !== undefined, proxyUid(next, key) !== undefined];
    const [here, belongs] = [this.graph.peek(root, key) !== undefined, is && this.#scope.proxy(key)];
    if (belongs && !here) roots.set(key, this.graph.demand(root, key));
    if (here && !belongs) {
      this.graph.release(root, key);
      roots.delete(key);
    }
    if (was && !is) roots.set(key, null);
  }

  #followObject(
    before: MeshSnapshot,
    next: MeshSnapshot,
    kind: ConditionKind,
    key: string,
    conditions: Map<string, readonly Problem[] | null>,
  ): void {
    const id = `${kind} ${key}`;
    const [was, is] = [entryOf(before, kind, key) !== undefined, entryOf(next, kind, key) !== undefined];
    if (is && !was && this.#scope.object(id)) conditions.set(id, this.graph.demand(condition, id));
    if (!is && was) {
      this.graph.release(condition, id);
      conditions.set(id, null);
    }
  }
}

function changeOf(event: MeshEvent): Change {
  if (event.type === 'rootChanged') return { type: 'trust' };
  if (event.type === 'enrolled') return { type: 'enrolled', key: event.key };
  return { type: 'object', kind: event.kind, key: event.key };
}

/** Hash of every proxy's configuration, sorted by pod: what replay compares. */
export function rootHashes(roots: ReadonlyMap<string, Fragment | null>): Record<string, Hash> {
  const named = [...roots].flatMap(([key, fragment]) => (fragment === null ? [] : [[key, fragment.hash] as const]));
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}
