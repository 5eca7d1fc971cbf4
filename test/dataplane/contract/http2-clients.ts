/** Clients of HTTP/2 that leave in the middle, or break the protocol: the next one is served as if they had never been. */
import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { bytesOf, http2 as openHTTP2 } from '../harness/client.ts';
import { beginning, frame, framesOf, headOf } from '../harness/frames.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import type { Chapter } from '../harness/world.ts';

const head = (stream: number, more: Readonly<Record<string, string>> = {}, ends = true) =>
  headOf(stream, { ':method': 'POST', ':scheme': 'http', ':path': '/', ':authority': 'store:81', ...more }, ends);
const body = (stream: number, bytes: number) => frame(0, 0, stream, Buffer.alloc(bytes, 'x'));
const cut = (bytes: Buffer, left: number) => bytes.subarray(0, bytes.length - left);
const settings = frame(4, 0, 0, Buffer.alloc(6));

/** What a client says before it goes. */
const halves: Readonly<Record<string, Buffer>> = {
  'half of the preface': cut(beginning, 20),
  'half of its settings': Buffer.concat([beginning, cut(settings, 3)]),
  'the head of a frame': Buffer.concat([beginning, cut(head(1), head(1).length - 9)]),
  'half of the head of a frame': Buffer.concat([beginning, cut(head(1), head(1).length - 4)]),
  'half of a head': Buffer.concat([beginning, cut(head(1), 7)]),
  'half of a head of 9 KB': Buffer.concat([beginning, frame(1, 4, 1, Buffer.alloc(9000)).subarray(0, 4000)]),
  'a head that goes on': Buffer.concat([beginning, frame(1, 0, 1, Buffer.from([0]))]),
  'the head of a body': Buffer.concat([beginning, head(1, {}, false), cut(body(1, 5000), 5000)]),
  'half of a body': Buffer.concat([beginning, head(1, {}, false), cut(body(1, 5000), 2000)]),
  'half of a last body': Buffer.concat([beginning, head(1, {}, false), cut(frame(0, 1, 1, Buffer.alloc(5000)), 1)]),
  'half of a padded body': Buffer.concat([
    beginning,
    head(1, {}, false),
    cut(frame(0, 8, 1, Buffer.alloc(300, 9)), 99),
  ]),
  'a body of 16 KB and half of another': Buffer.concat([
    beginning,
    head(1, {}, false),
    body(1, 16_384),
    cut(body(1, 16_384), 9000),
  ]),
  'half of a window': Buffer.concat([beginning, cut(frame(8, 0, 0, Buffer.from([0, 0, 1, 0])), 2)]),
  'half of a ping': Buffer.concat([beginning, cut(frame(6, 0, 0, Buffer.alloc(8)), 2)]),
  'half of a GOAWAY': Buffer.concat([beginning, cut(frame(7, 0, 0, Buffer.alloc(8)), 2)]),
  'half of a frame that nobody knows': Buffer.concat([beginning, cut(frame(0x42, 0, 0, Buffer.alloc(100)), 50)]),
};

/** What ends a connection (RFC 9113, 5.4.1), with more of the same behind it. */
const wrongs: Readonly<Record<string, Buffer>> = {
  'a frame that is too large': frame(0, 0, 1, Buffer.alloc(20_000)),
  'a reset of the wrong size': frame(3, 0, 1, Buffer.alloc(3)),
  'a priority of the wrong size': frame(2, 0, 1, Buffer.alloc(4)),
  'a ping of the wrong size': frame(6, 0, 0, Buffer.alloc(7)),
  'settings of the wrong size': frame(4, 0, 0, Buffer.alloc(5)),
  'a window that grows by nothing': frame(8, 0, 0, Buffer.alloc(4)),
  'a body of no stream': frame(0, 0, 0, Buffer.from('x')),
  'a body before its head': frame(0, 0, 1, Buffer.from('x')),
  'a body behind its end': Buffer.concat([head(1), body(1, 5)]),
  'a head of no stream': frame(1, 5, 0, Buffer.from([0x88])),
  'a head that cannot be decoded': frame(1, 5, 1, Buffer.from([0x80])),
  'a head of an even stream': head(2),
  'a rest of no head': frame(9, 4, 1, Buffer.from([0x88])),
  'another frame inside a head': Buffer.concat([frame(1, 0, 1, Buffer.from([0])), frame(6, 0, 0, Buffer.alloc(8))]),
  'padding beyond its size': frame(0, 8, 1, Buffer.from([200, 1])),
};

const start = 'PRI * HTTP/2.0\r\n';

