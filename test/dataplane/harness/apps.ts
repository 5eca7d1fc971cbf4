/** Apps behind sidecars: servers of the test's own process, whose behaviour each test sets. */
import { once } from 'node:events';
import { createServer, type Server as HTTPServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHTTP2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTCPServer, type Socket, type Server as TCPServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { appPorts } from './mesh.ts';

/** What an app does; tests replace members, `reset` puts them back. */
export interface Behaviour {
  http(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Undefined: as an app that does not care (100 at once). */
  expect: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  grpc(stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>): void;
  tcp(socket: Socket): void;
}

export interface App {
  readonly name: string;
  readonly does: Behaviour;
  /** Requests that came, of either version of HTTP. */
  requests: number;
  reset(): void;
  close(): Promise<void>;
}

/** For `upgrade`: takes every one, says what of it came, and sends everything back. */
export function echoUpgrades({ headers }: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
  socket.write(`X-Saw: ${headers.upgrade}/${headers.connection}\r\n\r\n`);
  socket.write(head);
  socket.pipe(socket);
}

/** Says which app answered, and what came. */
function defaults(name: string): Behaviour {
  return {
    http(request, response) {
      const { method, url, rawHeaders, httpVersion } = request;
      response.setHeader('x-app', name);
      response.setHeader('content-type', 'application/json');
      request
        .resume()
        .once('end', () => response.end(JSON.stringify({ app: name, method, url, rawHeaders, httpVersion })));
    },
    upgrade: (_request, socket) => socket.destroy(),
    expect: undefined,
    grpc(stream, headers) {
      stream.respond({ ':status': 200, 'x-app': name });
      stream.end(JSON.stringify({ app: name, headers }));
    },
    tcp: socket => socket.pipe(socket),
  };
}

/** Starts an app on every port of `appPorts`. */
export async function startApp(name: string, address: string): Promise<App> {
  const does = defaults(name);
  const http = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    app.requests += 1;
    does.http(request, response);
  });
  http.on('connect', (_request, socket) => {
    app.requests += 1;
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  });
  http.on('upgrade', (request, socket, head) => does.upgrade(request, socket, head));
  http.on('checkContinue', (request, response) => {
    if (does.expect !== undefined) return does.expect(request, response);
    response.writeContinue();
    does.http(request, response);
  });
  const grpc = createHTTP2Server({ strictSingleValueFields: false, maxHeaderListPairs: 2000 }).on(
    'stream',
    (stream, headers) => {
      app.requests += 1;
      stream.on('error', () => stream.destroy());
      does.grpc(stream, headers);
    },
  );
  const sockets = new Set<Socket>();
  const tcp = createTCPServer({ allowHalfOpen: true }, socket => does.tcp(socket));
  const first = createTCPServer({ allowHalfOpen: true }, socket => {
    socket.write(`hello from ${name}\n`);
    does.tcp(socket);
  });
  const servers = [http, grpc, tcp, first] as const;
  for (const server of servers) track(server, sockets);
  const app: App = {
    name,
    does,
    requests: 0,
    reset: () => Object.assign(does, defaults(name)),
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
    },
  };
  const at = [appPorts.http, appPorts.grpc, appPorts.tcp, appPorts['tcp-server-first']];
  await Promise.all(servers.map((server, index) => once(server.listen(at[index], address), 'listening')));
  return app;
}

function track(server: HTTPServer | Http2Server | TCPServer, sockets: Set<Socket>): void {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
}
