/** HTTP/2 beyond the ordinary: servers that leave, reset and announce; heads of any size (RFC 9113, 6.4, 6.8 and 8.1). */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { bytesOf, drained, http2 as openHTTP2, request } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import { buyerTree, type Chapter, serviceAt, type World } from '../harness/world.ts';

interface Outcome {
  readonly status: number | undefined;
  readonly text: string;
  readonly reset: boolean;
}

/** How a call went, however it went. */
async function outcomeOf(call: ClientHttp2Stream): Promise<Outcome> {
  let status: number | undefined;
  let text = '';
  call.on('response', headers => {
    status = headers[':status'];
  });
  call.on('data', chunk => {
    text += chunk;
  });
  await new Promise(resolve => call.on('error', () => undefined).once('close', resolve));
  return { status, text, reset: call.rstCode !== constants.NGHTTP2_NO_ERROR };
}

/** Asks, and gives the outcome; a call that hangs lets its test run out of time. */
function ask(session: ClientHttp2Session, headers: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const call = session.request({ ':path': '/', ...headers });
  return outcomeOf(call);
}

const isError = ({ status, reset }: Outcome) => reset || (status !== undefined && status >= 500);

/** Answers `hello` to everything but the first call, which the test plays. */
function firstCall({ app }: World): Promise<ServerHttp2Stream> {
  return new Promise(resolve => {
    let calls = 0;
    app.does.grpc = stream => {
      calls += 1;
      if (calls === 1) return resolve(stream);
      stream.respond({ ':status': 200 });
      stream.end('hello');
    };
  });
}

/** What a server can do when it leaves in good order, and the calls that are under way must not notice. */
const leaving: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  'with the last stream': ({ session, id = 1 }) => session?.goaway(constants.NGHTTP2_NO_ERROR, id),
  'with a notice before': ({ session }) => session?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1),
  'with words': ({ session, id = 1 }) => session?.goaway(constants.NGHTTP2_NO_ERROR, id, Buffer.from('max_age')),
};

/** Resolves when the other side has read all that was sent: it has answered a PING that came behind. */
async function answered({ session }: ServerHttp2Stream): Promise<void> {
  await new Promise(resolve => session?.ping(resolve) || resolve(undefined));
}

