/** The control plane's one TLS port: enrolment by ALPN `http/1.1`, push by ALPN `fsm-push/1`. */
import { constants } from 'node:crypto';
import { createServer as createHTTPServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type Problem, ProblemError } from '../../api/problem.ts';
import { pushProtocol } from './protocol.ts';
import type { Peer } from './server.ts';

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Server certificate, of the control root. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** Roots that vouch for proxies. */
  readonly roots: readonly string[];
  /** Who a verified certificate speaks of. */
  identify(
    socket: TLSSocket,
  ): { readonly ok: true; readonly peer: Peer } | { readonly ok: false; readonly problem: Problem };
  onPush(socket: TLSSocket, peer: Peer): void;
  readonly onRequest: RequestListener;
  /** A connection that was refused, or broke before it was anything. */
  onRefused(problem: Problem, remoteAddress: string): void;
}

export interface Listener {
  readonly port: number;
  /** New connections see another server certificate or other roots; open ones stay. */
  renew(certificate: { readonly cert: string; readonly key: string }, roots: readonly string[]): void;
  close(): Promise<void>;
}

/** @throws ProblemError FSM6001 when the port is in use */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const http = createHTTPServer({ keepAliveTimeout: 5_000, requestTimeout: 30_000 }, options.onRequest);
  const server = createServer(contextOf(options.certificate, options.roots), socket => accept(socket, options, http));
  server.on('tlsClientError', (error, socket) => options.onRefused(broken(error), socket.remoteAddress ?? ''));
  await bound(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    renew: (certificate, roots) => server.setSecureContext(contextOf(certificate, roots)),
    close: () =>
      new Promise(resolve => {
        http.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/**
 * A client certificate is asked for and not required: a proxy that enrols has none. Push looks at `authorized`.
 * No session tickets: a resumed session would skip the look at the certificate and its time.
 */
function contextOf({ cert, key }: { cert: string; key: string }, roots: readonly string[]) {
  return {
    cert,
    key,
    ca: [...roots],
    minVersion: 'TLSv1.3' as const,
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: [pushProtocol, 'http/1.1'],
    handshakeTimeout: 10_000,
  };
}

function accept(socket: TLSSocket, options: ListenerOptions, http: ReturnType<typeof createHTTPServer>): void {
  socket.on('error', () => socket.destroy());
  if (socket.alpnProtocol !== pushProtocol) {
    http.emit('connection', socket);
    return;
  }
  const found = socket.authorized ? options.identify(socket) : { ok: false as const, problem: unverified(socket) };
  if (found.ok) return options.onPush(socket, found.peer);
  options.onRefused(found.problem, socket.remoteAddress ?? '');
  socket.destroy();
}

/** Connections that wait to be accepted: all proxies of a mesh come at once when their control plane comes back. */
const backlogMax = 4096;

function bound(server: Server, { host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(cannotListen(error, host, port)));
    server.listen({ port, host, backlog: backlogMax }, () => resolve());
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code !== 'EADDRINUSE') return error;
  return new ProblemError({
    code: 'FSM6001',
    path: '',
    what: `${host}:${port} is in use`,
    why: 'proxies enrol and get their configuration there',
    fix: 'end the program that listens there, or choose another port',
  });
}

function unverified(socket: TLSSocket): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `the proxy's certificate was not accepted: ${String(socket.authorizationError)}`,
    why: 'a configuration goes only to the workload that it is for',
    fix: 'let the sidecar enrol again; look at the clock of its node',
  };
}

function broken(error: Error): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `a TLS handshake failed: ${error.message}`,
    why: 'the other side does not speak TLS 1.3, or does not trust the control root',
    fix: 'look at the log of that sidecar',
  };
}
