/** Calls that share a connection of HTTP/2: what one says of itself is not taken for what another says. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect } from 'node:net';
import { expect } from 'vitest';
import type { App } from '../harness/apps.ts';
import { bytesOf, http2 as openHTTP2, request } from '../harness/client.ts';
import { beginning, framesOf, headOf } from '../harness/frames.ts';
import { appPorts, endpointOf, outboundOf, type Pod } from '../harness/mesh.ts';
import { lines } from '../harness/sound.ts';
import { buyerTree, type Chapter, serviceAt } from '../harness/world.ts';

/** The streams that the app gets, in the order of what their paths say: /0, /1, and so on. */
function streamsOf({ does }: App, count: number): Promise<readonly ServerHttp2Stream[]> {
  const streams: ServerHttp2Stream[] = [];
  return new Promise(resolve => {
    let came = 0;
    does.grpc = (stream, headers) => {
      streams[Number(String(headers[':path']).slice(1))] = stream;
      came += 1;
      if (came === count) resolve(streams);
    };
  });
}

interface Outcome {
  readonly status: number | undefined;
  readonly body: string;
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** What a call got to its end; `broken off` when it was reset. */
async function outcomeOf(call: ClientHttp2Stream): Promise<Outcome | 'broken off'> {
  let status: number | undefined;
  let trailers = {};
  const chunks: Buffer[] = [];
  call
    .on('error', () => undefined)
    .on('response', headers => {
      status = headers[':status'];
    })
    .on('trailers', headers => {
      trailers = Object.fromEntries(Object.entries(headers));
    })
    .on('data', chunk => chunks.push(chunk));
  await new Promise(resolve => call.once('close', resolve));
  if (call.rstCode !== constants.NGHTTP2_NO_ERROR) return 'broken off';
  return { status, body: String(Buffer.concat(chunks)), trailers };
}

const ask = (session: ClientHttp2Session, at: number, method = 'GET', headers: OutgoingHttpHeaders = {}) =>
  session.request({ ':path': `/${at}`, ':method': method, ...headers }, { endStream: method !== 'POST' });

const bodies = ['a', 'of two', 'of three parts', ''];

/** What one of several answers is: its head, and what an HTTP/2 library makes of the rest. */
interface Answer {
  readonly method?: string;
  readonly head: OutgoingHttpHeaders;
  readonly body?: string;
  readonly trailers?: OutgoingHttpHeaders;
}

/** Each is given while another one, of a known length, has begun and has not ended. */
const answers: Readonly<Record<string, Answer>> = {
  'a length': { head: { ':status': 200, 'content-length': 6 }, body: 'a body' },
  'no length': { head: { ':status': 200 }, body: 'a body' },
  'no body': { head: { ':status': 200 } },
  'a length of 0': { head: { ':status': 200, 'content-length': 0 } },
  trailers: { head: { ':status': 200, trailer: 'x-t' }, body: 'a body', trailers: { 'x-t': 'a trailer' } },
  'a length, and trailers': {
    head: { ':status': 200, 'content-length': 6 },
    body: 'a body',
    trailers: { 'x-t': 'a trailer' },
  },
  'a status of gRPC': {
    head: { ':status': 200, 'content-type': 'application/grpc' },
    body: 'a body',
    trailers: { 'grpc-status': '0' },
  },
  'a length for HEAD': { method: 'HEAD', head: { ':status': 200, 'content-length': 6 } },
  '204': { head: { ':status': 204 } },
  '304 with a length': { head: { ':status': 304, 'content-length': 6 } },
};

/** A request as frames, with its fields in this order. */
async function framed(pod: Pod, fields: Readonly<Record<string, string>>, trailers?: Record<string, string>) {
  const socket = connect(outboundOf(pod)).on('error', () => undefined);
  const start = { ':method': 'POST', ':scheme': 'http', ':path': '/1', ...fields };
  const rest = trailers === undefined ? [] : [headOf(1, trailers)];
  socket.write(Buffer.concat([beginning, headOf(1, start, trailers === undefined), ...rest]));
  for await (const chunk of socket) if (isAnswered(chunk)) break;
  socket.destroy();
}

/** A head or a reset has come on the first stream. */
function isAnswered(chunk: Buffer): boolean {
  return [...framesOf(chunk)].some(([type, , stream]) => stream === 1 && (type === 1 || type === 3));
}

const plain = (head: OutgoingHttpHeaders, trailers: OutgoingHttpHeaders = {}) => ({ head, trailers });
const ask1 = async (pod: Pod, headers: OutgoingHttpHeaders) =>
  void (await request(pod, { host: 'store:81', path: '/1', headers }));

/** What another client asks, and what it is answered: all of it means something, to itself. */
const others: Readonly<Record<string, readonly [ask: (pod: Pod) => Promise<void>, answer: ReturnType<typeof plain>]>> =
  {
    'TE of HTTP/1.1': [pod => ask1(pod, { te: 'gzip', connection: 'te' }), plain({})],
    'TE that also takes trailers': [pod => ask1(pod, { te: 'trailers, deflate' }), plain({})],
    'Host instead of :authority': [pod => framed(pod, { 'x-a': '1', host: 'store:81' }), plain({})],
    'Host in trailers': [pod => framed(pod, { ':authority': 'store:81' }, { host: 'x' }), plain({})],
    'Host in an answer': [pod => framed(pod, { ':authority': 'store:81' }), plain({ 'x-a': 'b', host: 'x' })],
    'Host in trailers of an answer': [
      pod => framed(pod, { ':authority': 'store:81' }),
      plain({}, { host: 'x', 'x-a': 'b' }),
    ],
  };

export const http2Sharing: Chapter = {
  ...lines(
    others,
    "what one client asks costs no other client's call",
    async ({ buyer, app }, [ask, { head, trailers }]) => {
      const held = new Promise<ServerHttp2Stream>(resolve => {
        app.does.grpc = (stream, headers) => {
          if (headers[':path'] === '/0') return resolve(stream);
          stream.respond({ ':status': 200, ...head }, { waitForTrailers: Object.keys(trailers).length > 0 });
          stream.once('wantTrailers', () => stream.sendTrailers(trailers));
          stream.resume().end('hello');
        };
      });
      const session = await openHTTP2(buyer, 'store:81');
      const outcome = outcomeOf(session.request({ ':path': '/0', ':method': 'POST' }, { endStream: true }));
      const stream = await held;
      for (let time = 0; time < 2; time++) await ask(buyer);
      stream.respond({ ':status': 200 });
      stream.end('hello');
      expect(await outcome).toMatchObject({ status: 200, body: 'hello' });
      session.destroy();
    },
  ),

  'a request ends once, with its trailers, whatever the app says of its windows then': async ({ buyer, app }) => {
    for (const parts of [[], ['a body']]) {
      const came = streamsOf(app, 2);
      const session = await openHTTP2(buyer, 'store:81');
      const beside = ask(session, 0);
      const outcome = outcomeOf(beside);
      const call = session.request({ ':path': '/1', ':method': 'POST' }, { waitForTrailers: true });
      const own = outcomeOf(call);
      call.once('wantTrailers', () => call.sendTrailers({ 'x-sum': '1' }));
      for (const part of parts) call.write(part);
      call.end();
      const streams = await came;
      const [trailers] = await once(streams[1]?.resume() as ServerHttp2Stream, 'trailers');
      expect(trailers).toMatchObject({ 'x-sum': '1' });
      for (const initialWindowSize of [100_000, 65_535])
        await new Promise(resolve => streams[1]?.session?.settings({ initialWindowSize }, resolve));
      for (const stream of streams) {
        stream.respond({ ':status': 200 });
        stream.end('hello');
      }
      for (const each of [outcome, own]) expect(await each).toMatchObject({ status: 200, body: 'hello' });
      session.destroy();
    }
  },

  'an upload goes on whatever the app says of its windows': async ({ buyer, app }) => {
    for (const initialWindowSize of [2 ** 20, 2 ** 30, 2 ** 31 - 1]) {
      const came = streamsOf(app, 1);
      const session = await openHTTP2(buyer, 'store:81');
      const call = ask(session, 0, 'POST');
      const outcome = outcomeOf(call);
      call.write('a part');
      const [stream] = await came;
      await once(stream as ServerHttp2Stream, 'readable');
      await new Promise(resolve => stream?.session?.settings({ initialWindowSize }, resolve));
      call.end(' and the rest');
      expect(String(await bytesOf(stream as ServerHttp2Stream))).toBe('a part and the rest');
      stream?.respond({ ':status': 200 });
      stream?.end('hello');
      expect(await outcome).toMatchObject({ status: 200, body: 'hello' });
      session.destroy();
    }
  },

  'the first upload on a connection goes on': async world => {
    const { buyer, storeV2, appV2 } = world;
    const fresh = serviceAt('fresh', endpointOf(storeV2, appPorts.grpc));
    const more = [{ ...fresh, ports: [{ port: 80, protocol: 'grpc' as const }] }];
    await world.mesh.push.give(buyer.spec.podUid, buyerTree(world, { more }));
    appV2.does.grpc = stream => {
      stream.once('data', () => stream.respond({ ':status': 200 })).pipe(stream);
    };
    const session = await openHTTP2(buyer, 'fresh:80');
    const call = ask(session, 0, 'POST');
    const outcome = outcomeOf(call);
    call.write('a part');
    await once(call, 'response');
    call.end(' and the rest');
    expect(await outcome).toMatchObject({ status: 200, body: 'a part and the rest' });
    session.destroy();
  },

  'answers whose parts alternate keep their lengths': async ({ buyer, app }) => {
    const came = streamsOf(app, bodies.length);
    const session = await openHTTP2(buyer, 'store:81');
    const outcomes = bodies.map((_, at) => outcomeOf(ask(session, at)));
    const streams = await came;
    for (const [at, body] of bodies.entries()) streams[at]?.respond({ ':status': 200, 'content-length': body.length });
    for (const [at, body] of bodies.entries()) await written(streams[at], body.slice(0, body.length / 2));
    for (const [at, body] of bodies.entries()) streams[at]?.end(body.slice(body.length / 2));
    expect(await Promise.all(outcomes)).toEqual(bodies.map(body => ({ status: 200, body, trailers: {} })));
    session.destroy();
  },

  'requests whose parts alternate keep their lengths': async ({ buyer, app }) => {
    const session = await openHTTP2(buyer, 'store:81');
    app.does.grpc = async stream => {
      const body = await bytesOf(stream);
      stream.respond({ ':status': 200 });
      stream.end(body);
    };
    const calls = bodies.map((body, at) => ask(session, at, 'POST', { 'content-length': body.length }));
    const outcomes = calls.map(outcomeOf);
    for (const [at, body] of bodies.entries()) await written(calls[at], body.slice(0, body.length / 2));
    for (const [at, body] of bodies.entries()) calls[at]?.end(body.slice(body.length / 2));
    expect(await Promise.all(outcomes)).toEqual(bodies.map(body => ({ status: 200, body, trailers: {} })));
    session.destroy();
  },

  ...lines(answers, 'an answer beside one that goes on is whole', async ({ buyer, app }, answer) => {
    const { method, head, body = '', trailers } = answer;
    const came = streamsOf(app, 2);
    const session = await openHTTP2(buyer, 'store:81');
    const [one, other] = [outcomeOf(ask(session, 0)), outcomeOf(ask(session, 1, method))];
    const [first, second] = await came;
    first?.respond({ ':status': 200, 'content-length': 4 });
    await written(first, 'on');
    await answered(second, head, body, trailers);
    expect(await other).toEqual({ status: head[':status'], body, trailers: trailers ?? {} });
    first?.end('on');
    expect(await one).toEqual({ status: 200, body: 'onon', trailers: {} });
    session.destroy();
  }),

  ...lines(answers, 'an answer that goes on is whole beside one', async ({ buyer, app }, answer) => {
    const { method, head, body = '', trailers } = answer;
    const came = streamsOf(app, 2);
    const session = await openHTTP2(buyer, 'store:81');
    const [one, other] = [outcomeOf(ask(session, 0, method)), outcomeOf(ask(session, 1))];
    const [first, second] = await came;
    first?.respond(head, { waitForTrailers: trailers !== undefined, endStream: false });
    first?.once('wantTrailers', () => first.sendTrailers(trailers ?? {}));
    second?.respond({ ':status': 200, 'content-length': 4 });
    second?.end('onon');
    expect(await other).toEqual({ status: 200, body: 'onon', trailers: {} });
    first?.end(body);
    expect(await one).toEqual({ status: head[':status'], body, trailers: trailers ?? {} });
    session.destroy();
  }),

  'an upload beside one that goes on is whole, with its trailers': async ({ buyer, app }) => {
    const session = await openHTTP2(buyer, 'store:81');
    app.does.grpc = async stream => {
      let trailers: Readonly<Record<string, unknown>> = {};
      stream.on('trailers', headers => {
        trailers = headers;
      });
      const body = await bytesOf(stream);
      stream.respond({ ':status': 200 });
      stream.end(`${body} ${JSON.stringify(trailers)}`);
    };
    const first = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false, waitForTrailers: true });
    first.once('wantTrailers', () => first.sendTrailers({ 'x-t': 'a trailer' }));
    const one = outcomeOf(first);
    await written(first, 'on');
    const second = outcomeOf(ask(session, 1, 'POST', { 'content-length': 1 }).end('x'));
    expect(await second).toMatchObject({ status: 200, body: 'x {}' });
    first.end('on');
    expect(await one).toMatchObject({ status: 200, body: 'onon {"x-t":"a trailer"}' });
    session.destroy();
  },

  'a call that was sent again and given up costs no other call': async world => {
    const { buyer, app } = world;
    const streams: ServerHttp2Stream[] = [];
    const came = (count: number) =>
      new Promise<void>(resolve => {
        app.does.grpc = stream => {
          streams.push(stream);
          if (streams.length === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
          if (streams.length === count) resolve();
        };
      });
    const sentAgain = came(2);
    const first = await openHTTP2(buyer, 'store:81');
    ask(first, 0).on('error', () => undefined);
    await sentAgain;
    first.destroy();
    // The sidecars have heard of that when they have served somebody else.
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
    const another = came(3);
    const second = await openHTTP2(buyer, 'store:81');
    ask(second, 1).on('error', () => undefined);
    await another;
    streams[1]?.on('error', () => undefined);
    if (streams[1]?.destroyed === false) streams[1].respond({ ':status': 200 }, { endStream: true });
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
    second.destroy();
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
    streams[1]?.session?.destroy();
    streams[2]?.session?.destroy();
    app.reset();
    for (let times = 0; times < 3; times++) {
      const third = await openHTTP2(buyer, 'store:81');
      expect(await outcomeOf(ask(third, 2))).toMatchObject({ status: 200 });
      third.destroy();
    }
    expect([buyer, world.store].map(({ program }) => program?.running)).toEqual([true, true]);
  },
};

/** Writes, and waits until it is on its way. */
function written(stream: ClientHttp2Stream | ServerHttp2Stream | undefined, text: string): Promise<void> {
  return new Promise(resolve => {
    if (stream === undefined || text === '') return resolve();
    stream.write(text, () => resolve());
  });
}

async function answered(
  stream: ServerHttp2Stream | undefined,
  head: OutgoingHttpHeaders,
  body: string,
  trailers: OutgoingHttpHeaders | undefined,
): Promise<void> {
  if (stream === undefined) return;
  stream.respond(head, { waitForTrailers: trailers !== undefined });
  stream.once('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
  if (!stream.writableEnded) stream.end(body);
  await once(stream, 'close');
}
