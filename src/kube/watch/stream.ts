import { catchError, type MonoTypeOperatorFunction, Observable, switchMap, tap, throwError } from 'rxjs';
import type { KubeClient, ListPage, ListQuery } from '../client.ts';
import { KubeError, unreachable } from '../errors.ts';
import type { ResourceInfo } from '../resource.ts';
import type { ListWatch } from './types.ts';

/**
 * Lists and streams of one kind, from a client; the watcher does the repeating, so the client does none. Where the
 * cluster does not serve the version that is watched, older versions of the resource are tried in their order.
 */
export function listWatchOf(client: KubeClient, resource: ResourceInfo): ListWatch {
  let served = resource;
  const listIn = (version: string, query: ListQuery) =>
    abortable(signal => client.list({ ...resource, version }, query, { signal, retries: 0 })).pipe(
      tap(() => {
        served = { ...resource, version };
      }),
    );
  const firstServed = (query: ListQuery) =>
    (resource.versions ?? [])
      .filter(version => version !== resource.version)
      .reduce((lists, version) => lists.pipe(orIfAbsent(listIn(version, query))), listIn(resource.version, query));
  const broken = (cause: unknown) => unreachable({ verb: 'watch', of: resource.plural }, client.server, cause);
  return {
    list: query => (query.continue === undefined ? firstServed(query) : listIn(served.version, query)),
    watch: query =>
      abortable(
        signal => client.watch(served, query, { signal, retries: 0 }),
        response => response.destroy(),
      ).pipe(switchMap(response => chunksOf(response, broken))),
  };
}

/** `other` when the server does not know the kind; when that does not know it either, the first answer stands. */
function orIfAbsent(other: Observable<ListPage>): MonoTypeOperatorFunction<ListPage> {
  const isAbsent = (error: unknown) => error instanceof KubeError && error.status === 404;
  return catchError(first =>
    isAbsent(first)
      ? other.pipe(catchError(second => throwError(() => (isAbsent(second) ? first : second))))
      : throwError(() => first),
  );
}

/** The promise's value; unsubscribing before it comes gives the request up, and `discard` what comes all the same. */
function abortable<T>(
  request: (signal: AbortSignal) => Promise<T>,
  discard: (value: T) => void = () => undefined,
): Observable<T> {
  return new Observable(subscriber => {
    const controller = new AbortController();
    const deliver = (value: T) => {
      subscriber.next(value);
      subscriber.complete();
    };
    request(controller.signal).then(
      value => (subscriber.closed ? discard(value) : deliver(value)),
      error => subscriber.error(error),
    );
    return () => controller.abort();
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
