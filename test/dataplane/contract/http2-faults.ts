/** Apps of HTTP/2 that break off or break the protocol (RFC 9113, 5.4): an error at once, and no more than that. */
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import { http2 as openHTTP2, raw } from '../harness/client.ts';
import { answerFrames, frame, goaway, headOf, serveFrames } from '../harness/frames.ts';
import { lines, sound } from '../harness/sound.ts';
import type { Chapter, World } from '../harness/world.ts';

const reset = (stream: number, code: number) => frame(3, 0, stream, Buffer.from([0, 0, 0, code]));
const begun = (stream: number) => headOf(stream, { ':status': '200' }, false);
const nothing = Buffer.alloc(0);
const ending = (stream: number) => frame(0, 1, stream, nothing);
const whole = (stream: number) => headOf(stream, { ':status': '200' });
const body = (stream: number) => frame(0, 0, stream, Buffer.from('a part'));
const part = (stream: number) => Buffer.concat([begun(stream), body(stream)]);

interface Play {
  readonly frames: (stream: number) => Buffer;
  /** The app ends its connection in good order behind them. */
  readonly ends?: boolean;
}

/** What is no whole answer, however it ends. */
const cut: Readonly<Record<string, Play>> = {
  'a reset with NO_ERROR': { frames: stream => reset(stream, 0) },
  'a reset with CANCEL': { frames: stream => reset(stream, 8) },
  'a head, and a reset with NO_ERROR': { frames: stream => Buffer.concat([begun(stream), reset(stream, 0)]) },
  'a part, and a reset with NO_ERROR': { frames: stream => Buffer.concat([part(stream), reset(stream, 0)]) },
  'a part, and a reset with CANCEL': { frames: stream => Buffer.concat([part(stream), reset(stream, 8)]) },
  'an interim answer, and a reset with NO_ERROR': {
    frames: stream => Buffer.concat([headOf(stream, { ':status': '103' }, false), reset(stream, 0)]),
  },
  'an end of the connection': { frames: () => Buffer.alloc(0), ends: true },
  'a part, and an end of the connection': { frames: part, ends: true },
  'a part, a GOAWAY, and an end of the connection': {
    frames: stream => Buffer.concat([part(stream), goaway()]),
    ends: true,
  },
  'a part that is shorter than its length': {
    frames: stream =>
      Buffer.concat([
        headOf(stream, { ':status': '200', 'content-length': '9' }, false),
        frame(0, 1, stream, Buffer.from('a part')),
      ]),
  },
};

/** What RFC 9113 makes an error of the connection, or of the stream. */
const wrong: Readonly<Record<string, Play>> = {
  'a head that is padded beyond its size': { frames: stream => frame(1, 0x9f, stream, Buffer.from([0x88])) },
  'a head that cannot be decoded': { frames: stream => frame(1, 5, stream, Buffer.from([0x80])) },
  'a body before its head': { frames: stream => frame(0, 0, stream, Buffer.from('x')) },
  'a body of no stream': { frames: () => frame(0, 0, 0, Buffer.from('x')) },
  'a frame that is too large': { frames: stream => frame(0, 0, stream, Buffer.alloc(20_000)) },
  'a window that grows beyond what it can have': {
    frames: stream => Buffer.concat([begun(stream), frame(8, 0, stream, Buffer.from([0x7f, 0xff, 0xff, 0xff]))]),
  },
  'a window that grows by nothing': { frames: stream => frame(8, 0, stream, Buffer.alloc(4)) },
  'a window that is too short': { frames: stream => frame(8, 0, stream, Buffer.alloc(2)) },
  'a ping of a stream': { frames: stream => frame(6, 0, stream, Buffer.alloc(8)) },
  'a name in capitals': { frames: stream => headOf(stream, { ':status': '200', 'X-A': '1' }) },
  'no status': { frames: stream => headOf(stream, { 'x-a': '1' }) },
};

/** Each of them, and each behind a GOAWAY that leaves the calls under way in peace (RFC 9113, 6.8). */
const faults: Readonly<Record<string, Play>> = Object.fromEntries(
  Object.entries({ ...cut, ...wrong }).flatMap(([name, play]) => [
    [name, play],
    [
      `GOAWAY, and ${name}`,
      { ...play, frames: (stream: number) => Buffer.concat([goaway(), play.frames(stream)]) },
    ] as const,
  ]),
);

/** What a call got, however it went; one that hangs lets its test run out of time. */
async function outcomeOf(call: ClientHttp2Stream): Promise<number | 'broken off' | undefined> {
  let status: number | undefined;
  call.on('response', headers => {
    status = headers[':status'];
  });
  await new Promise(resolve =>
    call
      .on('error', () => undefined)
      .resume()
      .once('close', resolve),
  );
  return call.rstCode === constants.NGHTTP2_NO_ERROR ? status : 'broken off';
}

