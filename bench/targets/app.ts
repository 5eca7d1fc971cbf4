/** The app behind every target where there is no Pipy to be it: the same answers as bench/pipy/app.js. */
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHTTP2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTCPServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PacketReader, packet, packets } from '../load/protocols/mqtt-packets.ts';
import { acceptOf, FrameReader, frameOf, opcodes } from './frames.ts';
import { ports } from './places.ts';

const addresses = (process.env.APP_ADDRESSES ?? '').split(',');
const bodies = new Map<string, Buffer>();

/** The body of `/bytes/<n>`, made once; undefined for other paths. */
function bodyOf(path: string): Buffer | undefined {
  const known = bodies.get(path);
  const match = known === undefined ? /^\/bytes\/(\d{1,8})$/.exec(path) : null;
  if (match === null) return known;
  const body = Buffer.alloc(Number(match[1]), 'x');
  bodies.set(path, body);
  return body;
}

function serveHTTP2(stream: ServerHttp2Stream, path: string): void {
  const body = bodyOf(path);
  stream.on('error', () => stream.destroy());
  if (body === undefined) return stream.respond({ ':status': 404 }, { endStream: true });
  stream.respond({ ':status': 200, 'content-length': body.length });
  stream.end(body);
}

function serveGRPC(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = [];
  stream.on('error', () => stream.destroy());
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.concat(chunks));
  });
}

function serveWebSocket({ headers }: IncomingMessage, socket: Duplex, head: Buffer): void {
  const accept = acceptOf(String(headers['sec-websocket-key']));
  const reader = new FrameReader();
  const take = (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      socket.write(frameOf(frame));
      if (frame.opcode === opcodes.close) socket.end();
    }
  };
  const lines = ['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Accept: ${accept}`];
  socket.on('error', () => socket.destroy());
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
  socket.on('data', take);
  if (head.length > 0) take(head);
}

/** A broker with one client for each topic: what is published comes back. */
function serveMQTT(socket: Socket): void {
  const reader = new PacketReader();
  const answers: Readonly<Record<number, (body: Buffer) => Buffer>> = {
    [packets.connect]: () => packet(packets.connack, Buffer.from([0, 0, 0])),
    [packets.subscribe]: body => packet(packets.suback, Buffer.concat([body.subarray(0, 2), Buffer.from([0, 0])])),
    [packets.publish]: body => packet(packets.publish, body),
    [packets.pingreq]: () => packet(packets.pingresp, Buffer.alloc(0)),
  };
  socket.on('error', () => socket.destroy());
  socket.on('data', chunk => {
    try {
      for (const { type, body } of reader.push(chunk)) {
        const answer = answers[type];
        if (answer === undefined) return socket.end();
        socket.write(answer(body));
      }
    } catch {
      socket.destroy();
    }
  });
}

const keepAlive = { keepAliveTimeout: 3_600_000, noDelay: true };

for (const address of addresses) {
  createServer(keepAlive, ({ url = '' }, response) => {
    const body = bodyOf(url);
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { 'content-length': body.length }).end(body);
  }).listen(ports.http1, address);

  createHTTP2Server()
    .on('stream', (stream, headers) => serveHTTP2(stream, headers[':path'] ?? ''))
    .listen(ports.http2, address);

  createHTTP2Server().on('stream', serveGRPC).listen(ports.grpc, address);

  createTCPServer({ noDelay: true }, socket => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(ports.tcp, address);

  createServer(keepAlive).on('upgrade', serveWebSocket).listen(ports.websocket, address);

  createTCPServer({ noDelay: true }, serveMQTT).listen(ports.mqtt, address);
}
