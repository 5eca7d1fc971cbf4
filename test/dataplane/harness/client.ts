/** What the app of a pod does: requests, tunnels and raw bytes to its sidecar. */
import { once } from 'node:events';
import { type Agent, type IncomingMessage, type OutgoingHttpHeaders, request as send } from 'node:http';
import { type ClientHttp2Session, connect as connectHTTP2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { outboundOf, type Pod } from './mesh.ts';

export interface RequestSpec {
  readonly host: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

export interface Response {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly text: string;
  readonly app: string;
}

/** A request whose body is written by the caller. */
export function open(pod: Pod, { host, method = 'GET', path = '/', headers = {}, agent }: RequestSpec) {
  return send({ ...outboundOf(pod), method, path, headers: { host, ...headers }, agent: agent ?? false });
}

/** Sends a request and reads the whole response; rejects when it is cut short. */
export async function request(pod: Pod, spec: RequestSpec): Promise<Response> {
  const outgoing = open(pod, spec);
  outgoing.end(spec.body);
  return read(await responseOf(outgoing));
}

export async function responseOf(outgoing: ReturnType<typeof open>): Promise<IncomingMessage> {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

export async function read(response: IncomingMessage): Promise<Response> {
  const text = (await bytesOf(response)).toString();
  const { statusCode: status = 0, headers, rawHeaders } = response;
  return { status, headers, rawHeaders, text, app: String(headers['x-app'] ?? '') };
}

export async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Longest that `raw` waits for a connection that brings nothing more and is not closed. */
const silenceMaxMs = 1500;

/** Sends bytes as they are and gives back all that comes until the connection ends, or falls silent. */
export async function raw(pod: Pod, bytes: string): Promise<string> {
  const socket = connect(outboundOf(pod));
  socket.setTimeout(silenceMaxMs, () => socket.destroy());
  socket.write(bytes);
  return drained(socket);
}

const part = Buffer.alloc(256 * 1024);

/** Writes for as long as somebody reads. */
export function sendWithoutEnd(stream: Writable): void {
  while (!stream.destroyed && stream.write(part));
  if (!stream.destroyed) stream.once('drain', () => sendWithoutEnd(stream));
}

/** Everything that comes on a connection until it ends or breaks. */
export async function drained(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', chunk => {
    text += chunk;
  });
  socket.on('error', () => socket.destroy());
  await new Promise(resolve => socket.once('close', resolve));
  return text;
}

/** Waits until a connection has brought these bytes; rejects when it closes before. */
export function until(socket: Socket, wanted: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const take = (chunk: Buffer) => {
      text += chunk;
      if (!text.includes(wanted)) return;
      socket.off('data', take).off('close', closed);
      resolve(text);
    };
    const closed = () => reject(new Error(`closed after ${JSON.stringify(text.slice(0, 500))}`));
    socket.on('data', take).once('close', closed);
    socket.on('error', () => socket.destroy());
  });
}

/** Sends bytes in messages of 16 KiB, each when the one before has come back, and gives back all that came. */
export async function echoOf(socket: Socket, bytes: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let [sent, came] = [0, 0];
  return new Promise((resolve, reject) => {
    const send = () => {
      if (came < sent) return;
      if (sent >= bytes.length) return finish();
      const message = bytes.subarray(sent, sent + 16_384);
      sent += message.length;
      socket.write(message);
    };
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      came += chunk.length;
      send();
    };
    const closed = () => reject(new Error(`closed after ${came} bytes`));
    const finish = () => {
      socket.off('data', take).off('close', closed);
      resolve(Buffer.concat(chunks));
    };
    socket.on('data', take).once('close', closed);
    socket.on('error', () => socket.destroy());
    send();
  });
}

/** Asks `store` for a WebSocket. */
export const webSocketHead =
  'GET /chat HTTP/1.1\r\nHost: store\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n';

/** CONNECT through the pod's sidecar. */
export async function tunnel(pod: Pod, target: string): Promise<{ status: number; socket: Socket; text: string }> {
  const outgoing = send({ ...outboundOf(pod), method: 'CONNECT', path: target, agent: false });
  outgoing.end();
  return new Promise((resolve, reject) => {
    outgoing.once('error', reject).once('connect', (response, socket: Socket, head) => {
      socket.on('error', () => socket.destroy());
      if (head.length > 0) socket.unshift(head);
      resolve({ status: response.statusCode ?? 0, socket, text: head.toString() });
    });
  });
}

/** Lets a field stand twice that should not, and many of them. */
const lenient = { strictSingleValueFields: false, maxHeaderListPairs: 2000 };

/** An HTTP/2 connection with prior knowledge to the pod's sidecar, for one authority. */
export async function http2(pod: Pod, authority: string): Promise<ClientHttp2Session> {
  const createConnection = () => connect(outboundOf(pod));
  const session = connectHTTP2(`http://${authority}`, { ...lenient, createConnection });
  session.on('error', () => session.destroy());
  await once(session, 'connect');
  return session;
}
