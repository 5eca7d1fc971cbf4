import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { App } from '../harness/apps.ts';
import { bytesOf, drained, http2 as openHTTP2, raw, request } from '../harness/client.ts';
import { beginning, framesOf, headOf } from '../harness/frames.ts';
import { outboundOf } from '../harness/mesh.ts';
import { type Chapter, storeTree, type World } from '../harness/world.ts';

const post = { ':method': 'POST', ':path': '/shop.Store/Buy', te: 'trailers', 'content-type': 'application/grpc' };

/** The next stream that the app gets, for the test to play the app. */
function nextStream({ does }: App) {
  return new Promise<{ stream: ServerHttp2Stream; headers: Readonly<Record<string, unknown>> }>(resolve => {
    does.grpc = (stream, headers) => resolve({ stream, headers });
  });
}

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const [headers] = await once(stream, 'response');
  return headers[':status'];
}

/** Streams that have ended, and how: by a reset, with a plain 200, or with another head. */
function endsOf(bytes: Buffer): ReadonlyMap<number, 'reset' | '200' | 'refused'> {
  const [heads, ends] = [new Map<number, '200' | 'refused'>(), new Map<number, 'reset' | '200' | 'refused'>()];
  for (const [type, flags, stream, first] of framesOf(bytes)) {
    // The eighth entry of the table that both sides begin with is `:status: 200` (RFC 7541, appendix A).
    if (type === 1 && !heads.has(stream)) heads.set(stream, first === 0x88 ? '200' : 'refused');
    if (type === 3) ends.set(stream, 'reset');
    if (type < 2 && (flags & 1) !== 0) ends.set(stream, heads.get(stream) ?? 'refused');
  }
  return ends;
}

/** Waits until these streams have ended, or the connection. */
function endsOn(socket: Socket, ...streams: readonly number[]): Promise<ReturnType<typeof endsOf>> {
  return new Promise(resolve => {
    let bytes = Buffer.alloc(0);
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk]);
      const ends = endsOf(bytes);
      if (streams.every(stream => ends.has(stream))) resolve(ends);
    });
    socket.on('error', () => socket.destroy()).once('close', () => resolve(endsOf(bytes)));
  });
}

/** Requests that have no path for the rules to look at, or one that is none (RFC 9113, 8.5). */
const pathless: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'without a path': { ':method': 'GET', ':scheme': 'http', ':authority': 'store:81' },
  'with an empty path': { ':method': 'GET', ':scheme': 'http', ':path': '', ':authority': 'store:81' },
  'for a tunnel, with a path': {
    ':method': 'CONNECT',
    ':scheme': 'http',
    ':path': 'store:82',
    ':authority': 'store:81',
  },
  'for a tunnel': { ':method': 'CONNECT', ':authority': 'store:81' },
};

/** Ends a call and says how it went: by its status, from headers that end the stream or from trailers, or by a reset. */
async function outcomeOf(call: ClientHttp2Stream) {
  let told: Readonly<Record<string, unknown>> = {};
  call.on('response', (headers, flags) => {
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) told = headers;
  });
  call.on('trailers', headers => {
    told = headers;
  });
  const closed = new Promise(resolve => call.on('error', () => undefined).once('close', resolve));
  call.resume().end();
  await closed;
  const reset = call.rstCode !== constants.NGHTTP2_NO_ERROR;
  return { reset, status: told['grpc-status'], message: told['grpc-message'] };
}

