/** The way to the app: peers prove who they are, the policy says what they may. */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket } from 'node:tls';
import type { Protocol } from '../../engine/config.ts';
import * as policy from '../policy/policy.js';
import { speaksHTTP2 } from '../policy/protocols.js';
import type { InboundDecision, Refusal } from '../policy/types.ts';
import { detectProtocol } from './detect.ts';
import { connected, dnsNamesOf, plainUpstream } from './dial.ts';
import type { Exchange } from './exchange.ts';
import { forward } from './forward.ts';
import { logUnexpected } from './guard.ts';
import { createHTTP1Server, type HTTP1Server } from './http1.ts';
import { createHTTP2Server, type HTTP2Server } from './http2.ts';
import { refuse } from './refuse.ts';
import { describeRequest, failureFields, fieldsOf, idleTimeoutMs, onFailure, type Shell, type Side } from './shell.ts';
import { reset, splice } from './tcp.ts';
import { createPool, type Pool, type Upstream } from './upstreams.ts';

const handshakeTimeoutMs = 10_000;

/** Many servers close a connection after five silent seconds (Node's default), and a race would fail a request. */
const keptIdleMs = 4000;

/** A client keeps connections for less than this: it should be the one that closes them. */
const graceMs = 15_000;

export interface Inbound extends Side {
  /** Takes a connection to a port of this pod. */
  accept(socket: Socket): void;
}

interface Peer {
  readonly port: number;
  readonly principal: string;
}

interface Context {
  readonly shell: Shell;
  readonly pool: Pool;
  readonly peers: WeakMap<Duplex, Peer>;
  readonly http1: HTTP1Server;
  readonly http2: HTTP2Server;
}

/** Makes the inbound side. One TLS server stands behind all ports, so a certificate is read once. */
export function createInbound(shell: Shell): Inbound {
  const { options } = shell.credentials.tls();
  const server = createServer({
    ...options,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
  });
  shell.credentials.onChange(() => server.setSecureContext(shell.credentials.tls().options));
  const context = createContext(shell);
  server.on('secureConnection', socket => serve(context, socket));
  server.on('tlsClientError', (error, socket) => {
    const detail = `${error.message} (from ${socket.remoteAddress ?? 'a closed connection'})`;
    shell.log('warn', 'a connection was refused', { direction: 'inbound', reason: 'no-identity', detail });
  });
  return {
    accept(socket) {
      // A client that ends before it is known has said nothing to wait for.
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    },
    drain() {
      context.http1.drain();
      context.http2.drain();
      context.pool.close();
    },
  };
}

function createContext(shell: Shell): Context {
  const exchange = (each: Exchange, socket: Duplex) => admit(context, each, context.peers.get(socket));
  const keepAliveMs = () => idleTimeoutMs(shell) + graceMs;
  const malformed = (status: number, error: Error, socket: Duplex) =>
    shell.log('warn', 'a request was malformed', {
      direction: 'inbound',
      principal: context.peers.get(socket)?.principal,
      status,
      reason: 'malformed',
      detail: error.message,
    });
  const unexpected = (error: Error) => void logUnexpected(shell.log, 'inbound', error);
  const http1 = createHTTP1Server(
    { exchange, malformed, unexpected, connect: (_authority, socket) => socket.destroy() },
    keepAliveMs,
  );
  const http2 = createHTTP2Server({ exchange, malformed, unexpected }, keepAliveMs);
  const context: Context = { shell, pool: createPool(keptIdleMs), peers: new WeakMap(), http1, http2 };
  return context;
}

function serve(context: Context, socket: TLSSocket): void {
  const { shell } = context;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  // The end may have come with the last of the handshake.
  if (socket.readableEnded) return void socket.destroy();
  socket.allowHalfOpen = true;
  const tables = shell.tables();
  const port = socket.localPort ?? 0;
  if (tables === null) return void socket.destroy();
  const principal = policy.principalOf(dnsNamesOf(socket.getPeerCertificate()), tables.settings.trustDomain);
  context.peers.set(socket, { port, principal });
  const protocol = tables.inboundPorts.find(served => served.port === port)?.protocol ?? 'tcp';
  if (!policy.speaksHTTP(protocol)) {
    void admitTCP(context, socket, { port, principal });
    return;
  }
  detectProtocol(socket, idleTimeoutMs(shell) + graceMs, detected => {
    if (detected === 'http1') context.http1.serve(socket);
    else if (detected === 'http2') context.http2.serve(socket);
    else void admitTCP(context, socket, { port, principal });
  });
}

function admit({ shell, pool }: Context, exchange: Exchange, peer: Peer | undefined): void {
  const tables = shell.tables();
  if (peer === undefined || tables === null) {
    exchange.abort();
    return;
  }
  const { port, principal } = peer;
  const decision =
    policy.targetFault(exchange.method, exchange.target) ??
    policy.admitRequest(tables, port, principal, describeRequest(exchange));
  const fields = { direction: 'inbound', principal, port };
  if (decision.action === 'refuse') {
    const { status, reason, detail } = decision;
    shell.log('warn', 'a request was refused', { ...fields, ...fieldsOf(exchange), status, reason, detail });
    refuse(exchange, { status, reason, detail });
    return;
  }
  forward(plainly(exchange), {
    pool,
    upstream: appOf(shell, decision),
    version: versionFor(exchange, decision.protocol),
    idleTimeoutMs: idleTimeoutMs(shell),
    ...onFailure(shell, exchange, fields),
  });
}

/**
 * Between sidecars TE (RFC 9110, 10.1.4) says of a hop over HTTP/1.1 that trailers and every interim answer are taken: Node
 * sidecars say it, Pipy, which would read both for something else, does not.
 */
function plainly(exchange: Exchange): Exchange {
  if (exchange.version === 2 || exchange.takesTrailers) return exchange;
  return {
    ...exchange,
    inform: (status, headers) => status === 100 && exchange.inform(status, headers),
    respond(head) {
      const sink = exchange.respond(head);
      return { stream: sink.stream, finish: () => sink.finish([]) };
    },
  };
}

function versionFor(exchange: Exchange, protocol: Protocol): 1 | 2 {
  if (exchange.upgrade) return 1;
  return speaksHTTP2(protocol) ? 2 : exchange.version;
}

function appOf(shell: Shell, decision: Exclude<InboundDecision, Refusal>): Upstream {
  return plainUpstream(`${shell.appAddress}:${decision.port}`);
}

async function admitTCP({ shell }: Context, socket: Duplex, { port, principal }: Peer): Promise<void> {
  const tables = shell.tables();
  const fields = { direction: 'inbound', principal, port };
  if (tables === null) return reset(socket);
  const decision = policy.admitConnection(tables, port, principal);
  if (decision.action === 'refuse') {
    const { reason, detail } = decision;
    shell.log('warn', 'a connection was refused', { ...fields, reason, detail });
    return reset(socket);
  }
  try {
    splice(socket, await connected(appOf(shell, decision)), idleTimeoutMs(shell), () => undefined);
  } catch (error) {
    shell.log('warn', 'an upstream failed', { ...fields, ...failureFields(error as Error) });
    reset(socket);
  }
}
