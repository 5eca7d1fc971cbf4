/** One question of each protocol, and whether the answer is right: what tells that a target is up. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as send } from 'node:http';
import { connect as connectHTTP2 } from 'node:http2';
import { request as sendTLS } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  connectPacket,
  type Packet,
  PacketReader,
  packets,
  publicationOf,
  publishPacket,
  subscribePacket,
} from '../load/protocols/mqtt-packets.ts';
import type { Endpoint, Protocol } from '../model.ts';
import { acceptOf, FrameReader, frameOf, opcodes } from './frames.ts';
import { pathOf } from './places.ts';

/** Longest that one answer may take: a small board that starts several programs at once is slow with the first ones. */
const answerMaxMs = 15_000;
const retryMs = 30;

type Ask = (endpoint: Endpoint, bytes: number, signal: AbortSignal) => Promise<void>;

const asks: Readonly<Record<Protocol, Ask>> = {
  http1: askHTTP1,
  http2: askHTTP2,
  grpc: askGRPC,
  tcp: askTCP,
  tls: askHTTP1,
  websocket: askWebSocket,
  mqtt: askMQTT,
};

/** Asks for so many bytes, once, on a new connection. @throws Error that says what is wrong with the answer */
export async function ask(protocol: Protocol, endpoint: Endpoint, bytes: number): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error('no answer')), answerMaxMs);
  try {
    await asks[protocol](endpoint, bytes, stop.signal);
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/** How long somebody waits for the first right answer. */
export interface Patience {
  readonly withinMs?: number;
  /** Ends it before. */
  readonly signal?: AbortSignal;
}

/** Asks again and again until the answer is right. @throws the last error after a while */
export async function answering(protocol: Protocol, endpoint: Endpoint, patience: Patience = {}): Promise<void> {
  const { withinMs = 60_000, signal } = patience;
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await ask(protocol, endpoint, 64);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (performance.now() > deadline)
        throw new Error(`no right answer of ${protocol} from ${endpoint.host}:${endpoint.port}: ${why}`);
      await delay(retryMs, undefined, { signal });
    }
  }
}

async function askHTTP1(endpoint: Endpoint, bytes: number, signal: AbortSignal): Promise<void> {
  const { host, port, authority, tls } = endpoint;
  const options = { host, port, path: pathOf(endpoint, bytes), headers: { host: authority }, agent: false, signal };
  const sent = tls === undefined ? send(options) : sendTLS({ ...options, ca: tls.ca, servername: tls.serverName });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  check('status', response.statusCode, 200);
  check('bytes', await lengthOf(response), bytes);
}

async function lengthOf(stream: AsyncIterable<Buffer>): Promise<number> {
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
}

function check(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)} and not ${String(wanted)}`);
}

async function askHTTP2(endpoint: Endpoint, bytes: number, signal: AbortSignal): Promise<void> {
  const { status, body } = await call(endpoint, { ':path': pathOf(endpoint, bytes) }, undefined, signal);
  check('status', status, 200);
  check('bytes', body.length, bytes);
}

async function askGRPC(endpoint: Endpoint, bytes: number, signal: AbortSignal): Promise<void> {
  const head = { ':method': 'POST', ':path': pathOf(endpoint, bytes), te: 'trailers' };
  const headers = { ...head, 'content-type': 'application/grpc' };
  const message = grpcMessage(Buffer.alloc(bytes, 'y'));
  const { status, body, trailers } = await call(endpoint, headers, message, signal);
  check('status', status, 200);
  check('the same message', body.equals(message), true);
  check('grpc-status', trailers['grpc-status'], '0');
}

/** A message of gRPC over HTTP/2: not compressed, its length, its bytes. */
function grpcMessage(payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

interface Answer {
  readonly status: unknown;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, unknown>>;
}

async function call(
  { host, port, authority }: Endpoint,
  headers: Readonly<Record<string, string>>,
  message: Buffer | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const session = connectHTTP2(`http://${authority}`, { createConnection: () => connect(port, host) });
  const failed = new Promise<never>((_, reject) => session.once('error', reject));
  failed.catch(() => undefined);
  signal.addEventListener('abort', () => session.destroy());
  const stream = session.request(headers, { endStream: message === undefined, signal });
  let trailers: Answer['trailers'] = {};
  stream.on('trailers', received => {
    trailers = received;
  });
  if (message !== undefined) stream.end(message);
  const [head] = await Promise.race([once(stream, 'response'), failed]);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return { status: head[':status'], body: Buffer.concat(chunks), trailers };
}

