/** Answers that come before all of their request has: they reach their client, and the rest of the request reaches an app that reads on. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { bytesOf, http2 as openHTTP2, raw } from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import { lines } from '../harness/sound.ts';
import { type Chapter, storeTree, type World } from '../harness/world.ts';

/** More than all kernels and sidecars on the way hold: who takes no more of it holds the client up. */
const size = 24 * 1024 * 1024;
const piece = Buffer.alloc(64 * 1024, 'x');

const framings = { 'a length': `Content-Length: ${size}`, chunks: 'Transfer-Encoding: chunked' };

const told = 'Content-Length: 3\r\n\r\nbig';
const answer = `HTTP/1.1 413 Content Too Large\r\n${told}`;
const last = `HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n${told}`;

type App = (request: IncomingMessage, response: ServerResponse) => void;

/** What an app does with a request whose head is enough for it. */
const apps: Readonly<Record<string, App>> = {
  'answers and reads no more': ({ socket }) => void socket.write(answer),
  'answers and reads on': (request, response) => {
    response.writeHead(413, { 'content-length': 3 });
    response.end('big');
    request.resume();
  },
  'answers and closes': ({ socket }) => void socket.end(last),
  'answers and breaks off': ({ socket }) => {
    socket.pause();
    socket.write(last, () => socket.destroy());
  },
};

/** A client of HTTP/1.1 that looks at what came when it has said all. Gives the status. */
function sendAllFirst(buyer: Pod, host: string, framing: string): Promise<string> {
  const socket = connect(outboundOf(buyer));
  const chunk = `${piece.length.toString(16)}\r\n`;
  const isChunked = framing === framings.chunks;
  socket.pause();
  socket.write(`PUT /early HTTP/1.1\r\nHost: ${host}\r\n${framing}\r\n\r\n`);
  for (let sent = 0; sent < size; sent += piece.length) {
    if (isChunked) socket.write(chunk);
    socket.write(piece);
    if (isChunked) socket.write('\r\n');
  }
  socket.write(isChunked ? '0\r\n\r\n' : '', () => socket.resume());
  return new Promise((resolve, reject) => {
    socket.once('data', bytes => {
      resolve(bytes.toString().slice('HTTP/1.1 '.length, 12));
      socket.destroy();
    });
    socket.once('error', reject).once('close', () => reject(new Error('closed without an answer')));
  });
}

function refuseAll({ mesh, store }: World): Promise<void> {
  return mesh.push.give(store.spec.podUid, storeTree({ mesh, store } as World, store, { anyone: false }));
}

/** Sends an upload over HTTP/2. Gives the status, when the whole answer has come. */
function upload(session: ClientHttp2Session, pieces: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<number> {
  const call = session.request({ ':method': 'PUT', ':path': '/early' });
  const body = Readable.from(pieces);
  call.once('close', () => body.destroy());
  body.on('error', () => undefined).pipe(call);
  return new Promise((resolve, reject) => {
    let status = 0;
    call.once('response', headers => {
      status = Number(headers[':status']);
    });
    call.resume().once('end', () => resolve(status));
    call.once('error', reject);
  });
}

function* pieces(): Generator<Buffer> {
  for (let sent = 0; sent < size; sent += piece.length) yield piece;
}

/** A body that goes on until somebody wants no more of it, a byte for each answer to a ping. */
async function* endless(session: ClientHttp2Session): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.from('x');
    await new Promise(resolve => session.ping(resolve));
  }
}

async function statusOf(session: ClientHttp2Session): Promise<number> {
  const call = session.request({ ':method': 'GET', ':path': '/next' });
  const status = new Promise<number>((resolve, reject) => {
    call.once('response', headers => resolve(Number(headers[':status']))).once('error', reject);
  });
  call.resume();
  return status;
}

