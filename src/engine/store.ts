/**
 * Fragments by content, each kept once and as long as a root that somebody holds reaches it: the current one of a
 * proxy, the one sent to it, or the one it acknowledged.
 */
import type { Hash } from './canonical.ts';
import type { Fragment } from './config.ts';

interface Kept {
  readonly fragment: Fragment;
  holders: number;
}

export class FragmentStore {
  readonly #kept = new Map<Hash, Kept>();
  /** How many fragments were ever put that were not here. */
  added = 0;
  /** Put in this batch and not held by anybody yet. */
  readonly #fresh = new Set<Hash>();

  /** How many fragments are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** Adds a fragment; it goes with the next `sweep` unless something that is held reaches it by then. */
  put(fragment: Fragment): void {
    if (this.#kept.has(fragment.hash)) return;
    this.#kept.set(fragment.hash, { fragment, holders: 0 });
    this.#fresh.add(fragment.hash);
    this.added++;
  }

  get(hash: Hash): Fragment | undefined {
    return this.#kept.get(hash)?.fragment;
  }

  /** Holds a fragment and everything under it. */
  retain(hash: Hash): void {
    const kept = this.#kept.get(hash);
    if (kept === undefined) throw new Error(`fragment ${hash} is not in the store`);
    if (kept.holders++ > 0) return;
    for (const child of Object.values(kept.fragment.refs)) this.retain(child);
  }

  /** Gives up one hold; what nobody holds any more goes at once. */
  release(hash: Hash): void {
    const kept = this.#kept.get(hash);
    if (kept === undefined || --kept.holders > 0) return;
    this.#drop(hash, kept);
  }

  /** Ends a batch: drops what was put and is not held. */
  sweep(): void {
    for (const hash of this.#fresh) {
      const kept = this.#kept.get(hash);
      if (kept?.holders === 0) this.#kept.delete(hash);
    }
    this.#fresh.clear();
  }

  /** Children are released by whoever held them: the node that goes. */
  #drop(hash: Hash, kept: Kept): void {
    this.#kept.delete(hash);
    for (const child of Object.values(kept.fragment.refs)) this.release(child);
  }

  /**
   * The fragments under `root` that a holder of `base` lacks, children before parents. Both trees are walked side by
   * side and equal subtrees are skipped at their top, so this costs what differs. A node that moved to another place
   * in the tree is named again, which does no harm.
   */
  *changes(root: Hash, base: Hash | null): Generator<Fragment> {
    if (root === base) return;
    const fragment = this.get(root);
    if (fragment === undefined) throw new Error(`fragment ${root} is not in the store`);
    const before = base === null ? undefined : this.get(base)?.refs;
    for (const [name, child] of Object.entries(fragment.refs)) yield* this.changes(child, before?.[name] ?? null);
    yield fragment;
  }
}
