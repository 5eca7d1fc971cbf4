import type { ObjectRef, Problem } from '../../api/problem.ts';
import type { ResourceInfo } from '../resource.ts';

/** What an object's status shall say. */
export interface DesiredStatus extends ObjectRef {
  /** Empty: accepted. */
  readonly problems: readonly Problem[];
  /** Version that was judged; without it the newest is taken for it. */
  readonly resourceVersion?: string;
  /** Its `metadata.generation`, where the caller knows it. */
  readonly generation?: number;
}

/** A resource of which the writer may know that it has no status subresource. */
export interface StatusResource extends ResourceInfo {
  readonly status?: boolean;
}

/** What the writer did since it began. */
export interface StatusCounters {
  /** Conditions written. */
  written: number;
  /** Objects that said the right thing already. */
  unchanged: number;
  /** Kubernetes Events written in place of a condition. */
  events: number;
  /** Requests that failed. */
  errors: number;
  /** Statuses given up. */
  dropped: number;
}
