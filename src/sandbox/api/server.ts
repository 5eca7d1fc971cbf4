/** The sandbox's API server: HTTPS, bearer tokens, and the paths of a Kubernetes API. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ProblemError } from '../../api/problem.ts';
import { type Authorize, controllerOnly, forbiddenMessage } from './authorize.ts';
import type { Context, PodLog } from './context.ts';
import * as discovery from './discovery.ts';
import { type Faults, type RequestFault, waitFor } from './faults.ts';
import { handle } from './handle.ts';
import type { JsonObject } from './objects.ts';
import { openApiDocument, openApiIndex, openApiV2, openApiV2Protobuf } from './openapi.ts';
import { objectBodyOf, placeOf, resourceRequest } from './request.ts';
import { sendFailure, sendJson } from './respond.ts';
import { reviews } from './reviews.ts';
import { createAppliers } from './server-apply.ts';
import { ApiFailure, forbidden, type Subject, unauthorized } from './status.ts';
import { type Admit, createStore, type Store } from './store.ts';
import { apiAudience, createTokens, type Tokens, type User } from './tokens.ts';
import type { OpenWatch } from './watch.ts';

export interface ApiServerOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly cert: string; readonly key: string };
  readonly adminToken: string;
  /** Changes remembered for each resource; older watches get 410. 1,000 unless given. */
  readonly historySize?: number;
  /** Between two bookmarks of a watch; a minute unless given. */
  readonly bookmarkIntervalMs?: number;
  readonly admit?: Admit;
  /** What ServiceAccounts may do; `controllerOnly` unless given. */
  readonly authorize?: Authorize;
  readonly podLog?: PodLog;
  readonly faults?: Faults;
  /** Told of what went wrong inside the server, which the client sees as a 500; stderr unless given. */
  readonly onError?: (error: unknown) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface ApiServer {
  readonly port: number;
  readonly store: Store;
  readonly tokens: Tokens;
  /** The streams that are open now. */
  readonly watches: ReadonlySet<OpenWatch>;
  /** Cuts what is open and frees the port. */
  close(): Promise<void>;
}

const version = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+fsm-sandbox',
  platform: `${process.platform}/${process.arch}`,
};

/** Longer than the 90 s after which Go clients close idle connections, so that the client always closes first. */
const idleConnectionMs = 180_000;

const healthPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz']);

/** The document at a path that is not about objects; undefined when there is none. */
function documentAt(
  { store }: Context,
  path: string,
  accept: string,
): { readonly body: JsonObject; readonly type?: string } | undefined {
  const resources = store.catalog.all();
  const parts = path.split('/').filter(Boolean);
  const [root, group = '', groupVersion = ''] = parts;
  const whole = parts.length === 1 && (root === 'api' || root === 'apis');
  if (whole && discovery.acceptsAggregated(accept)) {
    return { body: discovery.aggregated(resources, root === 'api'), type: discovery.aggregatedType };
  }
  const bodies: Record<string, () => JsonObject | undefined> = {
    '/version': () => version,
    '/api': () => discovery.coreVersions,
    '/apis': () => discovery.groupList(resources),
    '/openapi/v2': () => openApiV2,
    '/openapi/v3': () => openApiIndex(resources),
  };
  const nested = () => {
    if (root === 'openapi' && group === 'v3') return openApiDocument(resources, parts.slice(2).join('/'));
    if (root === 'api' && parts.length === 2) return discovery.resourceList(resources, '', group);
    if (root === 'apis' && parts.length === 2) return discovery.groupDescription(resources, group);
    return root === 'apis' && parts.length === 3 ? discovery.resourceList(resources, group, groupVersion) : undefined;
  };
  const body = (bodies[`/${parts.join('/')}`] ?? nested)();
  return body && { body };
}

function userOf({ tokens }: Context, message: IncomingMessage): User {
  const [, token] = /^Bearer +(\S+)$/i.exec(message.headers.authorization ?? '') ?? [];
  const verdict = token === undefined ? undefined : tokens.review(token, [apiAudience]);
  if (!verdict) throw unauthorized();
  return verdict.user;
}

