import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { ClusterAccess, Credentials } from './access.ts';

/** One HTTP request; `timeoutMs` bounds the wait for the whole answer, or for its head when it is streamed. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly timeoutMs: number;
  /** Most bytes of an answer that is read whole. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Connections to one API server. Every promise is rejected with a plain Error when no whole answer comes. */
export interface Transport {
  /** Reads the whole answer, whatever its status. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Answers as soon as the head has come; the caller owns the body. */
  open(request: HttpRequest): Promise<http.IncomingMessage>;
  /** Reads the rest of an opened answer. */
  drain(response: http.IncomingMessage, maxBytes: number): Promise<string>;
  /** Ends every connection. */
  close(): void;
}

/** Requests share at most `maxSockets` connections; each stream has its own. */
export function createTransport(access: ClusterAccess, maxSockets: number): Transport {
  const secure = new URL(access.server).protocol === 'https:';
  const make = (sockets: number) => new (secure ? https : http).Agent({ ...agentOptions, maxSockets: sockets });
  const agents = { requests: make(maxSockets), streams: make(Number.POSITIVE_INFINITY) };
  return {
    send: request => withDeadline(request, signal => send(access, agents.requests, { ...request, signal })),
    open: request => withDeadline(request, signal => begin(access, agents.streams, { ...request, signal })),
    drain: readAll,
    close: () => {
      agents.requests.destroy();
      agents.streams.destroy();
    },
  };
}

/** TCP keep-alive finds a peer that vanished; 55 s is below the idle time-outs of usual load balancers. */
const agentOptions = { keepAlive: true, keepAliveMsecs: 30_000, timeout: 55_000 };

async function send(access: ClusterAccess, agent: http.Agent, request: HttpRequest): Promise<HttpAnswer> {
  const response = await begin(access, agent, request);
  const body = await readAll(response, request.maxBytes);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

async function begin(access: ClusterAccess, agent: http.Agent, request: HttpRequest): Promise<http.IncomingMessage> {
  const options = await optionsOf(access, agent, request);
  try {
    return await exchange(options, request.body);
  } catch (error) {
    // The server may close an idle connection just when it is used again; only what is safe to repeat is repeated.
    if (request.method !== 'GET' || !(error instanceof StaleConnection)) throw error;
    return exchange(options, request.body);
  }
}

class StaleConnection extends Error {}

function exchange(options: https.RequestOptions, body: string | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = options.protocol === 'https:' ? https.request(options) : http.request(options);
    outgoing.once('response', response => {
      // From here on errors of the socket are the response's.
      outgoing.on('error', () => undefined);
      resolve(response);
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && error.code === 'ECONNRESET';
      reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
    });
    outgoing.end(body);
  });
}

async function optionsOf(
  access: ClusterAccess,
  agent: http.Agent,
  request: HttpRequest,
): Promise<https.RequestOptions> {
  const base = new URL(access.server);
  const credentials = await credentialsOf(access);
  return {
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: base.port,
    method: request.method,
    path: base.pathname.replace(/\/$/, '') + request.path,
    agent,
    headers: headersOf(credentials, request),
    ...(request.signal && { signal: request.signal }),
    ...tlsOptions(access, credentials),
  };
}

function tlsOptions(access: ClusterAccess, credentials: Credentials): https.RequestOptions {
  return {
    ...(access.ca !== undefined && { ca: access.ca }),
    ...(credentials.certificate !== undefined && { cert: credentials.certificate, key: credentials.key }),
    ...(access.serverName !== undefined && { servername: access.serverName }),
    ...(access.skipVerify && { rejectUnauthorized: false }),
  };
}

function headersOf(credentials: Credentials, request: HttpRequest): http.OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    'user-agent': 'fsm',
    ...(credentials.token !== undefined && { authorization: `Bearer ${credentials.token}` }),
    ...(request.body !== undefined && {
      'content-type': request.contentType ?? 'application/json',
      'content-length': Buffer.byteLength(request.body),
    }),
  };
}

/** Read for each request: a projected token is replaced in its file long before it expires. */
async function credentialsOf(access: ClusterAccess): Promise<Credentials> {
  if (access.credentials !== undefined) return access.credentials();
  if (access.token !== undefined) return { token: access.token };
  if (access.tokenFile !== undefined) return { token: (await readFile(access.tokenFile, 'utf8')).trim() };
  if (access.certificate === undefined || access.key === undefined) return {};
  return { certificate: access.certificate, key: access.key };
}

/** Runs `work` with a signal that aborts with the caller's and after `timeoutMs`. */
async function withDeadline<T>(request: HttpRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error('the request was given up'));
  const timer = setTimeout(() => controller.abort(new Error('timed out')), request.timeoutMs);
  if (request.signal?.aborted) abort();
  request.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', abort);
  }
}

async function readAll(response: http.IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