const ask = (session: ClientHttp2Session, method = 'GET') =>
  session.request({ ':path': '/', ':method': method }, { endStream: true });

/** Lets the app play a part on every connection, for as long as the line lasts. */
async function playing(world: World, play: (socket: Socket) => void, run: () => Promise<void>): Promise<void> {
  const sockets = await serveFrames(world, play);
  // No other line may get an answer of this one.
  await run().finally(() => {
    for (const socket of sockets) socket.destroy();
  });
}

const plays =
  ({ frames, ends = false }: Play) =>
  (socket: Socket) =>
    answerFrames(socket, stream => {
      if (ends) setImmediate(() => socket.end());
      return frames(stream);
    });

/** Four calls at once, of which the first to come is answered so. */
const spoiled: Readonly<Record<string, readonly [frames: (stream: number) => Buffer, method?: string]>> = {
  'a body to HEAD': [part, 'HEAD'],
  'a body to 204': [stream => Buffer.concat([headOf(stream, { ':status': '204' }, false), body(stream)])],
  'a body to 304': [stream => Buffer.concat([frame(1, 4, stream, Buffer.from([0x8b])), body(stream)])],
  'two heads': [stream => Buffer.concat([begun(stream), begun(stream), body(stream)])],
  'a window that grows by nothing': [stream => frame(8, 0, stream, Buffer.alloc(4))],
  'padding alone': [stream => Buffer.concat([begun(stream), frame(0, 9, stream, Buffer.alloc(4, 3))])],
  'a head that is padded': [stream => frame(1, 0x2d, stream, Buffer.from([2, 0, 0, 0, 0, 16, 0x88, 0, 0]))],
  'a head in capitals': [stream => headOf(stream, { ':status': '200', 'X-A': '1' })],
  'a body before its head': [stream => frame(0, 0, stream, Buffer.from('x'))],
  'a head that cannot be decoded': [stream => frame(1, 5, stream, Buffer.from([0x80]))],
  'a head that cannot be decoded, and a body': [
    stream => Buffer.concat([frame(1, 4, stream, Buffer.from([255, 255, 255])), frame(0, 1, stream, Buffer.from('x'))]),
  ],
  'a frame that is too large': [stream => frame(0, 0, stream, Buffer.alloc(20_000))],
  'an error of the connection': [() => frame(0, 0, 0, Buffer.from('x'))],
};

/** Answers the first of `calls` requests with a fault, when all have come, and every other with 200. */
function spoilsFirst(calls: number, fault: (stream: number) => Buffer, came: (count: number) => void) {
  const waiting: [Socket, number][] = [];
  return (socket: Socket) =>
    answerFrames(socket, stream => {
      waiting.push([socket, stream]);
      came(waiting.length);
      if (waiting.length > calls) return headOf(stream, { ':status': '200' });
      if (waiting.length < calls) return Buffer.alloc(0);
      for (const [at, [to, id]] of waiting.entries()) to.write(at === 0 ? fault(id) : headOf(id, { ':status': '200' }));
      return Buffer.alloc(0);
    });
}

/** What an app that does not know yet that calls were given up says of them and of another, at once. */
const late: Readonly<Record<string, (givenUp: readonly number[], other: number) => Buffer[]>> = {
  'behind another': (givenUp, other) => [whole(other), ...givenUp.map(whole)],
  'before another': (givenUp, other) => [...givenUp.map(whole), whole(other)],
  'with a body, behind another': (givenUp, other) => [whole(other), ...givenUp.map(part), ...givenUp.map(ending)],
  'in parts around another': (givenUp, other) => [...givenUp.map(part), whole(other), ...givenUp.map(ending)],
  'as a reset, behind another': (givenUp, other) => [whole(other), ...givenUp.map(each => reset(each, 7))],
  'in a way that cannot be read, behind another': (givenUp, other) => [
    whole(other),
    ...givenUp.map(each => frame(1, 5, each, Buffer.from([0x80]))),
  ],
  'behind another and a GOAWAY': (givenUp, other) => [whole(other), goaway(), ...givenUp.map(whole)],
};

/** Calls at once, of which all but one are given up. */
const count = 8;

/** How an app ends a connection on which it has answered before, instead of its next answer. */
const leaves: Readonly<Record<string, (socket: Socket) => void>> = {
  'is closed': socket => socket.end(),
  'is reset': socket => socket.resetAndDestroy(),
  'is closed in the middle of a frame': socket => socket.end(begun(3).subarray(0, 5)),
  'breaks the protocol': socket => socket.write(frame(0, 0, 0, Buffer.from('x'))),
  'is closed behind a GOAWAY': socket => socket.end(goaway()),
};

