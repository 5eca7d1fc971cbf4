import { BehaviorSubject, defer, identity, type MonoTypeOperatorFunction, map, merge, Observable } from 'rxjs';
import type { KubeClient } from '../client.ts';
import type { ResourceInfo } from '../resource.ts';
import { coalesce } from './coalesce.ts';
import { newCounters, type WatchCounters, type WatchEvent, type WatchOptions } from './types.ts';
import { watchResource } from './watch.ts';

export interface WatchAllOptions extends Pick<WatchOptions, 'onProblem' | 'timing' | 'bounds'> {
  /** Resolves when the consumer can take more; asked after each burst. Absent: it is always fast enough. */
  readonly ready?: () => Promise<unknown>;
  /** Called once, when the consumer has had the `synced` of every kind. */
  readonly onSynced?: () => void;
  /** What the consumer already has of a kind, as `WatchOptions.known`. */
  readonly known?: (kind: string) => Iterable<readonly [key: string, resourceVersion: string]>;
  /** Where to count; a kind that is not in it is added. */
  readonly counters?: Map<string, WatchCounters>;
  /** Milliseconds of a clock that never goes back: events then say when they were read. */
  readonly elapsedMs?: () => number;
  /** Events that may wait for a slow consumer before the streams are held; a page of each kind more can come. 10,000. */
  readonly maxPending?: number;
}

/**
 * Follows several kinds as `watchResource` does, asking for them in the given order. What waits for a slow consumer is
 * the newest event of each object, and never more than a bound: beyond it the streams are closed, and resumed from the
 * same place when the consumer is ready.
 */
export function watchAll(
  client: KubeClient,
  resources: readonly ResourceInfo[],
  options: WatchAllOptions,
): Observable<WatchEvent> {
  return defer(() => {
    const hold = new BehaviorSubject(false);
    const { ready = () => Promise.resolve(), maxPending = 10_000 } = options;
    return merge(...resources.map(each => watchResource(client, each, optionsFor(each.kind, options, hold)))).pipe(
      stamped(options.elapsedMs),
      coalesce({ ready, hold, maxPending }),
      andWhenSynced(resources, options.onSynced),
    );
  });
}

function optionsFor(kind: string, options: WatchAllOptions, hold: Observable<boolean>): WatchOptions {
  const { onProblem, timing, bounds } = options;
  const counters = options.counters?.get(kind) ?? newCounters();
  options.counters?.set(kind, counters);
  const known = options.known?.(kind);
  return { onProblem, counters, hold, ...(timing && { timing }), ...(bounds && { bounds }), ...(known && { known }) };
}

function stamped(elapsedMs: (() => number) | undefined): MonoTypeOperatorFunction<WatchEvent> {
  if (elapsedMs === undefined) return identity;
  return map(event => (event.type === 'synced' ? event : { ...event, seen: elapsedMs() }));
}

function andWhenSynced(
  resources: readonly ResourceInfo[],
  onSynced: (() => void) | undefined,
): MonoTypeOperatorFunction<WatchEvent> {
  const waiting = new Set(resources.map(({ kind }) => kind));
  const check = (event: WatchEvent) => {
    if (event.type === 'synced' && waiting.delete(event.kind) && waiting.size === 0) onSynced?.();
  };
  return source =>
    new Observable(subscriber =>
      source.subscribe({
        next: event => {
          subscriber.next(event);
          check(event);
        },
        error: error => subscriber.error(error),
      }),
    );
}
