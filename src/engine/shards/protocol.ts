/** What the main thread and a shard say to each other. Events travel, snapshots never. */
import type { Problem } from '../../api/problem.ts';
import type { Hash } from '../canonical.ts';
import type { MeshEvent } from '../model.ts';

/** Which share of the work is a shard's: accounts whose hash falls on `index` of `count`. */
export interface Share {
  readonly index: number;
  readonly count: number;
  /** Journal that a new or restarted shard folds from. */
  readonly journal: string;
}

export type ShardTask = Share & {
  /** Revision that the shard must stand at before these events; a shard that does not folds from the journal first. */
  readonly from: number;
  readonly events: readonly MeshEvent[];
  /** Fold from the journal in any case, and answer with everything. */
  readonly all: boolean;
};

/** Plain data, for it crosses threads. Fragments travel as their bytes. */
export interface ShardResult {
  readonly roots: readonly (readonly [podKey: string, hash: Hash | null])[];
  readonly conditions: readonly (readonly [key: string, problems: readonly Problem[] | null])[];
  readonly fragments: readonly string[];
}
