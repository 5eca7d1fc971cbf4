/** Requests to upstreams over HTTP/2. */
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { type Call, type CallEvents, IdleError, type Message, RefusedError } from './exchange.ts';
import { endToEnd, endToEndTrailers, forHTTP2, type HeaderList, has, pairs, sendTrailers, without } from './headers.ts';
import { watchEnd } from './stream-end.ts';
import { countStream, type Pool, type Upstream, wasLost } from './upstreams.ts';

/**
 * Sends a request on a shared connection; undefined when the upstream has no room for one more. A GET or
 * HEAD without a body and without a byte of an answer is sent once more (RFC 9110, 9.2.2) when the upstream has not
 * looked at it, when a connection ends that was in use, and on a connection of its own when another call broke the
 * protocol: that ends a connection with all its calls, in Node also where one stream should end (RFC 9113, 5.4.2).
 */
export function callHTTP2(pool: Pool, upstream: Upstream, message: Message, events: CallEvents): Call | undefined {
  const session = pool.session(upstream);
  if (session === undefined) return undefined;
  let mayRepeat = !message.hasBody && ['GET', 'HEAD'].includes(message.method);
  let current = attempt(session, upstream, message, {
    ...events,
    informed(status, headers) {
      mayRepeat = false;
      events.informed(status, headers);
    },
    answered(answer) {
      mayRepeat = false;
      events.answered(answer);
    },
    failed(error) {
      const isAlone = isProtocolError(error);
      const isNoFault = isAlone || error instanceof RefusedError || wasLost(session);
      const next = mayRepeat && isNoFault ? (isAlone ? pool.ownSession : pool.session)(upstream) : undefined;
      if (next === undefined) return events.failed(error);
      current = attempt(next, upstream, message, events);
      if (isAlone) next.close();
    },
  });
  return {
    get stream() {
      return current.stream;
    },
    finish: trailers => current.finish(trailers),
    abort() {
      mayRepeat = false;
      current.abort();
    },
  };
}

/** What Node says to every call of a connection on which something broke the protocol. */
function isProtocolError(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ERR_HTTP2_ERROR';
}

function attempt(session: ClientHttp2Session, { isSidecar }: Upstream, message: Message, events: CallEvents): Call {
  const cancel = new AbortController();
  const options = { endStream: !message.hasBody, waitForTrailers: message.hasBody, signal: cancel.signal };
  const stream = session.request(headersOf(message), options);
  countStream(session, stream);
  listen(stream, message, events);
  if (has(message.headers, 'expect'))
    tellToGoOn(stream, events, isSidecar ? continueAfterMs.sidecar : continueAfterMs.app);
  let last: HeaderList = [];
  stream.once('wantTrailers', () => sendTrailers(stream, last));
  return {
    stream,
    finish(trailers) {
      last = trailers;
      stream.end();
    },
    // Resets the stream at once: `close` would end the body in good order first.
    abort: () => cancel.abort(),
  };
}

function headersOf(message: Message): Record<string, string | string[]> {
  return {
    ...forHTTP2(without(message.headers, 'host')),
    ...(message.takesTrailers ? { te: 'trailers' } : {}),
    ':method': message.method,
    ':path': message.target,
    ':authority': message.authority,
    ':scheme': 'http',
  };
}

/**
 * Milliseconds after which a client that waits for a 100 goes on, as clients do by themselves (RFC 9110, 10.1.1). The sidecar of an app
 * says so first.
 */
const continueAfterMs = { app: 1000, sidecar: 1500 };

/** Another proxy on the way may not pass a 100 on; Pipy cannot over HTTP/2. */
function tellToGoOn(stream: ClientHttp2Stream, events: CallEvents, afterMs: number): void {
  const timer = setTimeout(() => events.informed(100, []), afterMs);
  for (const event of ['headers', 'response', 'close']) stream.once(event, () => clearTimeout(timer));
}

function listen(stream: ClientHttp2Stream, message: Message, events: CallEvents): void {
  let trailers: HeaderList = [];
  let [begun, failed] = [false, false];
  const isWhole = watchEnd(stream);
  const fail = (error: Error) => {
    const isRefused = !begun && stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    if (!failed) events.failed(isRefused ? new RefusedError('it did not look at the call') : error);
    failed = true;
  };
  stream.setTimeout(message.idleTimeoutMs, () => {
    fail(new IdleError('the upstream was silent for too long'));
    stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('headers', (headers, _flags, raw) => events.informed(Number(headers[':status']), plain(raw)));
  stream.on('trailers', (_headers, _flags, raw) => {
    trailers = endToEndTrailers(pairs(raw as unknown as string[]));
  });
  stream.on('response', (headers, flags, raw) => {
    begun = true;
    const ends = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    events.answered({
      head: { status: Number(headers[':status']), headers: plain(raw), ends },
      body: stream,
      trailers: () => trailers,
      isWhole,
    });
  });
  stream.on('error', fail);
  // Node waits for the end of what is sent, which nobody takes any more once the stream was reset without an error.
  stream.once('end', () => stream.closed && stream.destroy());
  stream.once('close', () => {
    // NO_ERROR means that nothing more is to come (RFC 9113, 8.1), which is no answer when nothing came.
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || !begun)
      fail(new Error(`the upstream reset the stream: ${stream.rstCode}`));
  });
}

function plain(raw: unknown): HeaderList {
  return endToEnd(pairs(raw as string[])).filter(([name]) => !name.startsWith(':'));
}