export const http2Upstreams: Chapter = {
  ...Object.fromEntries(
    Object.entries(leaving).map(([how, leave]) => [
      `a server that leaves, ${how}, finishes its calls; new ones go to a new connection`,
      async (world: World) => {
        const arrived = firstCall(world);
        const session = await openHTTP2(world.buyer, 'store:81');
        const first = session.request({ ':method': 'POST', ':path': '/first' });
        const outcome = outcomeOf(first);
        first.write('a part');
        const stream = await arrived;
        stream.respond({ ':status': 200 });
        stream.write('begun ');
        await once(first, 'response');
        leave(stream);
        await answered(stream);
        expect(await ask(session)).toMatchObject({ status: 200, text: 'hello' });
        first.end();
        await once(stream.resume(), 'end');
        stream.end('ended');
        expect(await outcome).toMatchObject({ status: 200, text: 'begun ended', reset: false });
        session.destroy();
      },
    ]),
  ),

  'a call that is on its way when the server leaves is answered or refused at once': async world => {
    const arrived = firstCall(world);
    const session = await openHTTP2(world.buyer, 'store:81');
    const first = session.request({ ':method': 'POST', ':path': '/first' });
    const outcome = outcomeOf(first);
    first.write('a part');
    const stream = await arrived;
    stream.session?.close();
    expect((await ask(session)).status).not.toBeUndefined();
    stream.respond({ ':status': 200 });
    stream.end('whole');
    first.end();
    expect(await outcome).toMatchObject({ status: 200, text: 'whole' });
    session.destroy();
  },

  'a call that the app resets before it answers fails at once': async world => {
    world.app.does.grpc = stream => stream.close(constants.NGHTTP2_REFUSED_STREAM);
    const session = await openHTTP2(world.buyer, 'store:81');
    for (let i = 0; i < 3; i++) expect(isError(await ask(session))).toBe(true);
    world.app.reset();
    expect(await ask(session)).toMatchObject({ status: 200 });
    session.destroy();
  },

  'a call that no app has looked at is given back to its client (RFC 9113, 8.7), or sent once more': async world => {
    for (const [method, times] of [
      ['POST', 1],
      ['GET', 3],
    ] as const) {
      let came = 0;
      world.app.does.grpc = stream => {
        came += 1;
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
      };
      const session = await openHTTP2(world.buyer, 'store:81');
      const call = session.request({ ':path': '/', ':method': method }, { endStream: method === 'GET' });
      call.end('a message');
      expect(await outcomeOf(call)).toEqual({ status: undefined, text: '', reset: true });
      expect(call.rstCode).toBe(constants.NGHTTP2_REFUSED_STREAM);
      expect(came).toBeGreaterThanOrEqual(times);
      world.app.reset();
      expect(await ask(session)).toMatchObject({ status: 200 });
      session.destroy();
    }
  },

  'a call that no app has looked at is told to a client of HTTP/1.1, or sent once more': async world => {
    let came = 0;
    world.app.does.grpc = stream => {
      came += 1;
      if (came === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      stream.respond({ ':status': 200 });
      stream.end();
    };
    expect(await request(world.buyer, { host: 'store:81' })).toMatchObject({ status: 200 });
    came = 0;
    const post = { host: 'store:81', method: 'POST', body: 'a message' };
    expect(await request(world.buyer, post)).toMatchObject({
      status: 503,
      text: expect.stringMatching(/^upstream-refused: /),
    });
    expect(await request(world.buyer, post)).toMatchObject({ status: 200 });
  },

  'interim answers over HTTP/2 are passed on, dropped, or end their call; nothing hangs': async world => {
    for (const status of [100, 102, 103, 199]) {
      world.app.does.grpc = stream => {
        stream.additionalHeaders({ ':status': status, ...(status === 103 && { link: '</a>' }) });
        stream.respond({ ':status': 200 });
        stream.end('hello');
      };
      const session = await openHTTP2(world.buyer, 'store:81');
      const outcome = await ask(session);
      if (!isError(outcome)) expect(outcome).toMatchObject({ status: 200, text: 'hello' });
      world.app.reset();
      expect(await ask(session)).toMatchObject({ status: 200 });
      session.destroy();
    }
  },

  'headers of up to 60 KB go both ways': async world => {
    for (const size of [4_000, 9_000, 20_000, 60_000]) {
      const value = 'x'.repeat(size / 4);
      let came = '';
      world.app.does.grpc = (stream, headers) => {
        came = [1, 2, 3, 4].map(n => headers[`x-${n}`]).join('');
        stream.respond({ ':status': 200, 'x-1': value, 'x-2': value, 'x-3': value, 'x-4': value.slice(0, 4000) });
        stream.end();
      };
      const session = await openHTTP2(world.buyer, 'store:81');
      const call = session.request({
        ':path': '/',
        'x-1': value,
        'x-2': value,
        'x-3': value,
        'x-4': value.slice(0, 4000),
      });
      const [headers] = await once(call, 'response');
      expect([headers[':status'], String(headers['x-1']).length, came.length]).toEqual([
        200,
        value.length,
        3 * value.length + Math.min(value.length, 4000),
      ]);
      await bytesOf(call);
      session.destroy();
    }
  },

  'headers of 200 KB are refused, alone or with their connection': async world => {
    const session = await openHTTP2(world.buyer, 'store:81');
    const long = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`x-${at}`, 'x'.repeat(10_000)]));
    const outcome = await ask(session, long);
    if (!outcome.reset) expect(outcome.status === undefined || outcome.status === 431).toBe(true);
    session.destroy();
    const other = await openHTTP2(world.buyer, 'store:81');
    expect(await ask(other)).toMatchObject({ status: 200 });
    other.destroy();
  },

  'an upload whose app resets it without an answer, or an error, is an error each time': async ({ buyer, app }) => {
    for (let time = 0; time < 40; time++) {
      const socket = connect(outboundOf(buyer));
      app.does.grpc = stream => {
        stream.destroy();
        socket.write('2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n');
      };
      socket.write('PUT / HTTP/1.1\r\nHost: store:81\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n');
      expect(await drained(socket)).toMatch(/^(HTTP\/1\.1 50[23] |$)/);
    }
  },

  'an answer that has no body is whole with its head': async ({ buyer, app }) => {
    const session = await openHTTP2(buyer, 'store:81');
    for (const status of [204, 304]) {
      app.does.grpc = stream => stream.respond({ ':status': status }, { endStream: false });
      for (let times = 0; times < 2; times++) expect((await request(buyer, { host: 'store:81' })).status).toBe(status);
      expect(await ask(session)).toMatchObject({ status, reset: false });
    }
    session.destroy();
  },

  'Expect over HTTP/2 is answered': async world => {
    world.app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    };
    const session = await openHTTP2(world.buyer, 'store:81');
    const call = session.request({ ':method': 'PUT', ':path': '/', expect: '100-continue' });
    const outcome = outcomeOf(call);
    call.end('body');
    expect(await outcome).toMatchObject({ status: 200, text: 'body' });
    session.destroy();
  },

  'an app of HTTP/2 that is not there is told apart, as one of HTTP/1.1 is': async world => {
    const endpoint = { address: world.store.spec.podAddress, port: 8099, principal: world.store.principal };
    const service = serviceAt('gone', endpoint);
    const tree = buyerTree(world, {
      more: [
        service,
        {
          ...service,
          key: 'shop/gone2',
          ports: [{ port: 80, protocol: 'http2' }],
          backends: { 'shop/gone2:80': [endpoint] },
        },
      ],
    });
    await world.mesh.push.give(world.buyer.spec.podUid, tree);
    const first = await request(world.buyer, { host: 'gone' });
    const second = await request(world.buyer, { host: 'gone2' });
    const session = await openHTTP2(world.buyer, 'gone2:80');
    const third = await ask(session);
    session.destroy();
    expect([first.status, second.status, third.status]).toEqual([503, 503, 503]);
    expect([first.text, second.text, third.text]).toEqual(
      Array(3).fill(expect.stringMatching(/^upstream-unreachable: /)),
    );
  },
};