/** What looks like the preface (RFC 9113, 3.4) and is none. */
const prefaces: Readonly<Record<string, string>> = {
  'with a header': `${start}Link: a\r\n\r\nSM\r\n\r\n`,
  'with a Host': `${start}Host: store\r\n\r\nSM\r\n\r\n`,
  'with a folded line': `${start} a\r\n\r\nSM\r\n\r\n`,
  'with a header, and half a frame': `${start}Link: a\r\n\r\nSM\r\n\r\n\r\n`,
  'with a length': `${start}Content-Length: 6\r\n\r\nSM\r\n\r\n`,
  'with chunks': `${start}Transfer-Encoding: chunked\r\n\r\nSM\r\n\r\n`,
  'another rest': `${start}\r\nXX\r\n\r\n`,
  'another rest, and frames': `${start}\r\nXX\r\n\r\n${'\0'.repeat(90)}`,
  'no rest, and a request': `${start}\r\nGET / HTTP/1.1\r\nHost: store\r\n\r\n`,
  'in lower case': `pri * http/2.0\r\n\r\nSM\r\n\r\n`,
  'another version': `PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n`,
  'another target': `PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n`,
  'another method': `GET * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
  'behind a request': `GET / HTTP/1.1\r\nHost: store\r\n\r\n${start}Link: a\r\n\r\nSM\r\n\r\n`,
  twice: `${start}\r\nSM\r\n\r\n${start}\r\nSM\r\n\r\n`,
};

const asks = (host: string) =>
  `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

/** What asks for a tunnel and gets none. */
const tunnels: Readonly<Record<string, string>> = {
  'CONNECT without a port': 'CONNECT nope HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT to nobody': 'CONNECT nope:80 HTTP/1.1\r\nHost: nope:80\r\n\r\n',
  'a WebSocket that the app declines': asks('store'),
  'a WebSocket of an app of HTTP/2': asks('store:81'),
  'a WebSocket of nobody': asks('nope'),
};

/** What may stand behind it in the same packet. */
const earlies = [`${start}\r\n${'X'.repeat(12)}`, `${start}\r\nSM\r\n\r\n\0\0\x40\x01\x04\0\0\0\x01`];

/** How an app answers a call whose body has not all come. */
const early: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  'with trailers': stream => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'x-t': '1' }));
    stream.end('no more');
  },
  'with a status of gRPC': stream =>
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '8' }, { endStream: true }),
  'without a body': stream => stream.respond({ ':status': 404 }, { endStream: true }),
  'with a body': stream => {
    stream.respond({ ':status': 413 });
    stream.end('too large');
  },
  'with a part of one': stream => {
    stream.respond({ ':status': 200, 'content-length': 9 });
    stream.write('a part');
    setImmediate(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  },
  'with a reset': stream => stream.close(constants.NGHTTP2_REFUSED_STREAM),
};

/** Whether a frame is the end of the first stream: a reset, or a body or a head with END_STREAM. */
const isEnd = ([type, flags, stream]: readonly number[]) =>
  stream === 1 && (type === 3 || ((type === 0 || type === 1) && ((flags ?? 0) & 1) === 1));

/** Reads on until a frame has come for which this holds. */
async function until(socket: Socket, came: Buffer[], holds: (frame: readonly number[]) => boolean): Promise<void> {
  while (![...framesOf(Buffer.concat(came))].some(holds)) came.push((await once(socket, 'data'))[0]);
}

/** Sidecars that serve several connections one after the other, as a pool of them would. */
const next = 6;

async function expectServed(pod: Pod): Promise<void> {
  const sessions = await Promise.all(Array.from({ length: next }, () => openHTTP2(pod, 'store:81')));
  const answers = sessions.map(session => once(session.request({ ':path': '/' }), 'response'));
  for (const [headers] of await Promise.all(answers)) expect(headers[':status']).toBe(200);
  for (const session of sessions) session.destroy();
}