async function askTCP(endpoint: Endpoint, bytes: number, signal: AbortSignal): Promise<void> {
  const socket = await openStream(endpoint, signal);
  const message = Buffer.alloc(bytes, 'z');
  socket.write(message);
  check('the same bytes', (await take(socket, bytes)).equals(message), true);
}

/** A connection that carries bytes, through a tunnel where the endpoint says so. @param signal ends it */
export async function openStream({ host, port, connect: target }: Endpoint, signal: AbortSignal): Promise<Socket> {
  if (target === undefined) {
    const socket = connect(port, host);
    signal.addEventListener('abort', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }
  const sent = send({ host, port, method: 'CONNECT', path: target, agent: false, signal });
  sent.end();
  const [response, socket] = (await once(sent, 'connect')) as [IncomingMessage, Socket];
  signal.addEventListener('abort', () => socket.destroy());
  check('status', response.statusCode, 200);
  return socket;
}

async function take(stream: Duplex, bytes: number): Promise<Buffer> {
  let received = Buffer.alloc(0);
  for await (const chunk of stream) {
    received = Buffer.concat([received, chunk]);
    if (received.length >= bytes) return received;
  }
  throw new Error(`closed after ${received.length} bytes`);
}

async function askMQTT(endpoint: Endpoint, bytes: number, signal: AbortSignal): Promise<void> {
  const socket = await openStream(endpoint, signal);
  const reader = new PacketReader();
  const waiting: Packet[] = [];
  const next = async (type: number): Promise<Packet> => {
    while (waiting.length === 0) waiting.push(...reader.push((await once(socket, 'data', { signal }))[0]));
    const got = waiting.shift();
    check('type of the packet', got?.type, type);
    return got as Packet;
  };
  const name = `ask-${randomUUID()}`;
  socket.write(connectPacket(name));
  check('reason code of CONNACK', (await next(packets.connack)).body[1], 0);
  socket.write(subscribePacket(name));
  check('reason code of SUBACK', (await next(packets.suback)).body.at(-1), 0);
  const payload = Buffer.alloc(bytes, 'm');
  socket.write(publishPacket(name, payload));
  const { topic, payload: received } = publicationOf(await next(packets.publish));
  check('the same topic', topic, name);
  check('the same message', received.equals(payload), true);
}

async function askWebSocket(endpoint: Endpoint, bytes: number, signal: AbortSignal): Promise<void> {
  const { host, port, authority } = endpoint;
  const key = Buffer.alloc(16, bytes).toString('base64');
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket' };
  const own = { host: authority, 'sec-websocket-key': key, 'sec-websocket-version': '13' };
  const options = { host, port, path: pathOf(endpoint, bytes), headers: { ...upgrade, ...own }, agent: false, signal };
  const sent = send(options);
  sent.once('response', response => sent.destroy(new Error(`status: ${response.statusCode} and not 101`)));
  sent.end();
  const [response, socket, head] = (await once(sent, 'upgrade')) as [IncomingMessage, Socket, Buffer];
  signal.addEventListener('abort', () => socket.destroy());
  check('accept', response.headers['sec-websocket-accept'], acceptOf(key));
  if (head.length > 0) socket.unshift(head);
  const payload = Buffer.alloc(bytes, 'w');
  socket.write(frameOf({ opcode: opcodes.binary, payload }, Buffer.from([1, 2, 3, 4])));
  check('the same message', (await nextMessage(socket)).equals(payload), true);
}

async function nextMessage(socket: Socket): Promise<Buffer> {
  const reader = new FrameReader();
  for await (const chunk of socket) {
    const [frame] = reader.push(chunk);
    if (frame !== undefined) return frame.payload;
  }
  throw new Error('closed before an answer');
}
