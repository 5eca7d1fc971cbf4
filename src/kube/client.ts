import type { Readable } from 'node:stream';
import type { ClusterAccess } from './access.ts';
import { createCaller } from './caller.ts';
import type { RequestSubject } from './errors.ts';
import type { KubeObject } from './object.ts';
import {
  createRequest,
  deleteRequest,
  objectRequest,
  parseAnswer,
  parseObject,
  parsePage,
  patchRequest,
  type patchTypes,
  queryString,
  replaceRequest,
} from './requests.ts';
import { apiPath, type ResourceInfo } from './resource.ts';
import type { Timing } from './timing.ts';

/** One object, or a part of it. */
export interface ObjectPath {
  /** Absent for an object of the whole cluster. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly subresource?: string;
}

export interface ListQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Most objects in one page; absent: all of them. */
  readonly limit?: number;
  /** Where the last page said to go on. */
  readonly continue?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** One page of a list, all of whose pages are of the same moment. */
export interface ListPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continue?: string;
}

export interface WatchQuery {
  readonly resourceVersion: string;
  /** After how long the server ends the stream. */
  readonly timeoutSeconds: number;
}

/** RFC 7386, RFC 6902, strategic merge (built-in kinds only), server-side apply. */
export type PatchType = keyof typeof patchTypes;

export interface PatchOptions extends RequestOptions {
  /** Who owns the fields; required for `apply`. */
  readonly fieldManager?: string;
  /** `apply`: take fields over from other owners. */
  readonly force?: boolean;
}

export interface DeleteOptions extends RequestOptions {
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  /** Only this very object, by uid. */
  readonly uid?: string;
}

export interface RequestOptions {
  /** Gives the request up. */
  readonly signal?: AbortSignal;
  /** How often a request that the server turned away with 429 or 503 is repeated; 2 unless given. */
  readonly retries?: number;
}

export interface RawRequest extends RequestOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the server's URL. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Names the request in errors; method and path unless given. */
  readonly subject?: RequestSubject;
}

/** Bounds of a client. */
export interface ClientOptions {
  /** Most time for one whole answer. 30 s. */
  readonly timeoutMs?: number;
  /** Longest answer that is read. 64 MiB. */
  readonly maxBytes?: number;
  /** Most connections for requests; each watch has one of its own. 8. */
  readonly maxSockets?: number;
  readonly timing?: Timing;
}

/**
 * The Kubernetes API of one cluster. Every method is rejected with a KubeError: FSM4001 when the server answered
 * with another status than a success, FSM4002 when no whole answer came.
 */
export interface KubeClient {
  readonly server: string;
  get(resource: ResourceInfo, path: ObjectPath, options?: RequestOptions): Promise<KubeObject>;
  /** One page. */
  list(resource: ResourceInfo, query?: ListQuery, options?: RequestOptions): Promise<ListPage>;
  /** Opens a watch; the caller reads the body, lines of JSON, and destroys it. */
  watch(resource: ResourceInfo, query: WatchQuery, options?: RequestOptions): Promise<Readable>;
  create(resource: ResourceInfo, object: KubeObject, options?: RequestOptions): Promise<KubeObject>;
  /** With `metadata.resourceVersion` only if nobody wrote it since (409). */
  replace(
    resource: ResourceInfo,
    object: KubeObject,
    options?: RequestOptions & { subresource?: string },
  ): Promise<KubeObject>;
  patch(
    resource: ResourceInfo,
    path: ObjectPath,
    type: PatchType,
    body: unknown,
    options?: PatchOptions,
  ): Promise<KubeObject>;
  delete(resource: ResourceInfo, path: ObjectPath, options?: DeleteOptions): Promise<void>;
  /** Any other request, such as discovery; the answer's JSON. */
  request(request: RawRequest): Promise<unknown>;
  /** Ends every connection, open watches too. */
  close(): void;
}

/** Connects to nothing yet: the first request does. */
export function createClient(access: ClusterAccess, options: ClientOptions = {}): KubeClient {
  const call = createCaller(access, options);
  const send = async <T>(request: RawRequest, parse: (body: string, subject: RequestSubject) => T) =>
    parse(await call.send(request), request.subject ?? { verb: request.method, of: request.path });
  return {
    server: access.server,
    request: request => send(request, parseAnswer),
    get: (resource, path, options) => send({ ...objectRequest('GET', resource, path), ...options }, parseObject),
    list: (resource, query, options) => send({ ...listRequest(resource, query), ...options }, parsePage),
    watch: (resource, query, options) => call.open({ ...watchRequest(resource, query), ...options }),
    create: (resource, object, options) => send({ ...createRequest(resource, object), ...options }, parseObject),
    replace: (resource, object, { subresource, ...options } = {}) =>
      send({ ...replaceRequest(resource, object, subresource), ...options }, parseObject),
    patch: (resource, path, type, body, options = {}) =>
      send(patchRequest(resource, path, type, body, options), parseObject),
    delete: async (resource, path, options = {}) => void (await call.send(deleteRequest(resource, path, options))),
    close: call.close,
  };
}

function listRequest(resource: ResourceInfo, query: ListQuery = {}): RawRequest {
  const { namespace, ...rest } = query;
  const path = apiPath(resource, namespace) + queryString(rest);
  return { method: 'GET', path, subject: { verb: 'list', of: resource.plural } };
}

function watchRequest(resource: ResourceInfo, query: WatchQuery): RawRequest {
  const path = apiPath(resource) + queryString({ watch: true, allowWatchBookmarks: true, ...query });
  return { method: 'GET', path, subject: { verb: 'watch', of: resource.plural } };
}

/** Every object of a list, its pages put together; for lists that fit into memory. */
export async function listAll(
  client: KubeClient,
  resource: ResourceInfo,
  query: ListQuery = {},
): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, { limit: 500, ...query, ...(next !== undefined && { continue: next }) });
    objects.push(...page.items);
    next = page.continue;
  } while (next !== undefined);
  return objects;
}
