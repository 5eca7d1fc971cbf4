/**
 * Watches: readers of the change log with a cursor. A reader writes only while the client reads, so a slow client
 * holds no queue here; when the log no longer reaches back to its cursor it is told so (ERROR, 410) and has to list.
 */
import type { ServerResponse } from 'node:http';
import { type Faults, type WatchEvent, waitFor } from './faults.ts';
import { revisionOf, selection } from './list.ts';
import type { Change } from './log.ts';
import type { JsonObject, KubeObject } from './objects.ts';
import type { ResourceRequest } from './request.ts';
import { apiVersionOf } from './resources.ts';
import { type Format, showObject } from './respond.ts';
import type { Predicate } from './selectors.ts';
import { ApiFailure, expired, statusOf } from './status.ts';
import type { Store } from './store.ts';

export interface WatchOptions {
  readonly bookmarkIntervalMs: number;
  readonly faults: Faults;
}

/** An open watch, for those who want to end it. */
export interface OpenWatch {
  readonly request: ResourceRequest;
  /** Ends the stream: in order, by ERROR 410, or by cutting the connection. */
  end(how: 'close' | 'gone' | 'cut'): void;
}

/** Without `timeoutSeconds` a watch lives half an hour, the least that the real server gives. */
const defaultTimeoutMs = 30 * 60 * 1000;

/** How a selector sees a change: an object that begins to match is added, one that ceases to is deleted. */
function eventOf(change: Change, select: Predicate): WatchEvent | undefined {
  const was = change.previous !== undefined && select(change.previous);
  const is = change.type !== 'DELETED' && select(change.object);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: change.object };
  if (!was) return undefined;
  const { resourceVersion } = change.object.metadata;
  const last = change.type === 'DELETED' ? change.object : (change.previous ?? change.object);
  return {
    type: 'DELETED',
    object: { ...last, metadata: { ...last.metadata, ...(resourceVersion && { resourceVersion }) } },
  };
}

/** Where a watch begins: the events it opens with, and the revision after which it reads the log. */
interface Start {
  readonly events: readonly WatchEvent[];
  readonly cursor: number;
  readonly initialEnd: boolean;
}

/**
 * The semantics of `resourceVersion` and `sendInitialEvents` (Kubernetes API concepts, KEP-3157). A revision that is
 * forgotten is no failure here: as in the real server the stream opens, and its first event is the ERROR.
 */
