/** What proxies ran when their last stream ended: kept in the store until they come back, or have no configuration any more. */
import type { Problem } from '../../api/problem.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { FragmentStore } from '../../engine/store.ts';
import type { Position } from './stream.ts';

/** What a proxy runs, as far as it is known. */
export interface Running {
  readonly connected: boolean;
  /** The root in force; null when it has none yet. */
  readonly root: Hash | null;
  /** When it acknowledged that, and as of which revision; null when it came with it. */
  readonly acked: Position | null;
  /** Why it refused what it was sent last; null when it did not. */
  readonly problem: Problem | null;
}

/** The last root of each proxy that left, by the uid of its pod. */
export class Departed {
  readonly #store: FragmentStore;
  readonly #left = new Map<string, Running & { readonly root: Hash }>();

  constructor(store: FragmentStore) {
    this.#store = store;
  }

  get(podUid: string): Running | undefined {
    return this.#left.get(podUid);
  }

  /** Roots that are held here. */
  get roots(): readonly Hash[] {
    return [...this.#left.values()].map(({ root }) => root);
  }

  /** Holds the root that a proxy leaves with, if the store has it; call it before the stream lets it go. */
  add(podUid: string, { root, acked, problem }: Omit<Running, 'connected'>): void {
    // Who leaves without a word has changed nothing about what is known of it.
    if (root === null) return;
    this.remove(podUid);
    if (this.#store.get(root) === undefined) return;
    this.#store.retain(root);
    this.#left.set(podUid, { connected: false, root, acked, problem });
  }

  /** It is back, and holds what it runs itself. */
  remove(podUid: string): void {
    const known = this.#left.get(podUid);
    this.#left.delete(podUid);
    if (known !== undefined) this.#store.release(known.root);
  }

  /** Forgets those that will not come back. */
  prune(stays: (podUid: string) => boolean): void {
    for (const podUid of [...this.#left.keys()]) if (!stays(podUid)) this.remove(podUid);
  }
}