/** Does what a fault says; true when nothing is left to do. */
async function suffer(fault: RequestFault, response: ServerResponse): Promise<boolean> {
  if ('close' in fault) {
    response.destroy();
    return true;
  }
  if (!('answer' in fault)) {
    await waitFor(fault);
    return false;
  }
  const reasons = { 410: 'Expired', 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable' } as const;
  const seconds = fault.retryAfterSeconds;
  const details = seconds === undefined ? undefined : { retryAfterSeconds: seconds };
  const failure = new ApiFailure(fault.answer, reasons[fault.answer], 'a fault that was asked for', details);
  sendFailure(response, failure, undefined, seconds === undefined ? {} : { 'retry-after': String(seconds) });
  return true;
}

function reviewAt(path: string, method: string) {
  const place = placeOf(path);
  const found = reviews.find(
    one => one.group === place?.group && one.version === place.version && one.plural === place.plural,
  );
  return method === 'POST' ? found : undefined;
}

/** What a request was about, as far as its path tells: an error of any kind says so (`meta/v1` StatusDetails). */
function aboutOf(url: string): Subject | undefined {
  try {
    const { pathname } = new URL(url, 'https://sandbox');
    const { group, plural, name } = placeOf(pathname) ?? { group: '', plural: '', name: '' };
    return plural === '' ? undefined : { group, kind: plural, name };
  } catch {
    // A path that cannot be read is about nothing.
    return undefined;
  }
}

type Serve = (message: IncomingMessage, response: ServerResponse) => Promise<void>;

function createService(context: Context, authorize: Authorize): Serve {
  return async (message, response) => {
    const method = message.method ?? 'GET';
    const url = new URL(message.url ?? '/', 'https://sandbox');
    if (healthPaths.has(url.pathname)) return void response.end('ok');
    const user = userOf(context, message);
    const { accept = '' } = message.headers;
    if (method === 'GET' && url.pathname === '/openapi/v2' && /proto-openapi\.spec\.v2/.test(accept))
      return void response.writeHead(200, { 'content-type': openApiV2Protobuf.type }).end(openApiV2Protobuf.body);
    const document = method === 'GET' ? documentAt(context, url.pathname, accept) : undefined;
    if (document) return sendJson(response, 200, document.body, document.type ? { 'content-type': document.type } : {});
    const review = reviewAt(url.pathname, method);
    if (review) {
      const body = await objectBodyOf(message);
      return sendJson(response, 201, { ...body, status: review.answer(body, { tokens: context.tokens, user }) });
    }
    const target = resourceRequest(context.store.catalog, method, url);
    if (!user.groups.includes('system:masters') && !authorize(user, target))
      throw forbidden(forbiddenMessage(user, target));
    const fault = context.faults.onRequest?.(target);
    if (fault && (await suffer(fault, response))) return;
    await handle(context, { target, message, response });
  };
}

/** Resolves when the server listens; a port in use is a `ProblemError` FSM6001 that names it. */
async function listen(server: Server, address: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ host: address, port }, resolve);
  try {
    await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const what = `port ${port} on ${address} is in use`;
    const why = 'the API server of the sandbox has to listen there';
    const fix = 'end the program that uses it, or choose other ports with --port-base';
    throw new ProblemError({ code: 'FSM6001', path: '', what, why, fix }, error);
  }
  server.off('error', reject);
  return (server.address() as AddressInfo).port;
}

/** The namespaces that every cluster has; the uid of `kube-system` is taken for the cluster's. */
function bootstrap({ store }: Context) {
  const resource = store.catalog.byId('namespaces');
  for (const name of ['default', 'kube-system']) {
    if (resource) store.create(resource, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
}

function contextOf(options: ApiServerOptions): Context {
  const {
    historySize = 1000,
    admit,
    now = Date.now,
    adminToken,
    faults = {},
    bookmarkIntervalMs = 60_000,
    podLog,
  } = options;
  const store = createStore({ historySize, now, ...(admit && { admit }) });
  const tokens = createTokens(store, adminToken, now);
  return { store, tokens, appliers: createAppliers(), faults, watches: new Set(), bookmarkIntervalMs, podLog, now };
}

/** Starts a server with an empty cluster: a new uid, and the namespaces `default` and `kube-system`. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const context = contextOf(options);
  bootstrap(context);
  const serve = createService(context, options.authorize ?? controllerOnly);
  const { onError = console.error } = options;
  const server = createServer({ ...options.tls, minVersion: 'TLSv1.2' }, (message, response) => {
    serve(message, response).catch(error => {
      // A client that went away in the middle is not our failure.
      if (!(error instanceof ApiFailure) && !response.destroyed) onError(error);
      sendFailure(response, error, aboutOf(message.url ?? '/'));
    });
  });
  server.keepAliveTimeout = idleConnectionMs;
  const port = await listen(server, options.address, options.port);
  const { store, tokens, watches } = context;
  return {
    port,
    store,
    tokens,
    watches,
    async close() {
      for (const watch of watches) watch.end('cut');
      const closed = new Promise<void>((resolve, reject) => server.close(error => (error ? reject(error) : resolve())));
      server.closeAllConnections();
      await closed;
    },
  };
}
