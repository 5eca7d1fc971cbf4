/** The way in: from the watches of every kind to the pipeline. */
import { resources } from '../api/resources.ts';
import type { Kind } from '../engine/model.ts';
import type { KubeClient } from '../kube/client.ts';
import { factOf, knownOf } from '../kube/intake.ts';
import { watchAll } from '../kube/watch/all.ts';
import type { WatchBounds } from '../kube/watch/types.ts';
import { type Core, fatal, see, tellConditions } from './core.ts';
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
    core.push.open();
    tellConditions(core);
    resolve();
  };
  const subscription = watchAll(client, resources, {
    onProblem: core.tell,
    onSynced: () => void onSynced(),
    known: kind => knownOf(core.engine.snapshot, kind as Kind),
    counters: core.watches,
    ready: () => core.pipeline.ready(),
    elapsedMs: core.surroundings.elapsedMs,
    timing: core.surroundings.timing,
    bounds,
  }).subscribe({
    next: event => {
      const fact = factOf(event);
      if (fact !== null) core.pipeline.submit([fact], 'seen' in event ? event.seen : undefined);
      else void core.pipeline.idle().then(() => see(core, event.kind, event.resourceVersion, true));
    },
    error: error => fatal(log, error, core.surroundings),
  });
  return { synced, stop: () => subscription.unsubscribe() };
}
