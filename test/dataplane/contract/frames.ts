/** What `messages.ts` is for HTTP/1.1, for apps and clients of HTTP/2. */
import { once } from 'node:events';
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { expect } from 'vitest';
import { bytesOf, http2 as openHTTP2, raw, request } from '../harness/client.ts';
import { answerFrames, frame, headOf, serveFrames } from '../harness/frames.ts';
import { appPorts } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import { buyerTree, type Chapter, serviceAt, storeTree } from '../harness/world.ts';

/** A field may stand twice, also one that should not. */
type Sent = Readonly<Record<string, number | string | string[]>>;

const ask = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

/** An app of HTTP/2 answers a request of HTTP/2. */
const answersOf2: Readonly<Record<string, readonly [Sent, status: number]>> = {
  'etag twice': [{ ':status': 200, etag: ['a', 'b'] }, 200],
  'content-type twice': [{ ':status': 200, 'content-type': ['a/b', 'c/d'] }, 200],
  Trailer: [{ ':status': 200, trailer: 'x-t' }, 200],
  '204 with Trailer': [{ ':status': 204, trailer: 'x-t' }, 204],
  '205': [{ ':status': 205 }, 205],
  '304': [{ ':status': 304, etag: 'a' }, 304],
  '200 headers': [Object.fromEntries([...Array(200).keys()].map(n => [`x-${n}`, '1'])), 200],
};

const end = (stream: number) => frame(0, 1, stream, Buffer.alloc(0));
const reset = (stream: number, code: number) => frame(3, 0, stream, Buffer.from([0, 0, 0, code]));
const heads = (stream: number, ...all: readonly Readonly<Record<string, string>>[]) =>
  Buffer.concat([...all.map(head => headOf(stream, head, false)), end(stream)]);

/** What an app of HTTP/2 may send as frames, and what comes of it over HTTP/1.1. */
const answersInFrames: Readonly<Record<string, readonly [frames: (stream: number) => Buffer, answer: RegExp]>> = {
  ...Object.fromEntries(
    ['0', '99', '099', '101', '600', '999', '1000', 'abc', ''].map(status => [
      `a status of '${status}'`,
      [(stream: number) => heads(stream, { ':status': status }), /^HTTP\/1\.1 502 /] as const,
    ]),
  ),
  'no status': [stream => heads(stream, { 'x-a': '1' }), /^HTTP\/1\.1 502 /],
  'a status twice': [stream => heads(stream, { ':status': '200', ' :status': '200' }), /^HTTP\/1\.1 (200|502) /],
  'a name of a request': [stream => heads(stream, { ':status': '200', ':path': '/' }), /^HTTP\/1\.1 (200|502) /],
  ...Object.fromEntries(
    ['100', '102', '103', '199'].map(status => [
      `${status} before it`,
      [
        (stream: number) => heads(stream, { ':status': status, link: '</a>; crossorigin' }, { ':status': '200' }),
        /HTTP\/1\.1 200 /,
      ] as const,
    ]),
  ),
  '103 twice': [
    stream => heads(stream, { ':status': '103' }, { ':status': '103' }, { ':status': '200' }),
    /HTTP\/1\.1 200 /,
  ],
  '103 and a reset': [
    stream => Buffer.concat([headOf(stream, { ':status': '103' }, false), reset(stream, 2)]),
    /HTTP\/1\.1 502 /,
  ],
  '101 before it': [stream => heads(stream, { ':status': '101' }, { ':status': '200' }), /^HTTP\/1\.1 502 /],
  'a header of the connection': [
    stream => heads(stream, { ':status': '200', connection: 'close', 'transfer-encoding': 'chunked' }),
    /^HTTP\/1\.1 (200|502) /,
  ],
  'a name in capitals': [stream => heads(stream, { ':status': '200', 'X-A': '1' }), /^HTTP\/1\.1 (200|502) /],
  'a length that is none': [
    stream => heads(stream, { ':status': '200', 'content-length': 'x' }),
    /^HTTP\/1\.1 (200|502) /,
  ],
  'a length that is not kept': [
    stream => heads(stream, { ':status': '200', 'content-length': '5' }),
    /^(HTTP\/1\.1 (200|502) |$)/,
  ],
  'a reset before it': [stream => reset(stream, 2), /^HTTP\/1\.1 502 /],
  'a refusal before it': [stream => reset(stream, 7), /^HTTP\/1\.1 50[23] /],
  'an end of the connection before it': [() => frame(7, 0, 0, Buffer.alloc(8)), /^HTTP\/1\.1 50[23] /],
  'a body before it': [stream => Buffer.concat([end(stream), heads(stream, { ':status': '200' })]), /^HTTP\/1\.1 502 /],
  'a frame that is too short': [stream => frame(1, 0x2c, stream, Buffer.alloc(2)), /^HTTP\/1\.1 502 /],
  'a promise': [stream => frame(5, 4, stream, Buffer.from([0, 0, 0, 2, 0x88])), /^HTTP\/1\.1 502 /],
  'a trailer that is none': [
    stream => Buffer.concat([headOf(stream, { ':status': '200' }, false), headOf(stream, { ':status': '200' })]),
    /^HTTP\/1\.1 (200|502) /,
  ],
  'trailers that no message may have': [
    stream =>
      Buffer.concat([headOf(stream, { ':status': '200' }, false), headOf(stream, { 'content-length': '5', te: 'x' })]),
    /^HTTP\/1\.1 (200|502) /,
  ],
};

