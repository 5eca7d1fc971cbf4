import { from, Observable, switchMap } from 'rxjs';
import type { KubeClient } from '../client.ts';
import { unreachable } from '../errors.ts';
import type { ResourceInfo } from '../resource.ts';
import type { ListWatch } from './types.ts';

/** Lists and streams of one kind, from a client; the watcher does the repeating, so the client does none. */
export function listWatchOf(client: KubeClient, resource: ResourceInfo): ListWatch {
  return {
    list: query => abortable(signal => client.list(resource, query, { signal, retries: 0 })),
    watch: query =>
      abortable(signal => client.watch(resource, query, { signal, retries: 0 })).pipe(
        switchMap(response =>
          chunksOf(response, cause => unreachable({ verb: 'watch', of: resource.plural }, client.server, cause)),
        ),
      ),
  };
}

/** The promise's value; unsubscribing before it comes gives the request up. */
function abortable<T>(request: (signal: AbortSignal) => Promise<T>): Observable<T> {
  return new Observable(subscriber => {
    const controller = new AbortController();
    const answer = from(request(controller.signal)).subscribe(subscriber);
    return () => {
      answer.unsubscribe();
      controller.abort();
    };
  });
}

/** A stream's bytes; unsubscribing closes it. */
function chunksOf(
  stream: NodeJS.ReadableStream & { destroy(): void },
  failure: (cause: unknown) => Error,
): Observable<Uint8Array> {
  return new Observable(subscriber => {
    stream.on('data', (chunk: Uint8Array) => subscriber.next(chunk));
    stream.once('end', () => subscriber.complete());
    stream.on('error', (cause: unknown) => subscriber.error(failure(cause)));
    return () => stream.destroy();
  });
}
