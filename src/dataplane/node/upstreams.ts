/** Connections to upstreams: kept while they are in use, and a while after. */
import { Agent, type RequestOptions } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Duplex } from 'node:stream';

/** Connections at once, and those kept without a request, for each upstream. */
const connectionsMax = 1024;
const idleMax = 128;
/** HTTP/2 connections to one upstream, and those to all that serve one call each. */
const sessionsMax = 16;
const ownSessionsMax = 128;

/** Largest head over HTTP/2 that is read, in bytes as RFC 9113 (6.5.2) counts: what is shorter is for others to refuse. */
export const headListMaxBytes = 256 * 1024;

/** Options of both ends of HTTP/2: heads are as large as over HTTP/1.1, and a field may stand twice that should not. */
export const http2Limits = {
  maxHeaderListPairs: 20_000,
  maxSendHeaderBlockLength: headListMaxBytes,
  strictSingleValueFields: false,
};

/** Somewhere that can be dialled. Upstreams with equal keys share connections. */
export interface Upstream {
  readonly key: string;
  /** Another sidecar, which takes trailers and interim answers from one that says so: see `plainly` in inbound.ts. */
  readonly isSidecar: boolean;
  /** Begins a new connection; failures come as its `error` event. Only raw TCP needs half-open connections. */
  readonly dial: (allowHalfOpen: boolean) => Duplex;
}

/** Options of a request that goes through the pool's agent. */
export type PooledOptions = RequestOptions & { readonly upstream: Upstream };

export interface Pool {
  /** Keeps HTTP/1.1 connections. */
  readonly agent: Agent;
  /** An HTTP/2 connection with room for one more stream; undefined when there are too many. */
  session(upstream: Upstream): ClientHttp2Session | undefined;
  /** An HTTP/2 connection that nobody else gets; undefined when there are too many. Whoever uses it closes it. */
  ownSession(upstream: Upstream): ClientHttp2Session | undefined;
  close(): void;
}

/** @param idleMs how long a connection without a request is kept: shorter than the other side keeps it */
export function createPool(idleMs: number): Pool {
  const agent = new Agent({ keepAlive: true, timeout: idleMs, maxSockets: connectionsMax, maxFreeSockets: idleMax });
  agent.getName = options => (options as PooledOptions).upstream.key;
  agent.createConnection = options => dialHTTP1((options as PooledOptions).upstream);
  const sessions = new Map<string, ClientHttp2Session[]>();
  let own = 0;
  return {
    agent,
    session: upstream => sessionWithRoom(sessions, upstream, idleMs),
    ownSession(upstream) {
      if (own >= ownSessionsMax) return undefined;
      own += 1;
      const released = () => {
        own -= 1;
      };
      return openSession(upstream, idleMs)
        .on('error', () => undefined)
        .once('close', released);
    },
    close() {
      // Connections in use finish what they do.
      agent.maxFreeSockets = 0;
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
      for (const session of [...sessions.values()].flat()) session.close();
    },
  };
}

interface Use {
  /** Calls that are under way. */
  streams: number;
  /** The other side has spoken HTTP/2. */
  isAnswered: boolean;
  /** Closes the session. It has no more calls once this is there. */
  close: (() => void) | undefined;
}

const uses = new WeakMap<ClientHttp2Session, Use>();

function useOf(session: ClientHttp2Session): Use {
  const use = uses.get(session) ?? { streams: 0, isAnswered: false, close: undefined };
  uses.set(session, use);
  return use;
}

/** Counts a stream on its session for as long as it is open. */
export function countStream(session: ClientHttp2Session, stream: Duplex): void {
  const use = useOf(session);
  use.streams += 1;
  stream.once('close', () => {
    use.streams -= 1;
    if (use.streams === 0) use.close?.();
  });
}

/** Whether a connection that the other side had taken has ended, with the calls on it. */
export function wasLost(session: ClientHttp2Session): boolean {
  return session.destroyed && useOf(session).isAnswered;
}

/**
 * Has `close` wait for the last call. Node would send a GOAWAY first, also when one has come, and after that it does
 * not say when the other side breaks the protocol: calls would wait for ever.
 */
function closeLate(session: ClientHttp2Session): void {
  const close = session.close.bind(session);
  session.close = () => {
    const use = useOf(session);
    use.close = close;
    if (use.streams === 0) close();
  };
}

function sessionWithRoom(
  sessions: Map<string, ClientHttp2Session[]>,
  upstream: Upstream,
  idleMs: number,
): ClientHttp2Session | undefined {
  const open = sessions.get(upstream.key) ?? [];
  const free = open.find(session => useOf(session).streams < roomOf(session));
  if (free !== undefined || open.length >= sessionsMax) return free;
  const session = openSession(upstream, idleMs);
  sessions.set(upstream.key, [...open, session]);
  const forget = () => {
    const rest = (sessions.get(upstream.key) ?? []).filter(other => other !== session);
    if (rest.length === 0) sessions.delete(upstream.key);
    else sessions.set(upstream.key, rest);
  };
  session.once('close', forget).once('goaway', forget).on('error', forget);
  return session;
}

/** What the peer allows (RFC 9113, 5.1.2); before its settings have come, the 100 that every server should allow. */
function roomOf(session: ClientHttp2Session): number {
  if (session.closed || session.destroyed || useOf(session).close !== undefined) return 0;
  return session.connecting ? 100 : (session.remoteSettings?.maxConcurrentStreams ?? 100);
}

/** A connection for HTTP/1.1, whose head node:http writes without saying that it is bytes, not UTF-8 (RFC 9110, 5.5). */
export function dialHTTP1(upstream: Upstream): Duplex {
  const socket = upstream.dial(false);
  socket.setDefaultEncoding('latin1');
  readBehindFailures(socket);
  return socket;
}

/** Time that an answer has to come when writing its request has failed. */
const behindFailureMs = 1000;

/**
 * An upstream may answer before it has the whole request, and close (RFC 9112, 9.6). Then writing fails while its answer is
 * still to be read, so the failure waits for that, a second at most.
 */
function readBehindFailures(socket: Duplex): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const late = (callback: Callback) => (error?: Error | null) => {
    if (!error || socket.readableEnded || socket.destroyed) return callback(error);
    const tell = () => socket.destroy(error);
    const timer = setTimeout(tell, behindFailureMs);
    socket.once('end', tell).once('close', () => clearTimeout(timer));
  };
  socket._write = (chunk, encoding, callback) => write(chunk, encoding, late(callback));
  if (writev !== undefined) socket._writev = (chunks, callback) => writev(chunks, late(callback));
}

type Callback = (error?: Error | null) => void;

function openSession(upstream: Upstream, idleMs: number): ClientHttp2Session {
  const session = connect('http://upstream', {
    ...http2Limits,
    createConnection: () => upstream.dial(false),
    settings: { enablePush: false, maxHeaderListSize: headListMaxBytes },
  });
  closeLate(session);
  session.once('remoteSettings', () => {
    useOf(session).isAnswered = true;
  });
  session.setTimeout(idleMs, () => useOf(session).streams === 0 && session.close());
  return session;
}