/** Headers that a client of HTTP/2 sends. */
const requestsOf2: Readonly<Record<string, Sent>> = {
  'If-None-Match and Authorization twice': { 'if-none-match': ['a', 'b'], authorization: ['a', 'b'] },
  Trailer: { trailer: 'x-t' },
  'cookies apart': { cookie: ['a=1', 'b=2'] },
  Expect: { expect: '100-continue' },
  '200 headers': Object.fromEntries([...Array(200).keys()].map(n => [`x-${n}`, '1'])),
};

async function outcomeOf(
  stream: ClientHttp2Stream,
): Promise<readonly [IncomingHttpHeaders & { ':status'?: number }, string]> {
  const [headers] = await once(stream, 'response');
  return [headers, String(await bytesOf(stream))];
}

export const frames: Chapter = sound({
  ...lines(answersOf2, 'an answer over HTTP/2 costs at most itself', async ({ buyer, app }, [headers, status]) => {
    app.does.grpc = stream => {
      stream.respond(headers as OutgoingHttpHeaders, { endStream: false });
      stream.end();
    };
    const session = await openHTTP2(buyer, 'store:81');
    expect((await outcomeOf(session.request({ ':path': '/' })))[0][':status']).toBe(status);
    session.close();
    expect(await raw(buyer, ask('store:81'))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  }),

  ...lines(
    answersInFrames,
    'frames of an app of HTTP/2 cost at most one answer',
    async (world, [answerOf, expected]) => {
      const sockets = await serveFrames(world, socket => answerFrames(socket, answerOf));
      const answer = await raw(world.buyer, ask('frames'));
      // No other line may get an answer of this one.
      for (const socket of sockets) socket.destroy();
      expect(answer).toMatch(expected);
    },
  ),

  ...lines(requestsOf2, 'a request over HTTP/2 costs at most itself', async ({ buyer }, headers) => {
    const session = await openHTTP2(buyer, 'store:81');
    const stream = session.request({ ':path': '/', ':method': 'POST', ...headers } as OutgoingHttpHeaders);
    stream.end('x');
    expect((await outcomeOf(stream))[0][':status']).toBe(200);
    session.close();
  }),

  'what stands twice arrives twice over HTTP/2': async world => {
    const { buyer, app } = world;
    let seen: unknown;
    app.does.grpc = (stream, headers) => {
      seen = headers['x-two'];
      stream.respond({ ':status': 200, 'x-two': ['1', '2'] }, { endStream: true });
    };
    const session = await openHTTP2(buyer, 'store:81');
    const [headers] = await outcomeOf(session.request({ ':path': '/', 'x-two': ['1', '2'] }));
    expect([seen, headers['x-two']]).toEqual(['1, 2', '1, 2']);
    session.close();
  },

  'nobody at the endpoint of an HTTP/2 service: 503': async world => {
    const { buyer, store, mesh } = world;
    const nobody = serviceAt('nobody', {
      address: `${mesh.block}.201`,
      port: appPorts.grpc,
      principal: store.principal,
    });
    const ports = [{ port: 80, protocol: 'http2' as const }];
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [{ ...nobody, ports }] }));
    expect((await request(buyer, { host: 'nobody' })).status).toBe(503);
  },

  'nobody at the port of an HTTP/2 app: 503': async world => {
    const { buyer, store, mesh } = world;
    const gone = serviceAt('gone', { address: store.spec.podAddress, port: 8099, principal: store.principal });
    const ports = [{ port: 80, protocol: 'http2' as const }];
    await mesh.push.give(store.spec.podUid, storeTree(world, store, {}, [], { 8099: { protocol: 'http2' } }));
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [{ ...gone, ports }] }));
    expect((await request(buyer, { host: 'gone' })).status).toBe(503);
  },
});
