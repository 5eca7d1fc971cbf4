import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that waits for the test to answer it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly response: http.ServerResponse;
  /** Resolves when the client has closed the connection or the answer is complete. */
  readonly closed: Promise<void>;
  /** Answers with JSON. */
  json(value: unknown, status?: number, headers?: http.OutgoingHttpHeaders): void;
  /** Writes bytes of a streamed answer and resolves when they are on their way. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Cuts the connection as a crash would. */
  cut(): void;
}

/** An HTTP server on which a test plays the API server, byte by byte: it takes each request and answers it by hand. */
export interface ScriptedServer {
  readonly url: string;
  /** The next request, waiting for it if need be. */
  next(): Promise<Exchange>;
  /** Requests that nobody has taken. */
  readonly waiting: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const arrived: Exchange[] = [];
  const takers: ((exchange: Exchange) => void)[] = [];
  const server = http.createServer(async (request, response) => {
    const exchange = await readExchange(request, response);
    const taker = takers.shift();
    if (taker) taker(exchange);
    else arrived.push(exchange);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => {
      const exchange = arrived.shift();
      return exchange ? Promise.resolve(exchange) : new Promise(resolve => takers.push(resolve));
    },
    get waiting() {
      return arrived.length;
    },
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

async function readExchange(request: http.IncomingMessage, response: http.ServerResponse): Promise<Exchange> {
  const url = new URL(request.url ?? '/', 'http://any');
  const closed = new Promise<void>(resolve => response.once('close', resolve));
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body,
    response,
    closed,
    json: (value, status = 200, headers = {}) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value)),
    write: bytes =>
      new Promise((resolve, reject) => response.write(bytes, error => (error ? reject(error) : resolve()))),
    cut: () => void response.socket?.resetAndDestroy(),
  };
}

/** A page of a list of pods. */
export function podList(resourceVersion: string, items: readonly unknown[], next?: string): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion, ...(next && { continue: next }) }, items };
}

export function pod(name: string, resourceVersion: string, fields: object = {}): object {
  return { metadata: { namespace: 'shop', name, resourceVersion }, ...fields };
}

/** A line of a watch stream. */
export function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** A Status object (meta/v1). */
export function status(code: number, reason: string): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code,
    reason,
    message: `${reason} on purpose`,
  };
}
