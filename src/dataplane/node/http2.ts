/** The HTTP/2 side that clients see (RFC 9113), with prior knowledge only. */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Exchange, ResponseHead, Sink } from './exchange.ts';
import { guarded } from './guard.ts';
import {
  endToEnd,
  endToEndTrailers,
  forHTTP2,
  type HeaderList,
  pairs,
  sendTrailers,
  valuesOf,
  without,
} from './headers.ts';
import { type Told, textOf } from './refuse.ts';
import { watchEnd } from './stream-end.ts';
import { headListMaxBytes, http2Limits } from './upstreams.ts';

/** Largest head of a request, in bytes, as over HTTP/1.1. */
const headMaxBytes = 64 * 1024;

/** Time that a client has to close a connection once it was told. */
const lingerMs = 5000;

/** Requests at once on one connection. */
const streamsMax = 1000;

export interface HTTP2Handlers {
  exchange(exchange: Exchange, socket: Duplex): void;
  /** A request was refused for its form. */
  malformed(status: number, error: Error, socket: Duplex): void;
  /** Something threw that never should; its stream is being reset. */
  unexpected(error: Error): void;
}

export interface HTTP2Server {
  serve(socket: Duplex): void;
  /** Tells clients to open no more streams; a connection closes after its last one. */
  drain(): void;
}

/** Serves connections that were accepted elsewhere; one without streams is closed after `idleMs`. */
export function createHTTP2Server(handlers: HTTP2Handlers, idleMs: () => number): HTTP2Server {
  const sessions = new Set<ServerHttp2Session>();
  return {
    serve(socket) {
      // In HTTP/2 an end without GOAWAY is the end of every stream: nothing can be half open.
      socket.allowHalfOpen = false;
      const session = performServerHandshake(socket, {
        ...http2Limits,
        settings: { maxConcurrentStreams: streamsMax, enablePush: false, maxHeaderListSize: headListMaxBytes },
      });
      sessions.add(session);
      closeWhenIdle(session, socket, idleMs);
      session.on('error', () => session.destroy()).once('close', () => sessions.delete(session));
      session.on('stream', (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: string[]) => {
        const ends = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
        const failed = (error: Error) => {
          stream.destroy(error);
          handlers.unexpected(error);
        };
        guarded(() => serveStream(handlers, stream, socket, pairs(raw), ends), failed)();
      });
    },
    drain() {
      for (const session of sessions) session.close();
    },
  };
}

/** Closes a connection that had no stream for so long, whatever else came on it: half a head, or pings. */
function closeWhenIdle(session: ServerHttp2Session, socket: Duplex, idleMs: () => number): void {
  let streams = 0;
  const close = () => {
    session.close();
    // It waits for the client to close too.
    timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  };
  let timer = setTimeout(close, idleMs()).unref();
  session.on('stream', (stream: ServerHttp2Stream) => {
    streams += 1;
    clearTimeout(timer);
    stream.once('close', () => {
      streams -= 1;
      if (streams === 0 && !session.closed) timer = setTimeout(close, idleMs()).unref();
    });
  });
  socket.once('close', () => clearTimeout(timer));
}

function first(list: HeaderList, name: string): string {
  return list.find(([key]) => key === name)?.[1] ?? '';
}

/** What nghttp2 takes and a proxy must not pass on (RFC 9113, 8.3.1 and 8.5). */
function unusable(list: HeaderList): Told | undefined {
  if (first(list, ':path') === '' || first(list, ':method') === 'CONNECT')
    return { status: 501, reason: 'connect', detail: 'A sidecar makes no tunnels over HTTP/2.' };
  const [host, ...others] = valuesOf(list, 'host');
  const authority = first(list, ':authority').toLowerCase() || host;
  if (others.length > 0 || (host !== undefined && host !== authority))
    return { status: 400, reason: 'malformed', detail: 'The request names more than one host.' };
  if (sizeOf(list) > headMaxBytes) return { status: 431, reason: 'malformed', detail: 'The head is too long.' };
  return undefined;
}

function refuseStream(stream: ServerHttp2Stream, told: Told): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ':status': told.status, 'content-type': 'text/plain; charset=utf-8' });
  readAll(stream);
  if (!stream.writableEnded) stream.end(textOf(told));
}

/**
 * Reads what nobody has begun to read. Node resets a stream with NO_ERROR that is answered and unread, and may do so
 * before the end of the answer has left: then it is no whole one.
 */
function readAll(stream: ServerHttp2Stream): void {
  if (stream.readableFlowing === null) stream.resume();
}

function serveStream(
  handlers: HTTP2Handlers,
  stream: ServerHttp2Stream,
  socket: Duplex,
  list: HeaderList,
  ends: boolean,
) {
  stream.on('error', () => stream.destroy());
  const told = unusable(list);
  if (told !== undefined) {
    handlers.malformed(told.status, new Error(told.detail), socket);
    return refuseStream(stream, told);
  }
  const plain = list.filter(([name]) => !name.startsWith(':'));
  let trailers: HeaderList = [];
  let finished = false;
  const isWhole = ends ? () => true : watchEnd(stream);
  stream.once('trailers', (_headers: unknown, _flags: unknown, raw?: string[]) => {
    trailers = endToEndTrailers(pairs(raw ?? []));
  });
  handlers.exchange(
    {
      version: 2,
      method: first(list, ':method'),
      target: first(list, ':path'),
      authority: first(list, ':authority') || first(list, 'host'),
      headers: without(endToEnd(plain), 'host'),
      hasBody: !ends,
      takesTrailers: valuesOf(plain, 'te').includes('trailers'),
      upgrade: false,
      body: stream,
      isWhole: () => isWhole() && !stream.destroyed,
      trailers: () => trailers,
      inform: (status, headers) => inform(stream, status, headers),
      respond: head =>
        respond(stream, head, () => {
          finished = true;
        }),
      switchProtocols: () => stream.destroy(),
      // `close` would end the body in good order before it resets the stream.
      abort: () => stream.destroy(new Error('the response was broken off')),
      giveBack: () => stream.close(constants.NGHTTP2_REFUSED_STREAM),
      onGone: listener =>
        void stream.once('close', () => (finished && stream.rstCode === constants.NGHTTP2_NO_ERROR) || listener()),
    },
    socket,
  );
}

/** As RFC 9113 counts (6.5.2), without what it adds for each field. */
function sizeOf(list: HeaderList): number {
  return list.reduce((size, [name, value]) => size + name.length + value.length + 4, 0);
}

function inform(stream: ServerHttp2Stream, status: number, headers: HeaderList): void {
  if (stream.headersSent || stream.destroyed || stream.closed) return;
  stream.additionalHeaders({ ...forHTTP2(headers), ':status': status });
}

function respond(stream: ServerHttp2Stream, head: ResponseHead, finished: () => void): Sink {
  let last: HeaderList = [];
  stream.once('wantTrailers', () => sendTrailers(stream, last));
  if (!stream.destroyed && !stream.closed) {
    const options = { endStream: head.ends, waitForTrailers: !head.ends, sendDate: false };
    stream.respond({ ...forHTTP2(head.headers), ':status': head.status }, options);
  }
  return {
    stream,
    finish: trailers => {
      last = trailers;
      finished();
      readAll(stream);
      stream.end();
    },
  };
}
