/** Requests to upstreams over HTTP/2. */
import { type ClientHttp2Stream, constants } from 'node:http2';
import { type Call, type CallEvents, IdleError, type Message } from './exchange.ts';
import { endToEnd, endToEndTrailers, forHTTP2, type HeaderList, pairs, sendTrailers, without } from './headers.ts';
import { countStream, type Pool, type Upstream } from './upstreams.ts';

/** Sends a request on a shared connection; undefined when the upstream has no room for one more. */
export function callHTTP2(pool: Pool, upstream: Upstream, message: Message, events: CallEvents): Call | undefined {
  const session = pool.session(upstream);
  if (session === undefined) return undefined;
  const cancel = new AbortController();
  const options = { endStream: !message.hasBody, waitForTrailers: message.hasBody, signal: cancel.signal };
  const stream = session.request(headersOf(message), options);
  countStream(session, stream);
  listen(stream, message, events);
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

function listen(stream: ClientHttp2Stream, message: Message, events: CallEvents): void {
  let trailers: HeaderList = [];
  let failed = false;
  const fail = (error: Error) => {
    if (!failed) events.failed(error);
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
    const ends = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    events.answered({
      head: { status: Number(headers[':status']), headers: plain(raw), ends },
      body: stream,
      trailers: () => trailers,
      isWhole: () => stream.rstCode === constants.NGHTTP2_NO_ERROR,
    });
  });
  stream.on('error', fail);
  stream.once('close', () => {
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR)
      fail(new Error(`the upstream reset the stream: ${stream.rstCode}`));
  });
}

function plain(raw: unknown): HeaderList {
  return endToEnd(pairs(raw as string[])).filter(([name]) => !name.startsWith(':'));
}
