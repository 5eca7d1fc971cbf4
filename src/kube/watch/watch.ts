import { defer, type Observable } from 'rxjs';
import type { KubeClient } from '../client.ts';
import type { ResourceInfo } from '../resource.ts';
import { listWatchOf } from './stream.ts';
import type { ListWatch, WatchEvent, WatchOptions } from './types.ts';
import { Watcher } from './watcher.ts';

/**
 * Follows every object of a kind, for as long as it is subscribed to. It never completes, and no failure of the API
 * ends it: these go to `onProblem` and it tries again, with back-off. What it emits:
 *
 * - each object of the first list as `applied`, then `synced`, then each change as it happens, and `passed` behind it;
 * - after an interruption only the difference, found by a new list where the server no longer has the history;
 * - an object at a resourceVersion it has told already: never.
 *
 * An error of the Observable is a bug, here or in the consumer.
 */
export function watchResource(
  client: KubeClient,
  resource: ResourceInfo,
  options: WatchOptions,
): Observable<WatchEvent> {
  return watchSource(listWatchOf(client, resource), resource, options);
}

/** The same from any source of lists and streams. */
export function watchSource(source: ListWatch, resource: ResourceInfo, options: WatchOptions): Observable<WatchEvent> {
  return defer(() => new Watcher(source, resource, options).run());
}
