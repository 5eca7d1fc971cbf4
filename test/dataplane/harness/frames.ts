/** HTTP/2 as bytes, for what its libraries would not send. */
import type { Socket } from 'node:net';
import { appPorts } from './mesh.ts';
import { buyerTree, serviceAt, storeTree, type World } from './world.ts';

/** A frame of HTTP/2 (RFC 9113, 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A head with any names, each a literal that is not indexed (RFC 7541, 6.2.2). It ends the stream, unless told otherwise. */
export function headOf(stream: number, headers: Readonly<Record<string, string>>, ends = true): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const fields = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.from([0]), text(name), text(value)]),
  );
  return frame(1, ends ? 0x5 : 0x4, stream, Buffer.concat(fields));
}

/** GOAWAY of a server that leaves in good order, and finishes what is under way (RFC 9113, 6.8). */
export function goaway(): Buffer {
  return frame(7, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** What begins a connection: the preface, and settings that change nothing (RFC 9113, 3.4). */
export const beginning = Buffer.concat([preface, frame(4, 0, 0, Buffer.alloc(0))]);

/** Frames that have come on a connection: type, flags, stream, and the first byte of what they carry. */
export function* framesOf(
  bytes: Buffer,
): Generator<readonly [type: number, flags: number, stream: number, first: number]> {
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) return;
    yield [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4), bytes.readUInt32BE(at + 5), bytes[at + 9] ?? 0];
    at = end;
  }
}

/** Plays a server of HTTP/2 on a connection: every request is answered with these bytes, and so is every reset. */
export function answerFrames(
  socket: Socket,
  answer: (stream: number) => Buffer,
  answerReset: (stream: number) => Buffer = () => Buffer.alloc(0),
): void {
  let [bytes, done] = [Buffer.alloc(0), 0];
  socket
    .on('error', () => socket.destroy())
    .on('data', chunk => {
      if (bytes.length === 0) socket.write(frame(4, 0, 0, Buffer.alloc(0)));
      bytes = Buffer.concat([bytes, chunk]);
      const frames = [...framesOf(bytes.subarray(preface.length))];
      for (const [type, flags, stream] of frames.slice(done)) {
        if (type === 4 && (flags & 1) === 0) socket.write(frame(4, 1, 0, Buffer.alloc(0)));
        if (type === 1) socket.write(answer(stream));
        if (type === 3) socket.write(answerReset(stream));
      }
      done = frames.length;
    });
}

/** Has the service `frames` served over HTTP/2 by what `play` does with the app's connections, which it gives back. */
export async function serveFrames(world: World, play: (socket: Socket) => void): Promise<readonly Socket[]> {
  const { buyer, store, mesh, app } = world;
  const sockets: Socket[] = [];
  app.does.tcp = socket => {
    sockets.push(socket);
    play(socket);
  };
  const { tcp } = appPorts;
  const port = { port: tcp, protocol: 'http2' as const, services: ['shop/store'] };
  const at = serviceAt('frames', { address: store.spec.podAddress, port: tcp, principal: store.principal });
  await mesh.push.give(store.spec.podUid, storeTree(world, store, {}, [tcp], [port]));
  await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [at] }));
  return sockets;
}