export const http2: Chapter = {
  'HTTP/2 with prior knowledge reaches an HTTP/2 app': async ({ buyer }) => {
    const session = await openHTTP2(buyer, 'store:81');
    const stream = session.request({ ':path': '/a?b', 'x-mixed': 'one' });
    expect(await statusOf(stream)).toBe(200);
    const { app, headers } = JSON.parse(String(await bytesOf(stream)));
    expect([app, headers[':path'], headers[':authority'], headers['x-mixed']]).toEqual([
      'v1',
      '/a?b',
      'store:81',
      'one',
    ]);
    session.close();
  },

  'calls on one connection go where each of them says': async ({ buyer }) => {
    const session = await openHTTP2(buyer, 'store:81');
    const ask = (authority: string) => statusOf(session.request({ ':path': '/', ':authority': authority }));
    expect([await ask('store:81'), await ask('nowhere:81'), await ask('store.shop:81')]).toEqual([200, 404, 200]);
    session.close();
  },

  'names that no header may have do not reach the app, and change nothing for requests after': async ({
    buyer,
    app,
  }) => {
    const seen: string[] = [];
    app.does.grpc = (stream, headers) => {
      seen.push(Object.keys(headers).join('|'));
      stream.respond({ ':status': 200 }, { endStream: true });
    };
    const pseudo = { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'store:81' };
    const socket = connect(outboundOf(buyer));
    socket.on('error', () => socket.destroy()).setTimeout(500, () => socket.destroy());
    socket.write(beginning);
    socket.write(headOf(1, { ...pseudo, 'a:serviceidentity': 'x' }));
    socket.write(headOf(3, { ...pseudo, 'a\rb': 'x' }));
    await drained(socket);
    // Refused with the request, or left out of it.
    for (const names of seen.splice(0)) expect(names).not.toMatch(/serviceidentity|\r/);
    const session = await openHTTP2(buyer, 'store:81');
    expect(await statusOf(session.request({ ':path': '/', a: '1', serviceidentity: 'evil' }))).toBe(200);
    expect(seen).toEqual([expect.not.stringContaining('serviceidentity')]);
    session.close();
  },

  ...Object.fromEntries(
    Object.entries(pathless).map(([name, head]) => [
      `a request ${name} is refused, alone or with its connection`,
      async ({ buyer, app }: World) => {
        const paths: unknown[] = [];
        app.does.grpc = (stream, headers) => {
          paths.push(headers[':path']);
          stream.respond({ ':status': 200 }, { endStream: true });
        };
        const next = { ...pathless['without a path'], ':path': '/next' };
        const socket = connect(outboundOf(buyer));
        socket.write(Buffer.concat([beginning, headOf(1, head), headOf(3, next)]));
        const ends = await endsOn(socket, 1, 3);
        socket.destroy();
        expect(paths.filter(path => path !== '/next')).toEqual([]);
        expect(ends.get(1)).not.toBe('200');
        if (ends.has(1)) expect(ends.get(3)).toBe('200');
        const session = await openHTTP2(buyer, 'store:81');
        expect(await statusOf(session.request({ ':path': '/' }))).toBe(200);
        session.close();
      },
    ]),
  ),

  'an HTTP/1.1 request to a gRPC port arrives over HTTP/2': async ({ buyer }) => {
    const { status, app } = await request(buyer, { host: 'store:81', method: 'POST', body: 'x' });
    expect([status, app]).toEqual([200, 'v1']);
  },

  'an HTTP/1.1 request arrives over HTTP/2 wherever its Host stands': async ({ buyer }) => {
    const answer = await raw(buyer, 'GET /a HTTP/1.1\r\nX-A: b\r\nHost: store:81\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*":authority":"store:81"/);
  },

  'a client of HTTP/1.1 is told a length by an app of HTTP/2 only where it gave one': async ({ buyer, app }) => {
    const cases = [
      ['GET', 304, undefined],
      ['HEAD', 200, undefined],
      ['HEAD', 200, 1234],
      ['GET', 304, 1234],
    ] as const;
    for (const [method, status, length] of cases) {
      const named = length === undefined ? {} : { 'content-length': length };
      app.does.grpc = stream => stream.respond({ ':status': status, 'x-a': 'b', ...named }, { endStream: true });
      const answer = await request(buyer, { host: 'store:81', method });
      expect([method, answer.status, answer.headers['content-length'], answer.headers['x-a']]).toEqual([
        method,
        status,
        length === undefined ? undefined : String(length),
        'b',
      ]);
    }
  },

  'messages go both ways at once, and trailers end the call (gRPC)': async ({ buyer, app }) => {
    const arrived = nextStream(app);
    const session = await openHTTP2(buyer, 'store:81');
    const call = session.request(post);
    call.write('ping 1');
    const { stream, headers } = await arrived;
    expect(headers.te).toBe('trailers');
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'done' }));
    expect(await statusOf(call)).toBe(200);
    for (const number of [1, 2, 3]) {
      expect(String((await once(stream, 'data'))[0])).toBe(`ping ${number}`);
      stream.write(`pong ${number}`);
      expect(String((await once(call, 'data'))[0])).toBe(`pong ${number}`);
      if (number < 3) call.write(`ping ${number + 1}`);
    }
    const trailers = once(call, 'trailers');
    call.end();
    await once(stream.resume(), 'end');
    stream.end();
    expect((await trailers)[0]['grpc-status']).toBe('0');
    session.close();
  },

  'a status without a message arrives as one: in headers that end the stream, or in trailers (gRPC)': async world => {
    const { buyer, app } = world;
    const answer = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'none' };
    app.does.grpc = stream => stream.respond(answer, { endStream: true });
    const session = await openHTTP2(buyer, 'store:81');
    expect(await outcomeOf(session.request(post))).toMatchObject({ status: '5', message: 'none' });
    session.close();
  },

  'what a call of gRPC that has no message says at its end is not at its beginning': async ({ buyer, app }) => {
    const details = { 'grpc-status-details-bin': 'CAUSBG5vbmU', 'x-custom': 'a' };
    const answer = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', ...details };
    app.does.grpc = stream => stream.respond(answer, { endStream: true });
    const session = await openHTTP2(buyer, 'store:81');
    const call = session.request(post);
    let said: object = {};
    call.on('response', (headers, flags) => {
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) said = headers;
    });
    call.on('trailers', headers => {
      said = headers;
    });
    await once(call.resume().end(), 'close');
    expect(said).toMatchObject({ 'grpc-status': '5', ...details });
    session.close();
  },

  'a header with the name of a status does nothing to other answers': async ({ buyer, app }) => {
    const types = ['application/json', 'application/grpc-web+proto'];
    const session = await openHTTP2(buyer, 'store:81');
    for (const type of types) {
      const answer = { ':status': 200, 'content-type': type, 'grpc-status': '0', 'x-own': '1' };
      app.does.grpc = stream => {
        stream.respond(answer);
        stream.end('{}');
      };
      const call = session.request(post);
      call.resume().end();
      const [head] = await once(call, 'response');
      expect(head).toMatchObject({ 'content-type': type, 'grpc-status': '0', 'x-own': '1' });
    }
    session.close();
  },

  'an answer of gRPC without a status is the client’s to judge': async ({ buyer, app }) => {
    const session = await openHTTP2(buyer, 'store:81');
    for (const body of ['', 'a part']) {
      app.does.grpc = stream => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { endStream: body === '' });
        if (body !== '') stream.end(body);
      };
      expect(await outcomeOf(session.request(post))).toEqual({ reset: false, status: undefined, message: undefined });
    }
    session.close();
  },

  'a cancelled call is cancelled at the app': async ({ buyer, app }) => {
    const arrived = nextStream(app);
    const session = await openHTTP2(buyer, 'store:81');
    const call = session.request(post);
    call.on('error', () => undefined).write('x');
    const { stream } = await arrived;
    const closed = new Promise(resolve => stream.on('error', () => undefined).once('close', resolve));
    call.close(constants.NGHTTP2_CANCEL);
    await closed;
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
    session.close();
  },

  'calls of a client that goes away end at the app': async ({ buyer, app }) => {
    const arrived = nextStream(app);
    const session = await openHTTP2(buyer, 'store:81');
    const call = session.request(post);
    call.on('error', () => undefined).write('x');
    const { stream } = await arrived;
    const closed = new Promise(resolve => stream.on('error', () => undefined).once('close', resolve));
    session.destroy();
    await closed;
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
  },

  'a call that the app breaks off does not look complete (gRPC)': async ({ buyer, app }) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write('a part', () => stream.destroy(new Error('broken off')));
    };
    const session = await openHTTP2(buyer, 'store:81');
    // Reset, or with a status that says so.
    const { reset, status } = await outcomeOf(session.request(post));
    expect(reset || (status !== undefined && status !== '0')).toBe(true);
    session.close();
  },

  'a response that the app breaks off does not look complete': async ({ buyer, app }) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.write('a part', () => stream.destroy(new Error('broken off')));
    };
    const session = await openHTTP2(buyer, 'store:81');
    expect((await outcomeOf(session.request(post))).reset).toBe(true);
    session.close();
  },

  '4 MB go up and come back whole over HTTP/2': async ({ buyer, app }) => {
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    };
    const session = await openHTTP2(buyer, 'store:81');
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    const body = randomBytes(4 * 1024 * 1024);
    stream.end(body);
    expect((await bytesOf(stream)).equals(body)).toBe(true);
    session.close();
  },

  'a refusal reaches a client of HTTP/2, with the reason': async world => {
    const { buyer, store, mesh } = world;
    await mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: false }));
    const session = await openHTTP2(buyer, 'store:81');
    const stream = session.request({ ':path': '/' });
    expect(await statusOf(stream)).toBe(403);
    expect(String(await bytesOf(stream))).toContain('no-rule-for-principal');
    session.close();
  },

  'many calls share a connection': async ({ buyer }) => {
    const session = await openHTTP2(buyer, 'store:81');
    const statuses = await Promise.all(
      Array.from({ length: 150 }, async () => {
        const stream = session.request({ ':path': '/' });
        const status = await statusOf(stream);
        await bytesOf(stream);
        return status;
      }),
    );
    expect(statuses.filter(status => status === 200).length).toBe(150);
    session.close();
  },
};