/** Answers all but the second call of the first connection, for which that ends so; counts the calls that come. */
function leavesSecond(leave: (socket: Socket) => void, came: () => void) {
  let [connections, calls] = [0, 0];
  return (socket: Socket) => {
    connections += 1;
    const isFirst = connections === 1;
    answerFrames(socket, stream => {
      calls += 1;
      came();
      if (!isFirst || calls !== 2) return whole(stream);
      setImmediate(leave, socket);
      return nothing;
    });
  };
}

/** Clients of both versions: the status of a request that is sent once the one before has been answered. */
const clients: Readonly<Record<string, (world: World, methods: readonly string[]) => Promise<unknown[]>>> = {
  async 'HTTP/2'(world, methods) {
    const session = await openHTTP2(world.buyer, 'frames');
    const statuses: unknown[] = [];
    for (const method of methods) statuses.push(await outcomeOf(ask(session, method)));
    session.destroy();
    return statuses;
  },
  async 'HTTP/1.1'(world, methods) {
    const statuses: unknown[] = [];
    for (const method of methods) {
      const asked = `${method} / HTTP/1.1\r\nHost: frames\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
      statuses.push(Number((await raw(world.buyer, asked)).slice(9, 12)));
    }
    return statuses;
  },
};

const resets = { 'no error': constants.NGHTTP2_NO_ERROR, cancelled: constants.NGHTTP2_CANCEL };

export const http2Faults: Chapter = sound({
  ...lines(faults, 'no answer, or a part of one, is an error at once', async (world, play) => {
    await playing(world, plays(play), async () => {
      const session = await openHTTP2(world.buyer, 'frames');
      expect(await outcomeOf(ask(session))).toBeOneOf([502, 'broken off']);
      session.destroy();
      const answer = await raw(world.buyer, 'GET / HTTP/1.1\r\nHost: frames\r\nConnection: close\r\n\r\n');
      expect(answer).toMatch(/^(HTTP\/1\.1 103 [^\r]*\r\n\r\n)?(HTTP\/1\.1 (502 |200 (?![\s\S]*\r\n0\r\n))|$)/);
    });
  }),

  ...lines(spoiled, 'a wrong answer does not spoil those of other GETs', async (world, [fault, method = 'GET']) => {
    let first: () => void = () => undefined;
    const came = (count: number) => count === 1 && first();
    await playing(world, spoilsFirst(4, fault, came), async () => {
      const session = await openHTTP2(world.buyer, 'frames');
      const arrived = new Promise<void>(resolve => {
        first = resolve;
      });
      const spoiledCall = outcomeOf(ask(session, method));
      await arrived;
      const others = ['GET', 'HEAD', 'GET'].map(each => outcomeOf(ask(session, each)));
      expect(await Promise.all(others)).toEqual([200, 200, 200]);
      expect(await spoiledCall).toBeOneOf([200, 204, 304, 502, 'broken off']);
      session.destroy();
    });
  }),

  'a head in pieces is a head, wherever they end (RFC 9113, 6.10)': async world => {
    const block = headOf(1, { ':status': '200', 'x-a': 'b' }).subarray(9);
    for (const [first, second = block.length] of [[0], [1], [5], [9, 12], [11], [15, 16], [16], [20], [2, 3]]) {
      const pieces = (stream: number) => [
        frame(1, 1, stream, block.subarray(0, first)),
        frame(9, 0, stream, block.subarray(first, second)),
        frame(9, 4, stream, block.subarray(second)),
      ];
      await playing(world, plays({ frames: stream => Buffer.concat(pieces(stream)) }), async () => {
        const session = await openHTTP2(world.buyer, 'frames');
        expect(await Promise.all([ask(session), ask(session, 'HEAD')].map(outcomeOf))).toEqual([200, 200]);
        session.destroy();
      });
    }
  },

  'a HEAD whose connection breaks while its answer comes ends, with the GET that breaks it': async world => {
    let connections = 0;
    const play = (socket: Socket) => {
      const isFirst = connections++ === 0;
      const waiting: number[] = [];
      answerFrames(socket, stream => {
        if (!isFirst) return whole(stream);
        const [other] = waiting.splice(0, 1);
        if (other === undefined) waiting.push(stream);
        if (other === undefined) return nothing;
        return Buffer.concat([frame(1, 5, other, Buffer.from([255, 255, 255])), part(stream), ending(stream)]);
      });
    };
    await playing(world, play, async () => {
      const session = await openHTTP2(world.buyer, 'frames');
      const outcomes = ['GET', 'HEAD'].map(method => outcomeOf(ask(session, method)));
      expect(await Promise.all(outcomes)).toEqual([200, 200]);
      session.destroy();
    });
  },

  'a GET that is answered wrongly is asked for twice at most, a POST once': async world => {
    for (const [method, most] of [
      ['GET', 2],
      ['POST', 1],
    ] as const) {
      let asked = 0;
      const play = plays({
        frames: stream => {
          asked += 1;
          return frame(0, 0, stream, Buffer.from('x'));
        },
      });
      await playing(world, play, async () => {
        const session = await openHTTP2(world.buyer, 'frames');
        expect(await outcomeOf(ask(session, method))).toBeOneOf([502, 'broken off']);
        expect(asked).toBeLessThanOrEqual(most);
        session.destroy();
      });
    }
  },

  ...lines(late, 'answers to calls that were given up are for nobody', async (world, answer) => {
    const [leaving, staying] = await Promise.all([openHTTP2(world.buyer, 'frames'), openHTTP2(world.buyer, 'frames')]);
    const cancel = new AbortController();
    const calls: number[] = [];
    const givenUp = new Set<number>();
    const play = (socket: Socket) =>
      answerFrames(
        socket,
        stream => {
          if (calls.push(stream) === count) cancel.abort();
          return calls.length > count ? whole(stream) : nothing;
        },
        stream => {
          givenUp.add(stream);
          const other = calls.find(each => !givenUp.has(each)) ?? 0;
          return givenUp.size === count - 1 ? Buffer.concat(answer([...givenUp], other)) : nothing;
        },
      );
    await playing(world, play, async () => {
      for (let time = 1; time < count; time++)
        leaving.request({ ':path': '/', ':method': 'POST' }, { signal: cancel.signal }).on('error', () => undefined);
      expect(await outcomeOf(ask(staying, 'POST'))).toBe(200);
      expect(await outcomeOf(ask(staying))).toBe(200);
      for (const session of [leaving, staying]) session.destroy();
    });
  }),

  ...lines(late, 'answers to GETs that were given up are for nobody', async (world, answer) => {
    const [leaving, staying] = await Promise.all([openHTTP2(world.buyer, 'frames'), openHTTP2(world.buyer, 'frames')]);
    const cancel = new AbortController();
    const calls: (readonly [socket: Socket, stream: number])[] = [];
    let came: () => void = () => undefined;
    const until = (size: number) =>
      new Promise<void>(resolve => {
        came = () => calls.length === size && resolve();
      });
    const play = (socket: Socket) =>
      answerFrames(socket, stream => {
        calls.push([socket, stream]);
        came();
        return calls.length > count ? whole(stream) : nothing;
      });
    await playing(world, play, async () => {
      const gets = until(count - 1);
      for (let time = 1; time < count; time++)
        leaving.request({ ':path': '/' }, { signal: cancel.signal, endStream: true }).on('error', () => undefined);
      await gets;
      const all = until(count);
      const outcome = outcomeOf(ask(staying, 'POST'));
      await all;
      cancel.abort();
      await new Promise(resolve => leaving.ping(resolve));
      const [socket, other = 0] = calls.at(-1) ?? [];
      const streams = calls.slice(0, -1).map(([, stream]) => stream);
      socket?.write(Buffer.concat(answer(streams, other)));
      expect(await outcome).toBe(200);
      expect(await outcomeOf(ask(staying))).toBe(200);
      for (const session of [leaving, staying]) session.destroy();
    });
  }),

  ...lines(leaves, 'a GET is asked once more when its kept connection ends, a POST is not', async (world, leave) => {
    for (const askBoth of Object.values(clients)) {
      for (const [method, status, count] of [
        ['GET', 200, 3],
        ['HEAD', 200, 3],
        ['POST', 502, 2],
      ] as const) {
        let calls = 0;
        const play = leavesSecond(leave, () => {
          calls += 1;
        });
        await playing(world, play, async () => {
          expect(await askBoth(world, ['GET', method])).toEqual([200, status]);
          expect(calls).toBe(count);
        });
      }
    }
  }),

  // Node ends a body in good order before it resets its stream.
  ...lines(resets, 'a body that its client breaks off does not look whole to the app', async ({ buyer, app }, code) => {
    const session = await openHTTP2(buyer, 'store:81');
    const call = session.request({ ':path': '/', ':method': 'POST' });
    const outcome = new Promise(resolve => {
      app.does.grpc = stream => {
        stream.on('data', () => call.close(code));
        stream.once('close', () => resolve(stream.aborted ? 'aborted' : 'whole'));
      };
    });
    call.on('error', () => undefined);
    call.write('a part');
    expect(await outcome).toBe('aborted');
    session.destroy();
  }),
});
