/** Connections to upstreams: kept while they are in use, and a while after. */
import { Agent, type RequestOptions } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Duplex } from 'node:stream';

/** Connections at once, and those kept without a request, for each upstream. */
const connectionsMax = 1024;
const idleMax = 128;
/** HTTP/2 connections to one upstream. */
const sessionsMax = 16;

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
  close(): void;
}

/** @param idleMs how long a connection without a request is kept: shorter than the other side keeps it */
export function createPool(idleMs: number): Pool {
  const agent = new Agent({ keepAlive: true, timeout: idleMs, maxSockets: connectionsMax, maxFreeSockets: idleMax });
  agent.getName = options => (options as PooledOptions).upstream.key;
  agent.createConnection = options => dialHTTP1((options as PooledOptions).upstream);
  const sessions = new Map<string, ClientHttp2Session[]>();
  return {
    agent,
    session: upstream => sessionWithRoom(sessions, upstream, idleMs),
    close() {
      // Connections in use finish what they do.
      agent.maxFreeSockets = 0;
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
      for (const session of [...sessions.values()].flat()) session.close();
    },
  };
}

const streamsOf = new WeakMap<ClientHttp2Session, number>();

/** Counts a stream on its session for as long as it is open. */
export function countStream(session: ClientHttp2Session, stream: Duplex): void {
  const add = (change: number) => streamsOf.set(session, (streamsOf.get(session) ?? 0) + change);
  add(1);
  stream.once('close', () => add(-1));
}

function sessionWithRoom(
  sessions: Map<string, ClientHttp2Session[]>,
  upstream: Upstream,
  idleMs: number,
): ClientHttp2Session | undefined {
  const open = sessions.get(upstream.key) ?? [];
  const free = open.find(session => (streamsOf.get(session) ?? 0) < roomOf(session));
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
  if (session.closed || session.destroyed) return 0;
  return session.connecting ? 100 : (session.remoteSettings?.maxConcurrentStreams ?? 100);
}

/** A connection for HTTP/1.1, whose head node:http writes without saying that it is bytes, not UTF-8 (RFC 9110, 5.5). */
export function dialHTTP1(upstream: Upstream): Duplex {
  const socket = upstream.dial(false);
  socket.setDefaultEncoding('latin1');
  return socket;
}

function openSession(upstream: Upstream, idleMs: number): ClientHttp2Session {
  const session = connect('http://upstream', {
    ...http2Limits,
    createConnection: () => upstream.dial(false),
    settings: { enablePush: false, maxHeaderListSize: headListMaxBytes },
  });
  session.setTimeout(idleMs, () => (streamsOf.get(session) ?? 0) === 0 && session.close());
  return session;
}