function startOf(store: Store, request: ResourceRequest, select: Predicate): Start {
  const { query, resource } = request;
  const asked = revisionOf(query.get('resourceVersion')) ?? 0;
  const initial = query.get('sendInitialEvents') === 'true';
  if (initial && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw new ApiFailure(422, 'Invalid', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (asked !== 0 && !initial) {
    return { events: [], cursor: asked, initialEnd: false };
  }
  const keyed = [...store.log.all(resource.id)].filter(([, object]) => select(object));
  const objects = keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  const silent = query.get('sendInitialEvents') === 'false' && asked === 0;
  const events = silent ? [] : objects.map((object): WatchEvent => ({ type: 'ADDED', object }));
  return { events, cursor: store.log.revision(), initialEnd: initial };
}

const initialEventsEnd = { annotations: { 'k8s.io/initial-events-end': 'true' } };

/** One stream. Everything it does, it does in `run`, one line at a time; the rest only wakes it. */
class Stream {
  #ending: 'close' | 'gone' | 'cut' | 'timeout' | undefined;
  #bookmarkDue = false;
  #wake: () => void = () => undefined;
  #cursor = 0;
  readonly #response: ServerResponse;
  readonly #format: Format;
  readonly #request: ResourceRequest;
  readonly #faults: Faults;

  constructor(response: ServerResponse, format: Format, request: ResourceRequest, faults: Faults) {
    this.#response = response;
    this.#format = format;
    this.#request = request;
    this.#faults = faults;
  }

  end(how: 'close' | 'gone' | 'cut' | 'timeout') {
    this.#ending ??= how;
    this.wake();
  }

  wake() {
    this.#wake();
  }

  remindBookmark() {
    this.#bookmarkDue = true;
    this.wake();
  }

  async run(store: Store, start: Start, select: Predicate): Promise<void> {
    this.#cursor = start.cursor;
    for (const event of start.events) await this.#send(event);
    if (start.initialEnd) await this.#bookmark(initialEventsEnd);
    while (this.#ending === undefined) {
      const idle = await this.#readLog(store, select);
      if (this.#bookmarkDue) await this.#bookmark();
      this.#bookmarkDue = false;
      if (idle && this.#ending === undefined) await this.#sleep(store);
    }
    await this.#finish();
  }

  /** Sends what the log has after the cursor; true when there was nothing. */
  async #readLog(store: Store, select: Predicate): Promise<boolean> {
    const { resource } = this.#request;
    const revision = store.log.revision();
    const changes = store.log.since(resource.id, this.#cursor);
    if (changes === undefined) this.end('gone');
    for (const change of changes ?? []) {
      const event = eventOf(change, select);
      if (event) await this.#send(event);
      this.#cursor = change.revision;
    }
    this.#cursor = Math.max(this.#cursor, changes ? revision : 0);
    return changes?.length === 0;
  }

  /** Until something happened since the log was read: a change that came meanwhile is seen by its revision. */
  #sleep(store: Store): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (store.log.revision() > this.#cursor || this.#bookmarkDue) resolve();
    return promise;
  }

  async #send(event: WatchEvent): Promise<void> {
    if (this.#ending !== undefined) return;
    const fault = this.#faults.onEvent?.(this.#request, event);
    if (fault === 'drop') return;
    if (typeof fault === 'string') return this.end(fault);
    if (fault !== undefined) await waitFor(fault);
    await this.#write({ type: event.type, object: showObject(event.object, this.#format) });
  }

  async #bookmark(extra: Partial<KubeObject['metadata']> = {}): Promise<void> {
    const { resource, query } = this.#request;
    if (query.get('allowWatchBookmarks') !== 'true' || (this.#ending && this.#ending !== 'timeout')) return;
    const metadata = { resourceVersion: String(this.#cursor), ...extra } as KubeObject['metadata'];
    const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
    const fault = this.#faults.onEvent?.(this.#request, { type: 'BOOKMARK', object });
    if (fault === undefined) await this.#write({ type: 'BOOKMARK', object });
  }

  /** Resolves when the client takes more, or has gone. */
  async #write(event: JsonObject): Promise<void> {
    const response = this.#response;
    if (response.destroyed || response.write(`${JSON.stringify(event)}\n`)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once('drain', resolve).once('close', resolve);
    await promise;
    response.off('drain', resolve).off('close', resolve);
  }

  async #finish(): Promise<void> {
    if (this.#ending === 'cut') return void this.#response.destroy();
    if (this.#ending === 'timeout') await this.#bookmark();
    if (this.#ending === 'gone')
      await this.#write({ type: 'ERROR', object: statusOf(expired('too old resource version')) });
    this.#response.end();
  }
}

function timeoutMsOf(query: URLSearchParams): number {
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  return seconds > 0 ? seconds * 1000 : defaultTimeoutMs;
}

/** Serves a watch until it ends; resolves then. Meanwhile it stands in `open`. */
export async function serveWatch(
  store: Store,
  request: ResourceRequest,
  response: ServerResponse,
  format: Format,
  options: WatchOptions,
  open: Set<OpenWatch>,
): Promise<void> {
  const select = selection(request);
  const start = startOf(store, request, select);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const stream = new Stream(response, format, request, options.faults);
  const entry: OpenWatch = { request, end: how => stream.end(how) };
  open.add(entry);
  const unlisten = store.log.onChange(request.resource.id, () => stream.wake());
  const timer = setTimeout(() => stream.end('timeout'), timeoutMsOf(request.query));
  const reminder = setInterval(() => stream.remindBookmark(), options.bookmarkIntervalMs);
  response.once('close', () => stream.end('cut'));
  try {
    await stream.run(store, start, select);
  } finally {
    unlisten();
    clearTimeout(timer);
    clearInterval(reminder);
    open.delete(entry);
  }
}
