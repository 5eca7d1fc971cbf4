/** The way in: from the watches of every kind to the pipeline. */
import { resources } from '../api/resources.ts';
import type { Kind } from '../engine/model.ts';
import type { KubeClient } from '../kube/client.ts';
import { factOf, knownOf } from '../kube/intake.ts';
import { watchAll } from '../kube/watch/all.ts';
import type { PassedKind, SyncedKind, WatchBounds } from '../kube/watch/types.ts';
import { type Core, fatal, tellConditions } from './core.ts';
import type { ControllerOptions } from './options.ts';

/** A running intake. */
export interface Watching {
  /** Resolves when every kind was seen once as a whole and configurations go out. */
  readonly synced: Promise<void>;
  stop(): void;
}

/** Feeds the core what happens in the cluster, as the difference from what its journal knows. */
export function watchCluster(
  core: Core,
  client: KubeClient,
  { log }: Pick<ControllerOptions, 'log'>,
  bounds: Partial<WatchBounds> = {},
): Watching {
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  const onSynced = async () => {
    await core.pipeline.idle();
    core.journal.refreshed();
    core.push.open();
    tellConditions(core);
    resolve();
  };
  const subscription = watchAll(client, resources, {
    onProblem: core.tell,
    onSynced: () => void onSynced(),
    known: kind => knownOf(core.engine.snapshot, kind as Kind, core.journal.isStale),
    counters: core.watches,
    ready: () => core.pipeline.ready(),
    elapsedMs: core.surroundings.elapsedMs,
    timing: core.surroundings.timing,
    bounds,
  }).subscribe({
    next: event => {
      if ('key' in event) core.pipeline.submit([factOf(event)], event.seen);
      else void seeAll(core, event);
    },
    error: error => fatal(log, error, core.surroundings),
  });
  return { synced, stop: () => subscription.unsubscribe() };
}

/**
 * The word comes behind everything that it is about. When all that was submitted by now has been through, in however
 * many steps, it holds for the engine too, whether anything changed there or not.
 */
async function seeAll(
  { pipeline, seen, push }: Core,
  { kind, resourceVersion }: SyncedKind | PassedKind,
): Promise<void> {
  await pipeline.idle();
  seen.seeAll(kind, resourceVersion);
  push.advanced();
}
