import type { Observable } from 'rxjs';
import type { Problem } from '../../api/problem.ts';
import type { ListPage, ListQuery, WatchQuery } from '../client.ts';
import type { KubeObject } from '../object.ts';
import type { Timing } from '../timing.ts';

/** An object is there, or there anew; also what a list found changed while no watch was looking. */
export interface AppliedObject {
  readonly type: 'applied';
  readonly kind: string;
  /** `namespace/name`, or `name` for an object of the whole cluster. */
  readonly key: string;
  readonly resourceVersion: string;
  /** The object as the server sent it; those from a list lack kind and apiVersion. */
  readonly raw: KubeObject;
  /** When it was read, milliseconds of the clock that `watchAll` was given; absent without one. */
  readonly seen?: number;
}

/** An object is gone. `resourceVersion` is its last one, or that of the list that no longer had it, or '' without one. */
export interface DeletedObject {
  readonly type: 'deleted';
  readonly kind: string;
  readonly key: string;
  readonly resourceVersion: string;
  /** As of `AppliedObject`. */
  readonly seen?: number;
}

/** A whole list has been told: everything of the kind at `resourceVersion`, which is '' where the kind is not installed. */
export interface SyncedKind {
  readonly type: 'synced';
  readonly kind: string;
  readonly resourceVersion: string;
}

/**
 * Everything of the kind up to `resourceVersion` has been told: said after each line of a stream, which has changes and
 * bookmarks in the order of their versions. An object event alone does not say so: a list tells objects by name, and
 * what waits for a consumer by its newest event.
 */
export interface PassedKind {
  readonly type: 'passed';
  readonly kind: string;
  readonly resourceVersion: string;
}

export type ObjectEvent = AppliedObject | DeletedObject;
export type WatchEvent = ObjectEvent | SyncedKind | PassedKind;

/** What happened to one kind's watch since it began. */
export interface WatchCounters {
  /** Objects told as changed or deleted. */
  events: number;
  bookmarks: number;
  /** Changes that only a new list brought. */
  missed: number;
  /** Whole lists after the first one. */
  relists: number;
  /** Streams opened after the first one. */
  reconnects: number;
  /** Requests and streams that failed, unreadable lines among them. */
  errors: number;
}

export function newCounters(): WatchCounters {
  return { events: 0, bookmarks: 0, missed: 0, relists: 0, reconnects: 0, errors: 0 };
}

/** Where lists and streams come from. Both may fail with a ProblemError; unsubscribing gives the request up. */
export interface ListWatch {
  /** One page, then complete. */
  list(query: ListQuery): Observable<ListPage>;
  /** The bytes of a watch stream as they arrive, in any pieces; completes when the server ends it. */
  watch(query: WatchQuery): Observable<Uint8Array>;
}

/** Limits and times of one watch; milliseconds and bytes. */
export interface WatchBounds {
  /** Objects in one page of a list. */
  readonly pageSize: number;
  readonly firstBackoffMs: number;
  readonly mostBackoffMs: number;
  /** A stream that is silent for so long is given up. The server sends a bookmark about every minute. */
  readonly idleMs: number;
  /** A stream that lived so long was a good one: the next failure counts as the first. */
  readonly steadyMs: number;
  /** Between looks for a kind that is not installed. */
  readonly absentMs: number;
  /** Before objects are believed gone because their kind is. */
  readonly confirmMs: number;
  /** The server ends a stream after a time between this and twice this, by chance (client-go does the same). */
  readonly streamSeconds: number;
  /** Longest line; etcd holds objects of up to 1.5 MiB, which JSON can make longer. */
  readonly maxLineBytes: number;
}

export const defaultBounds: WatchBounds = {
  pageSize: 500,
  firstBackoffMs: 250,
  mostBackoffMs: 30_000,
  idleMs: 180_000,
  steadyMs: 5_000,
  absentMs: 30_000,
  confirmMs: 2_000,
  streamSeconds: 300,
  maxLineBytes: 8 * 1024 * 1024,
};

export interface WatchOptions {
  /** Told what is wrong, once for each streak of the same; the watch goes on by itself. */
  readonly onProblem: (problem: Problem) => void;
  /** What the consumer already has, key and resourceVersion: the first list is told as the difference from it. */
  readonly known?: Iterable<readonly [key: string, resourceVersion: string]>;
  /** Counted up in place. */
  readonly counters?: WatchCounters;
  /** While true nothing more is read: the stream is closed, and resumed where it was. */
  readonly hold?: Observable<boolean>;
  readonly timing?: Timing;
  readonly bounds?: Partial<WatchBounds>;
}
