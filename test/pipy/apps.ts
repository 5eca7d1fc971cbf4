/** Apps behind a sidecar, each with the behaviour that one test is about. */
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHTTP2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTCPServer, type Server as TCPServer } from 'node:net';

export const appPorts = { http: 8080, http2: 8081, tcp: 8082, serverFirst: 8083 } as const;

export interface Apps {
  /** `begun <id>` when a request for `/hold?<id>` or `/upload?<id>` has arrived; emit `go <id>` to let it go on. */
  readonly events: EventEmitter;
  close(): Promise<void>;
}

export async function startApps(address: string): Promise<Apps> {
  const events = new EventEmitter();
  const http = createServer((request, response) => answer(request, response, events)).on('upgrade', upgrade);
  const http2 = createHTTP2Server({ settings: { maxConcurrentStreams: 100 } }).on('stream', answerStream);
  const tcp = createTCPServer(socket => socket.on('error', () => undefined).pipe(socket));
  const serverFirst = createTCPServer(socket => socket.on('error', () => undefined).end('welcome\n'));
  const servers: [Server | Http2Server | TCPServer, number][] = [
    [http, appPorts.http],
    [http2, appPorts.http2],
    [tcp, appPorts.tcp],
    [serverFirst, appPorts.serverFirst],
  ];
  for (const [server, port] of servers) await once(server.listen(port, address), 'listening');
  return {
    events,
    async close() {
      http.closeAllConnections();
      for (const [server] of servers) server.close();
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, events: EventEmitter): void {
  request.on('error', () => undefined);
  const [path, id] = (request.url ?? '').split('?');
  if (path === '/hold') void hold(String(id), response, events);
  else if (path === '/upload') upload(String(id), request, response, events);
  else if (path === '/cut') response.writeHead(200, { 'content-length': 100 }).write('half', () => response.destroy());
  else if (path === '/vanish') response.destroy();
  else if (path === '/cookies') response.setHeader('set-cookie', ['a=1', 'b=2']).end('ok');
  else echo(request, response);
}

/** Two pieces of a body, the second when the test says so. */
async function hold(id: string, response: ServerResponse, events: EventEmitter): Promise<void> {
  response.writeHead(200).write('first\n');
  events.emit(`begun ${id}`);
  await once(events, `go ${id}`);
  response.end('second\n');
}

/** Tells about the first bytes of a body before the last ones are there. */
function upload(id: string, request: IncomingMessage, response: ServerResponse, events: EventEmitter): void {
  let size = 0;
  request.once('data', () => events.emit(`begun ${id}`));
  request.on('data', chunk => {
    size += chunk.length;
  });
  request.on('end', () => response.end(String(size)));
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
}

/** An echo under the WebSocket handshake (RFC 6455, 4.2.2); frames are passed back as they are. */
function upgrade(request: IncomingMessage, socket: NodeJS.ReadWriteStream): void {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const head = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head}\r\n\r\n`);
  socket.on('error', () => undefined);
  socket.pipe(socket);
}

/** A bidirectional echo with trailers, as gRPC has them. */
function answerStream(stream: ServerHttp2Stream, headers: { ':path'?: string; ':authority'?: string }): void {
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'x-path': headers[':path'] ?? '' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.pipe(stream);
}
