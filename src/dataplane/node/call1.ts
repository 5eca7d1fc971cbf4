/** Requests to upstreams over HTTP/1.1. */
import { type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Answer, type Call, type CallEvents, IdleError, type Message } from './exchange.ts';
import { endToEnd, endToEndTrailers, forHTTP1, forTrailers, type HeaderList, has, pairs, valuesOf } from './headers.ts';
import { dialHTTP1, type Pool, type PooledOptions, type Upstream } from './upstreams.ts';

const headMaxBytes = 64 * 1024;

/**
 * Sends a request. A GET or HEAD without a body, on a kept connection that turns out to be closed, is sent once more
 * on a new one (RFC 9110, 9.2.2; RFC 9112, 9.3.1); nothing else is sent twice.
 */
export function callHTTP1(pool: Pool, upstream: Upstream, message: Message, events: CallEvents): Call {
  let mayRepeat = !message.hasBody && !message.upgrade && ['GET', 'HEAD'].includes(message.method);
  let current = attempt(pool, upstream, message, {
    ...events,
    answered(answer) {
      mayRepeat = false;
      events.answered(answer);
    },
    failed(error) {
      if (!mayRepeat || !wasStale(current, error)) return events.failed(error);
      current = attempt(undefined, upstream, message, events);
      current.end();
    },
  });
  return {
    get stream() {
      return current;
    },
    finish(trailers) {
      if (trailers.length > 0) current.addTrailers(forTrailers(trailers));
      current.end();
    },
    abort() {
      mayRepeat = false;
      current.destroy();
    },
  };
}

/** The other side had closed the connection before the request came: not a byte of an answer was read. */
function wasStale(request: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '');
}

/** One sending, on a kept connection or, without a pool, on one of its own. */
function attempt(pool: Pool | undefined, upstream: Upstream, message: Message, events: CallEvents): ClientRequest {
  const options = {
    method: message.method,
    path: message.target,
    headers: forHTTP1(headersOf(message, upstream), isChunked(message)),
    timeout: message.idleTimeoutMs,
    maxHeaderSize: headMaxBytes,
    // What an app does with a connection whose upgrade it declines is its own.
    ...(pool === undefined || message.upgrade
      ? { createConnection: () => dialHTTP1(upstream) }
      : { agent: pool.agent, upstream }),
  } as unknown as PooledOptions;
  const request = send(options);
  let answer: IncomingMessage | undefined;
  request.on('response', response => {
    answer = response;
    response.once('end', () => goOnDraining(request));
    answered(response, events, message.method);
  });
  request.on('continue', () => events.informed(100, []));
  request.on(
    'information',
    info => info.statusCode !== 100 && events.informed(info.statusCode, endToEnd(pairs(info.rawHeaders))),
  );
  request.on('upgrade', (response, socket, head) => switched(response, socket, head, events));
  request.on('timeout', () => request.destroy(new IdleError('the upstream was silent for too long')));
  request.on('error', error => answer?.complete || events.failed(error));
  if (message.hasBody) request.flushHeaders();
  return request;
}

/** Once an answer has ended Node tells its request no more that there is room again, though not all may have been sent. */
function goOnDraining(request: ClientRequest): void {
  const { socket } = request;
  if (request.writableFinished || socket === null) return;
  const drained = () => void request.emit('drain');
  socket.on('drain', drained);
  request.once('close', () => socket.off('drain', drained));
}

function isChunked({ hasBody, headers }: Message): boolean {
  return hasBody && !has(headers, 'content-length');
}

/** Methods whose requests need not say that they have no body (RFC 9110, 8.6); of others without a length Node makes chunks. */
const bodyless = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];

function headersOf(message: Message, { isSidecar }: Upstream): HeaderList {
  const headers: [string, string][] = [['Host', message.authority]];
  for (const [name, value] of message.headers) headers.push([name, value]);
  if (isSidecar) headers.push(['TE', 'trailers']);
  if (isChunked(message)) headers.push(['Transfer-Encoding', 'chunked']);
  if (!message.hasBody && !bodyless.includes(message.method) && !has(message.headers, 'content-length')) {
    headers.push(['Content-Length', '0']);
  }
  if (message.upgrade) headers.push(['Connection', 'Upgrade'], ['Upgrade', 'websocket']);
  return headers;
}

function answered(response: IncomingMessage, events: CallEvents, method: string): void {
  const status = response.statusCode ?? 502;
  response.on('error', events.failed);
  // Node's parser takes any other coding for a body that lasts until the end (RFC 9112, 6.1).
  const codings = valuesOf(pairs(response.rawHeaders), 'transfer-encoding');
  if (codings.length > 0 && codings.join().trim() !== 'chunked') {
    response.destroy(new Error(`the upstream's transfer coding is ${codings.join()}, not chunked`));
    return;
  }
  const answer: Answer = {
    head: { status, headers: endToEnd(pairs(response.rawHeaders)), ends: isBodyless(method, status) },
    body: response,
    trailers: () => endToEndTrailers(pairs(response.rawTrailers)),
    isWhole: () => response.complete,
  };
  events.answered(answer);
}

/** RFC 9112, 6.3. */
function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

function switched(response: IncomingMessage, socket: Duplex, head: Buffer, events: CallEvents): void {
  if (head.length > 0) socket.unshift(head);
  events.switched(endToEnd(pairs(response.rawHeaders)), socket);
}