export const early: Chapter = {
  ...lines(framings, 'who says all first hears that there is no such service', async ({ buyer }, framing) => {
    expect(await sendAllFirst(buyer, 'nowhere', framing)).toBe('404');
  }),

  ...lines(framings, 'who says all first hears that the rules refuse it', async (world, framing) => {
    await refuseAll(world);
    expect(await sendAllFirst(world.buyer, 'store', framing)).toBe('403');
  }),

  ...lines(framings, 'who says all first hears that the app is gone', async ({ buyer, mesh, store }, framing) => {
    await mesh.push.give(store.spec.podUid, storeTree({ mesh, store } as World, store, {}, [], { 8: {} }));
    expect(await sendAllFirst(buyer, 'store:8', framing)).toMatch(/^(404|503)$/);
  }),

  ...Object.entries(apps).reduce<Chapter>(
    (rows, [name, does]) =>
      Object.assign(
        rows,
        lines(framings, `who says all first hears an app that ${name}`, async ({ buyer, app }, framing) => {
          app.does.http = does;
          expect(await sendAllFirst(buyer, 'store', framing)).toBe('413');
          app.reset();
          expect(await raw(buyer, 'GET /next HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n')).toContain(' 200 ');
        }),
      ),
    {},
  ),

  ...lines(framings, 'who says all first waits for no app that breaks off', async ({ buyer, app }, framing) => {
    app.does.http = ({ socket }) => void socket.destroy();
    expect(await sendAllFirst(buyer, 'store', framing)).toMatch(/502/);
  }),

  ...lines(framings, 'an app that has answered gets the rest', async ({ buyer, app }, framing) => {
    const got = new Promise<number>(resolve => {
      app.does.http = (request, response) => {
        response.writeHead(202, { 'content-length': 0 });
        response.end();
        void bytesOf(request).then(
          bytes => resolve(request.complete ? bytes.length : -1),
          () => resolve(-2),
        );
      };
    });
    expect(await sendAllFirst(buyer, 'store', framing)).toBe('202');
    expect(await got).toBe(size);
  }),

  ...lines(
    { 'reads on': true, 'reads no more': false },
    'a hundred uploads over HTTP/2 hear an app that',
    async (world, on) => {
      const { buyer, store, app } = world;
      app.does.grpc = stream => {
        stream.respond({ ':status': 413 });
        stream.end('big');
        if (on) stream.resume();
      };
      for (let sessions = 0; sessions < 4; sessions++) {
        const session = await openHTTP2(buyer, 'store:81');
        for (let calls = 0; calls < 25; calls++)
          expect(await upload(session, [Buffer.alloc(1024 * 1024, 'x')]).catch(() => 502)).toBeOneOf([413, 502]);
        session.destroy();
      }
      app.reset();
      const session = await openHTTP2(buyer, 'store:81');
      expect(await statusOf(session)).toBe(200);
      session.destroy();
      expect([buyer, store].map(({ program }) => program?.running)).toEqual([true, true]);
    },
  ),

  'an upload over HTTP/2 hears that there is no such service, and so does the next call': async ({ buyer }) => {
    const session = await openHTTP2(buyer, 'nowhere');
    expect([await upload(session, pieces()), await statusOf(session)]).toEqual([404, 404]);
    session.destroy();
  },

  'an upload over HTTP/2 hears that the rules refuse it, and so does the next call': async world => {
    await refuseAll(world);
    const session = await openHTTP2(world.buyer, 'store:81');
    expect([await upload(session, pieces()), await statusOf(session)]).toEqual([403, 403]);
    session.destroy();
  },

  'an upload over HTTP/2 that goes on and on hears that it is refused': async ({ buyer }) => {
    const session = await openHTTP2(buyer, 'nowhere');
    for (let times = 0; times < 3; times++) expect(await upload(session, endless(session))).toBe(404);
    expect(await statusOf(session)).toBe(404);
    session.destroy();
  },

  'an upload over HTTP/2 hears its app, which reads no more, and so does the next call': async ({ buyer, app }) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 413 });
      stream.end('big');
    };
    const session = await openHTTP2(buyer, 'store:81');
    expect([await upload(session, pieces()), await statusOf(session)]).toEqual([413, 413]);
    session.destroy();
  },
};
