/** Derivation in this thread or in shards: 0, 1 or n threads give the same bytes. */
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { moduleFile } from '../../api/package.ts';
import type { Problem } from '../../api/problem.ts';
import { type AnyNode, Fragment } from '../config.ts';
import { type Derived, Deriver } from '../deriver.ts';
import type { Derivation } from '../engine.ts';
import type { MeshEvent, MeshSnapshot } from '../model.ts';
import type { FragmentStore } from '../store.ts';
import type { ShardResult, ShardTask } from './protocol.ts';

export interface ShardOptions {
  /** Worker threads; 0 derives in this thread. */
  readonly threads: number;
  /** File of the journal, which new shards fold from. Everything up to a step must be in it before the step. */
  readonly journal: string;
  /** Begins one shard; a worker thread unless given. */
  readonly spawn?: () => ShardHost;
}

/** Where one shard lives. A rejected `run` means that it died; the next one finds a new shard in its place. */
export type ShardHost = Pick<Piscina<ShardTask, ShardResult>, 'run' | 'threads' | 'destroy'>;

/** A derivation that has to be ended. */
export interface OwnedDerivation extends Derivation {
  /** The threads of the shards, for whoever wants to end one; a new one takes its place. */
  threads(): readonly Worker[];
  close(): Promise<void>;
}

/** A derivation that begins at a snapshot and emits its fragments into a store. */
export async function createDerivation(
  snapshot: MeshSnapshot,
  store: FragmentStore,
  options: ShardOptions,
): Promise<OwnedDerivation> {
  const { threads } = options;
  if (threads > 0) {
    const spawn = options.spawn ?? (await threadPools());
    return new Shards(snapshot.revision, store, options, Array.from({ length: threads }, spawn));
  }
  const deriver = new Deriver(snapshot, fragment => store.put(fragment));
  return {
    all: () => deriver.all(),
    update: (next, events) => deriver.update(next, events),
    threads: () => [],
    close: async () => {},
  };
}

class Shards implements OwnedDerivation {
  readonly #pools: readonly ShardHost[];
  readonly #store: FragmentStore;
  readonly #journal: string;
  #revision: number;

  constructor(revision: number, store: FragmentStore, { journal }: ShardOptions, pools: readonly ShardHost[]) {
    this.#revision = revision;
    this.#store = store;
    this.#journal = journal;
    this.#pools = pools;
  }

  all(): Promise<Derived> {
    return this.#run([], true);
  }

  async update(next: MeshSnapshot, events: readonly MeshEvent[]): Promise<Derived> {
    const derived = await this.#run(events, false);
    this.#revision = next.revision;
    return derived;
  }

  async #run(events: readonly MeshEvent[], all: boolean): Promise<Derived> {
    const results = await Promise.all(this.#pools.map((pool, index) => this.#ask(pool, index, events, all)));
    return this.#merge(results);
  }

  /** A shard that died is asked once more: the new thread folds from the journal and answers with everything. */
  async #ask(pool: ShardHost, index: number, events: readonly MeshEvent[], all: boolean): Promise<ShardResult> {
    const task = { index, count: this.#pools.length, journal: this.#journal, from: this.#revision, events, all };
    try {
      return await pool.run(task);
    } catch {
      return await pool.run({ ...task, all: true });
    }
  }

  /** Children of a fragment may come from another shard's answer, so all are put before anybody holds a root. */
  #merge(results: readonly ShardResult[]): Derived {
    const roots = new Map<string, Fragment | null>();
    const conditions = new Map<string, readonly Problem[] | null>();
    for (const { fragments } of results) for (const bytes of fragments) this.#store.put(parse(bytes));
    for (const result of results) {
      for (const [key, hash] of result.roots)
        if (hash !== null || !roots.has(key)) roots.set(key, this.#fragment(hash));
      for (const [key, problems] of result.conditions)
        if (problems !== null || !conditions.has(key)) conditions.set(key, problems);
    }
    return { roots, conditions };
  }

  #fragment(hash: string | null): Fragment | null {
    if (hash === null) return null;
    const fragment = this.#store.get(hash);
    if (fragment === undefined) throw new Error(`a shard named fragment ${hash} without sending it`);
    return fragment;
  }

  threads(): readonly Worker[] {
    return this.#pools.flatMap(pool => pool.threads);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map(pool => pool.destroy()));
  }
}

/**
 * Makes pools of one thread each: piscina cannot address a worker of a pool, and its default `atomics` starves the
 * worker. The library is loaded only where there are threads.
 */
async function threadPools(): Promise<() => ShardHost> {
  const { Piscina } = await import('piscina');
  const filename = moduleFile('./worker', import.meta.url);
  const options = { filename, minThreads: 1, maxThreads: 1, idleTimeout: Number.POSITIVE_INFINITY };
  return () => new Piscina<ShardTask, ShardResult>({ ...options, atomics: 'disabled' });
}

function parse(bytes: string): Fragment {
  return new Fragment(bytes, (JSON.parse(bytes) as AnyNode).refs);
}
