/** Folds a recorded journal again. Equal input gives equal hashes, in any process and with any number of threads. */

import type { Hash } from './canonical.ts';
import { rootHashes } from './deriver.ts';
import { type Divergence, DivergenceError } from './divergence.ts';
import { fold } from './fold.ts';
import { Journal } from './journal.ts';
import type { MeshSnapshot } from './model.ts';
import { createDerivation } from './shards/pool.ts';
import { snapshotHash } from './snapshot.ts';
import { FragmentStore } from './store.ts';

export interface ReplayResult {
  /** Id of the journal. */
  readonly journal: string;
  readonly revision: number;
  /** Content address of the snapshot. */
  readonly snapshot: Hash;
  /** `namespace/pod` → content address of its proxy's configuration. */
  readonly roots: Readonly<Record<string, Hash>>;
  /** Checkpoints that a fold was begun from, besides the beginning. */
  readonly checkpoints: readonly number[];
}

/**
 * Replays a journal from its first event, or its oldest checkpoint when that is gone, and again from every other
 * checkpoint: all must agree.
 *
 * @param options.threads worker threads that derive; 0 derives in this one
 * @throws ProblemError FSM5001 or FSM5002 when the file cannot be read; DivergenceError when two folds disagree
 */
export async function replay(file: string, options: { readonly threads: number }): Promise<ReplayResult> {
  const journal = Journal.read(file);
  try {
    const start = beginning(journal);
    const later = journal.checkpoints().filter(checkpoint => checkpoint !== start);
    const snapshot = foldFrom(journal, start);
    const hash = snapshotHash(snapshot);
    const ends = later.map(from => ({ from, found: snapshotHash(foldFrom(journal, from)) }));
    const [first, ...others] = ends
      .filter(({ found }) => found !== hash)
      .map(({ from, found }): Divergence => {
        return { part: 'snapshot', revision: snapshot.revision, from, expected: hash, found };
      });
    if (first !== undefined) throw new DivergenceError([first, ...others]);
    const roots = await derive(snapshot, options.threads, file);
    return { journal: journal.id, revision: snapshot.revision, snapshot: hash, roots, checkpoints: later };
  } finally {
    journal.close();
  }
}

/** Revision of the first state that a journal still has: 0, as long as it has its first event. */
export function beginning(journal: Journal): number {
  const [first] = journal.events(0);
  return first?.revision === 1 ? 0 : (journal.checkpoints()[0] ?? 0);
}

function foldFrom(journal: Journal, checkpoint: number): MeshSnapshot {
  return fold(journal.snapshotAt(checkpoint), [...journal.events(checkpoint)]);
}

async function derive(snapshot: MeshSnapshot, threads: number, file: string): Promise<Record<string, Hash>> {
  const store = new FragmentStore();
  const derivation = await createDerivation(snapshot, store, { threads, journal: file });
  try {
    return rootHashes((await derivation.all()).roots);
  } finally {
    await derivation.close();
  }
}