export const http2Clients: Chapter = sound({
  ...lines(halves, 'a client that leaves in the middle leaves nothing behind', async ({ buyer, app }, said) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.end();
    };
    for (const leaves of ['ends', 'breaks'] as const) {
      const socket = connect(outboundOf(buyer)).on('error', () => undefined);
      socket.resume().write(said);
      if (said.length > beginning.length) await once(socket, 'data');
      if (leaves === 'ends') socket.end();
      else socket.resetAndDestroy();
      await once(socket, 'close');
      await expectServed(buyer);
    }
  }),

  ...lines(wrongs, 'a client that breaks the protocol loses its connection only', async ({ buyer, app }, wrong) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.end();
    };
    const socket = connect(outboundOf(buyer)).on('error', () => undefined);
    socket.resume();
    socket.write(Buffer.concat([beginning, wrong]));
    socket.write(cut(frame(0, 0, 1, Buffer.alloc(100)), 30));
    await once(socket, 'close');
    await expectServed(buyer);
  }),

  ...lines(prefaces, 'what is no preface ends its connection only', async ({ buyer, app }, said) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.end();
    };
    for (let time = 0; time < 3; time++) {
      const socket = connect(outboundOf(buyer)).on('error', () => undefined);
      socket.resume().write(said, 'latin1');
      await once(socket, 'close');
      await expectServed(buyer);
    }
  }),

  ...lines(tunnels, 'what stands behind a tunnel that is refused is for nobody', async ({ buyer, app }, asked) => {
    app.does.upgrade = (_request, socket) => void socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n');
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.end();
    };
    for (const said of [...earlies, ...earlies]) {
      const socket = connect(outboundOf(buyer)).on('error', () => undefined);
      socket.resume().end(asked + said, 'latin1');
      await once(socket, 'close');
      await expectServed(buyer);
    }
  }),

  'the preface of a client may come in two pieces, wherever they end': async ({ buyer, app }) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.end();
    };
    for (let at = 1; at < beginning.length; at++) {
      const socket = connect(outboundOf(buyer)).setNoDelay(true);
      await new Promise(resolve => socket.write(beginning.subarray(0, at), resolve));
      await new Promise(resolve => setImmediate(resolve));
      socket.write(Buffer.concat([beginning.subarray(at), head(1)]));
      await until(socket, [], ([type, , stream]) => type === 1 && stream === 1);
      socket.destroy();
    }
  },

  ...lines(early, 'an early answer ends its stream once, whatever the client allows then', async (world, answer) => {
    const { buyer, app } = world;
    app.does.grpc = (stream, headers) => {
      if (headers[':path'] !== '/later') return answer(stream);
      stream.respond({ ':status': 200 });
      stream.end();
    };
    const socket = connect(outboundOf(buyer)).on('error', () => undefined);
    const came: Buffer[] = [];
    socket.write(Buffer.concat([beginning, head(1, {}, false), body(1, 100)]));
    await until(socket, came, isEnd);
    const window = (stream: number) => frame(8, 0, stream, Buffer.from([0, 0, 0, 9]));
    socket.write(Buffer.concat([window(1), window(0), window(1), head(3, { ':path': '/later' })]));
    await until(socket, came, ([type, , stream]) => type === 1 && stream === 3);
    expect([...framesOf(Buffer.concat(came))].filter(isEnd)).toHaveLength(1);
    socket.destroy();
  }),

  'uploads that are answered early cost nobody but themselves, when their clients leave at once': async ({
    buyer,
    app,
  }) => {
    app.does.grpc = (stream, headers) => {
      stream.respond({ ':status': headers[':method'] === 'PUT' ? 413 : 200 });
      stream.end('too large');
    };
    const part = Buffer.alloc(16_384);
    const upload = Buffer.concat([
      beginning,
      head(1, { ':method': 'PUT' }, false),
      ...Array(200).fill(frame(0, 0, 1, part)),
    ]);
    for (let time = 0; time < 40; time++) {
      const socket = connect(outboundOf(buyer)).on('error', () => undefined);
      const closed = new Promise(resolve => socket.once('close', resolve));
      socket.write(upload);
      // It is more than some shells allow, which end such a connection.
      const answered = until(socket, [], ([type, , stream]) => type === 1 && stream === 1);
      await Promise.race([answered.catch(() => undefined), closed]);
      socket.write(time % 2 === 0 ? frame(3, 0, 1, Buffer.from([0, 0, 0, 8])) : frame(0, 0, 1, part));
      socket.end();
      await closed;
    }
    await expectServed(buyer);
  },

  'flags that mean nothing change nothing (RFC 9113, 4.1)': async ({ buyer, app }) => {
    const bodies: string[] = [];
    app.does.grpc = async stream => {
      bodies.push(String(await bytesOf(stream)));
      stream.respond({ ':status': 200 }, { endStream: true });
    };
    for (const [flags, payload] of [
      [0xf7, 'a body'],
      [0xd7, 'a body'],
      [0xff, '\0a body'],
      [0x2f, '\u0002a body\0\0'],
    ] as const) {
      const socket = connect(outboundOf(buyer)).on('error', () => undefined);
      socket.write(Buffer.concat([beginning, head(1, {}, false), frame(0, flags, 1, Buffer.from(payload))]));
      await until(socket, [], ([type, , stream]) => type === 1 && stream === 1);
      socket.destroy();
    }
    expect(bodies).toEqual(Array.from({ length: 4 }, () => 'a body'));
  },
});
