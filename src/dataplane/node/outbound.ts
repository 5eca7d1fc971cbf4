/** The app's way out: what it sends is routed, and dialled under mutual TLS. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import * as policy from '../policy/policy.js';
import { speaksHTTP2 } from '../policy/protocols.js';
import type { OutboundDecision, OutboundDestination, Refusal } from '../policy/types.ts';
import { detectProtocol } from './detect.ts';
import { connected, meshUpstream, plainUpstream } from './dial.ts';
import { hostPort } from './environment.ts';
import type { Exchange } from './exchange.ts';
import { failureOf, forward } from './forward.ts';
import { logUnexpected } from './guard.ts';
import { createHTTP1Server, type HTTP1Server } from './http1.ts';
import { createHTTP2Server, type HTTP2Server } from './http2.ts';
import { refuse, refuseConnect } from './refuse.ts';
import { describeRequest, fieldsOf, idleTimeoutMs, onFailure, type Shell, type Side } from './shell.ts';
import { reset, splice } from './tcp.ts';
import { createPool, type Pool, type Upstream } from './upstreams.ts';

/** Shorter than the time that the other sidecar keeps a connection. */
const keptIdleMs = 30_000;

const notReady: Refusal = {
  action: 'refuse',
  status: 503,
  reason: 'no-configuration',
  detail: 'This sidecar has not got a configuration yet.',
};

export interface Outbound extends Side {
  /** Serves a connection of the pod's app. */
  accept(socket: Socket): void;
}

type Forward = Extract<OutboundDecision, { action: 'forward' | 'passthrough' }>;

interface Context {
  readonly shell: Shell;
  readonly pool: Pool;
  /** Where connections inside a CONNECT are bound for. */
  readonly destinations: WeakMap<Duplex, OutboundDestination>;
  readonly http1: HTTP1Server;
  readonly http2: HTTP2Server;
}

/** Makes the outbound side; it takes connections at once and refuses them while there is no configuration. */
export function createOutbound(shell: Shell): Outbound {
  const exchange = (each: Exchange, socket: Duplex) => route(context, each, context.destinations.get(socket) ?? {});
  const keepAliveMs = () => idleTimeoutMs(shell);
  const malformed = (status: number, error: Error) =>
    shell.log('warn', 'a request was malformed', malformedFields(status, error));
  const unexpected = (error: Error) => void logUnexpected(shell.log, 'outbound', error);
  const http1 = createHTTP1Server(
    {
      exchange,
      unexpected,
      connect: (authority, socket) => tunnel(context, authority, socket),
      malformed,
    },
    keepAliveMs,
  );
  const http2 = createHTTP2Server({ exchange, malformed, unexpected }, keepAliveMs);
  const context: Context = { shell, pool: createPool(keptIdleMs), destinations: new WeakMap(), http1, http2 };
  return {
    accept(socket) {
      serveHTTP(context, socket, () => {
        shell.log('warn', 'a connection is neither HTTP/1.1 nor HTTP/2', { direction: 'outbound' });
        socket.destroy();
      });
    },
    drain() {
      http1.drain();
      http2.drain();
      context.pool.close();
    },
  };
}

function malformedFields(status: number, error: Error) {
  return { direction: 'outbound', status, reason: 'malformed', detail: error.message };
}

function serveHTTP(context: Context, socket: Duplex, otherwise: () => void): void {
  detectProtocol(socket, idleTimeoutMs(context.shell), protocol => {
    if (protocol === 'http1') context.http1.serve(socket);
    else if (protocol === 'http2') context.http2.serve(socket);
    else otherwise();
  });
}

function route(context: Context, exchange: Exchange, destination: OutboundDestination): void {
  const { shell, pool } = context;
  const tables = shell.tables();
  const decision =
    policy.targetFault(exchange.method, exchange.target) ??
    (tables === null ? notReady : policy.routeRequest(tables, describeRequest(exchange), destination));
  if (decision.action === 'refuse') {
    refuseExchange(shell, exchange, decision);
    return;
  }
  const fields = { direction: 'outbound', target: decision.target };
  forward(exchange, {
    pool,
    upstream: upstreamOf(shell, decision),
    version: versionFor(exchange, decision),
    idleTimeoutMs: idleTimeoutMs(shell),
    ...onFailure(shell, exchange, fields),
  });
}

/** A WebSocket needs a connection of its own, and so HTTP/1.1, whatever the port speaks otherwise. */
function versionFor(exchange: Exchange, decision: Forward): 1 | 2 {
  if (exchange.upgrade) return 1;
  return decision.action === 'forward' && speaksHTTP2(decision.protocol) ? 2 : exchange.version;
}

function upstreamOf(shell: Shell, decision: Forward): Upstream {
  if (decision.action === 'passthrough') return plainUpstream(decision.target);
  const trustDomain = shell.tables()?.settings.trustDomain ?? '';
  return meshUpstream(shell.credentials, decision.endpoint, decision.target, trustDomain);
}

function refuseExchange(shell: Shell, exchange: Exchange, { status, reason, detail }: Refusal): void {
  shell.log('warn', 'a request was refused', { direction: 'outbound', ...fieldsOf(exchange), status, reason, detail });
  refuse(exchange, { status, reason, detail });
}

/** CONNECT (RFC 9110, 9.3.6): inside, what the destination's port speaks is found out as on an intercepted connection. */
function tunnel(context: Context, authority: string, socket: Duplex): void {
  const { shell } = context;
  const refused = (told: Told) => refuseTunnel(shell, socket, authority, told);
  socket.on('error', () => socket.destroy());
  const asked = hostPort(authority);
  const tables = shell.tables();
  if (asked === undefined) refused(badAuthority);
  else if (tables === null) refused(notReady);
  else {
    const decision = policy.routeConnection(tables, asked.host, asked.port);
    if (decision.action === 'refuse') refused(decision);
    else if (!isHTTP(decision)) void join(context, socket, decision, error => refused(failureOf(error)));
    else {
      socket.write(established);
      context.destinations.set(socket, { address: asked.host, port: asked.port });
      serveHTTP(context, socket, () => void join(context, socket, decision, () => reset(socket)));
    }
  }
}

function isHTTP(decision: Forward): boolean {
  return decision.action === 'forward' && policy.speaksHTTP(decision.protocol);
}

const established = 'HTTP/1.1 200 Connection Established\r\n\r\n';
const badAuthority = { status: 400, reason: 'bad-host', detail: 'The target of a CONNECT is host:port.' };

type Told = Pick<Refusal, 'status' | 'reason' | 'detail'>;

function refuseTunnel(shell: Shell, socket: Duplex, host: string, { status, reason, detail }: Told): void {
  shell.log('warn', 'a connection was refused', { direction: 'outbound', host, status, reason, detail });
  refuseConnect(socket, { status, reason, detail });
}

/** Dials, and joins the two connections; a tunnel whose bytes were not looked at is established only now. */
async function join(
  context: Context,
  socket: Duplex,
  decision: Forward,
  failed: (error: Error) => void,
): Promise<void> {
  const { shell } = context;
  try {
    const upstream = await connected(upstreamOf(shell, decision));
    if (!context.destinations.has(socket)) socket.write(established);
    splice(socket, upstream, idleTimeoutMs(shell), () => undefined);
  } catch (error) {
    const failure = failureOf(error as Error);
    shell.log('warn', 'an upstream failed', { direction: 'outbound', target: decision.target, ...failure });
    failed(error as Error);
  }
}
