/** What apps answer over HTTP/1, well formed or not: each exchange has its own, and the next one is not harmed. */
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { App } from '../harness/apps.ts';
import { drained, request } from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import type { Chapter, World } from '../harness/world.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

/** Connections of the app that Node's own answers cannot use any more. */
const held = new Set<Socket>();

/** Ends them when a line is over: a sidecar may have kept them. */
function closing(chapter: Chapter): Chapter {
  const close = (run: Chapter[string]) => async (world: World) => {
    await run(world).finally(() => {
      for (const socket of held) socket.destroy();
      held.clear();
    });
  };
  return Object.fromEntries(Object.entries(chapter).map(([title, run]) => [title, close(run)]));
}

/** Lets the app answer `/odd` with these bytes, on a connection that it keeps, and everything else with its path. */
function answersWith({ does }: App, bytes: string, ends = false): void {
  does.http = ({ url = '', socket }) => {
    held.add(socket);
    const isOdd = url === '/odd';
    // Past Node's own answers: it would hold back the next one until the one before it was given.
    socket.write(Buffer.from(isOdd ? bytes : `${ok}Content-Length: ${url.length}\r\n\r\n${url}`, 'latin1'));
    if (isOdd && ends) socket.end();
  };
}

interface Expected {
  readonly status: number;
  readonly text?: string;
  /** The app closes after its answer. */
  readonly ends?: boolean;
}

const inChunks = `${ok}Transfer-Encoding: chunked\r\n`;
const two = 'Content-Length: 2\r\n\r\nhi';

/** Answers that mean something: what the client gets. */
const readable: Readonly<Record<string, readonly [bytes: string, expected: Expected]>> = {
  'a trailer': [`${inChunks}Trailer: X\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\n`, { status: 200, text: 'hi' }],
  'three trailers': [`${inChunks}\r\n2\r\nhi\r\n0\r\nX: 1\r\nY: 2\r\nZ: 3\r\n\r\n`, { status: 200, text: 'hi' }],
  'stray bytes after the whole': [`${ok}${two}stray`, { status: 200, text: 'hi' }],
  'a second answer after the first': [`${ok}${two}${ok}${two}`, { status: 200, text: 'hi' }],
  'an empty line after the whole': [`${ok}${two}\r\n`, { status: 200, text: 'hi' }],
  'a body that nobody asked for, after 204': ['HTTP/1.1 204 No Content\r\n\r\nhi', { status: 204, text: '' }],
  '204 in chunks': ['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 204, text: '' }],
  '204 in chunks, with an end': [
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    { status: 204, text: '' },
  ],
  '304 in chunks': ['HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 304, text: '' }],
  'a chunk extension': [`${inChunks}\r\n2;name=abc\r\nhi\r\n0\r\n\r\n`, { status: 200, text: 'hi' }],
  'chunks in capitals': [`${ok}TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, { status: 200, text: 'hi' }],
  'no reason': [`HTTP/1.1 200\r\n${two}`, { status: 200, text: 'hi' }],
  'an empty reason': [`HTTP/1.1 200 \r\n${two}`, { status: 200, text: 'hi' }],
  'HTTP/1.0 until the end': ['HTTP/1.0 200 OK\r\n\r\nhi', { status: 200, text: 'hi', ends: true }],
  'HTTP/1.0 with a length': [`HTTP/1.0 200 OK\r\n${two}`, { status: 200, text: 'hi', ends: true }],
  'HTTP/1.0 that is kept': [`HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${two}`, { status: 200, text: 'hi' }],
  'HTTP/1.1 until the end': [`${ok}\r\nhi`, { status: 200, text: 'hi', ends: true }],
  'an early hint': [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload; crossorigin\r\n\r\n${ok}${two}`,
    { status: 200, text: 'hi' },
  ],
  'many interim answers': [
    `HTTP/1.1 102 Processing\r\n\r\n${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n'.repeat(3)}${ok}${two}`,
    { status: 200, text: 'hi' },
  ],
  'an interim answer in chunks': [
    `HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n${ok}${two}`,
    { status: 200, text: 'hi' },
  ],
  'interim answers with lengths': [
    `HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nHTTP/1.1 103 \r\nContent-Length: 7\r\n\r\n${ok}${two}`,
    { status: 200, text: 'hi' },
  ],
  'a length with blanks around it': [`${ok}Content-Length: \t2 \t\r\n\r\nhi`, { status: 200, text: 'hi' }],
  'a coding with blanks around it': [
    `${ok}Transfer-Encoding: \tchunked \r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    { status: 200, text: 'hi' },
  ],
  'an interim answer that nobody knows': [`HTTP/1.1 199 Odd\r\n\r\n${ok}${two}`, { status: 200, text: 'hi' }],
  'a 100 that nobody asked for': [`HTTP/1.1 100 Continue\r\n\r\n${ok}${two}`, { status: 200, text: 'hi' }],
  'a 304 with the length of what it stands for': [
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1234\r\n\r\n',
    { status: 304, text: '' },
  ],
  'bytes above 127 in a reason and a header': [
    `HTTP/1.1 200 \xe9t\xe9\r\nX-Latin: \xfcber\r\n${two}`,
    { status: 200, text: 'hi' },
  ],
  'a status that nobody knows': [`HTTP/1.1 299 Odd\r\n${two}`, { status: 299, text: 'hi' }],
};

/** Answers that cannot be read: the client gets a 502, or its connection ends. */
const unreadable: Readonly<Record<string, readonly [bytes: string, ends?: boolean]>> = {
  'no HTTP': ['SSH-2.0-OpenSSH_9.2\r\n'],
  'another protocol': [`ICY 200 OK\r\n${two}`],
  'line feeds alone': ['HTTP/1.1 200 OK\nContent-Length: 2\n\nhi'],
  'line feeds alone, but behind the body': [`HTTP/1.1 200 OK\nContent-Length: 2\n\nhi\r\n${ok}${two}`],
  'line feeds alone, twice': ['HTTP/1.1 200 OK\nContent-Length: 2\n\nhi\r\nHTTP/1.1 200 OK\nContent-Length: 2\n\nhi'],
  'a header without a name': [`${ok}: no name\r\n${two}`],
  'an interim answer with a header without a name': [`HTTP/1.1 100 Continue\r\n: no name\r\n\r\n${ok}${two}`],
  'a switch with a header without a name': [
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n: no name\r\nUpgrade: websocket\r\n\r\n',
  ],
  'line feeds alone, behind other bytes': ['HTTP/1.1 200 OK\nX: \xe9\nContent-Length: 2\n\nhi'],
  'line feeds alone, before other bytes': ['HTTP/1.1 200 OK\nContent-Length: 2\n\n\xe9i\r\nX-Key: \xe9'],
  'two codings, and a part': [`${inChunks}Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n24\r\nhi`, true],
  'a line feed in a line with other bytes': [`${ok}X: \xe9\nInjected: y\r\nSet-Cookie: a\r\n${two}`],
  'a line feed in an odd head with other bytes': [`HTTP/1.1 200\r\nX: a\nInjected: y\r\nY: \xe9\r\n${two}`],
  'line feeds alone, but the last': ['HTTP/1.1 200\nContent-Length: 2\n\r\nhi'],
  'a line feed alone in it': ['HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 2\r\n\r\nhi'],
  'a header without a colon': [`${ok}nonsense\r\n${two}`],
  'a folded header': [`${ok}X-A: b\r\n c\r\n${two}`],
  'a status below 100': [`HTTP/1.1 99 Odd\r\n${two}`],
  'a status of 1000': [`HTTP/1.1 1000 Odd\r\n${two}`],
  'a status of 600': [`HTTP/1.1 600 Odd\r\n${two}`],
  'a status in words': [`HTTP/1.1 OK 200\r\n${two}`],
  'two lengths': [`${ok}Content-Length: 3\r\n${two}`],
  'a negative length': [`${ok}Content-Length: -2\r\n\r\nhi`],
  'a length with a sign': [`${ok}Content-Length: +2\r\n\r\nhi`],
  'a length with a fraction': [`${ok}Content-Length: 1.5\r\n\r\nhi`],
  'a length in powers': [`${ok}Content-Length: 2e0\r\n\r\nhi`],
  'a length of 2^65': [`${ok}Content-Length: 36893488147419103232\r\n\r\nhi`],
  'another coding': [`${ok}Transfer-Encoding: gzip\r\n\r\nhi`],
  'a coding before chunked': [`${ok}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`],
  'two codings': [`${inChunks}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`],
  'a switch that nobody asked for': [
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\nhi',
  ],
  'another coding, and chunked': [`${ok}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n${two}`],
  'a line feed behind half a name': [`${ok}C\n${two}`],
  'a line feed behind a colon': [`${ok}C:\n${two}`],
  'a line feed alone on its line': [`${ok}\n${two}`],
  'a CR in a trailer': [`${inChunks}\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\r\n`],
  'a chunk of no size': [`${inChunks}\r\nzz\r\nhi\r\n0\r\n\r\n`],
  'a chunk longer than its size': [`${inChunks}\r\n1\r\nhi\r\n0\r\n\r\n`],
  'a chunk that breaks off': [`${inChunks}\r\n9\r\nhi`, true],
  'a head that breaks off': ['HTTP/1.1 200 OK\r\nX-A', true],
  'nothing at all': ['', true],
};

function open(buyer: Pod): Socket {
  const socket = connect(outboundOf(buyer));
  socket.on('error', () => socket.destroy());
  return socket;
}

/** Requests that go to the app in different ways. */
const askings = [
  'GET /odd HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n',
  'GET /odd HTTP/1.1\r\nHost: store\r\n\r\n',
  'GET /odd HTTP/1.1\r\nHost: store\r\nExpect: 100-continue\r\n\r\n',
  'POST /odd HTTP/1.1\r\nHost: store\r\nContent-Length: 2\r\n\r\nhi',
  'POST /odd HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
];

/** What came until the connection ended, or an error was told. */
async function errorOrEnd(socket: Socket): Promise<string> {
  let came = '';
  for await (const chunk of socket) {
    came += chunk.toString('latin1');
    came = came.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, '');
    if (/^HTTP\/1\.1 50[23] [\s\S]*\r\n\r\n/.test(came)) break;
  }
  return came;
}

/** Another client's requests, as many as connections may be kept: each has its own answer. */
async function othersAreServed({ buyer }: World): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const answer = await request(buyer, { host: 'store', path: `/other/${i}` });
    expect([answer.status, answer.text]).toEqual([200, `/other/${i}`]);
  }
}

const readableLines: Chapter = Object.fromEntries(
  Object.entries(readable).map(([name, [bytes, { status, text, ends }]]) => [
    `an answer is read: ${name}`,
    async (world: World) => {
      answersWith(world.app, bytes, ends);
      for (let i = 0; i < 2; i++) {
        const answer = await request(world.buyer, { host: 'store', path: '/odd' });
        expect([answer.status, answer.text]).toEqual([status, text]);
      }
      await othersAreServed(world);
    },
  ]),
);

const unreadableLines: Chapter = Object.fromEntries(
  Object.entries(unreadable).map(([name, [bytes, ends = false]]) => [
    `an answer that cannot be read ends in an error: ${name}`,
    async (world: World) => {
      answersWith(world.app, bytes, ends);
      for (const asked of askings) {
        const socket = open(world.buyer);
        socket.setTimeout(5000, () => socket.destroy(new Error(`silent: ${asked}`)));
        socket.write(asked);
        const answer = await errorOrEnd(socket);
        // Either in words, or broken off: not a whole answer.
        if (answer.startsWith('HTTP/1.1 200 ')) expect(answer).not.toContain('\r\n0\r\n');
        else expect(answer).toMatch(/^(HTTP\/1\.1 50[23] |$)/);
        expect(`${socket.errored?.message}`).not.toContain('silent');
        socket.destroy();
      }
      await othersAreServed(world);
    },
  ]),
);

export const answers: Chapter = closing({
  ...readableLines,
  ...unreadableLines,

  'chunks go before a length, or the answer ends in an error': async world => {
    answersWith(world.app, `${inChunks}Content-Length: 9\r\n\r\n2\r\nhi\r\n0\r\n\r\n`);
    const { status, text } = await request(world.buyer, { host: 'store', path: '/odd' });
    expect([status, status === 200 ? text : 'hi']).toEqual([expect.toBeOneOf([200, 502]), 'hi']);
    await othersAreServed(world);
  },

  'a switch that nobody asked for ends in an error, for HEAD and on a kept connection too': async world => {
    answersWith(world.app, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const method of ['GET', 'HEAD', 'HEAD', 'GET']) {
      const answer = request(world.buyer, { host: 'store', path: '/odd', method, agent });
      expect(
        await answer.then(
          ({ status }) => status,
          () => 'ended',
        ),
      ).toBeOneOf([502, 'ended']);
    }
    agent.destroy();
    await othersAreServed(world);
  },

  // Node's parser reads nothing behind it.
  'an interim answer that closes is left out, or the answer is an error': async world => {
    for (const interim of ['HTTP/1.1 100 Continue\r\nConnection: close\r\n', 'HTTP/1.0 100 Continue\r\n']) {
      answersWith(world.app, `${interim}\r\n${ok}${two}`);
      const { status } = await request(world.buyer, { host: 'store', path: '/odd' });
      expect(status).toBeOneOf([200, 502]);
    }
    await othersAreServed(world);
  },

  'a 304 gains no length, whatever headers it has': async ({ buyer, app }) => {
    for (const headers of ['', 'ETag: "a"\r\n', 'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n']) {
      answersWith(app, `HTTP/1.1 304 Not Modified\r\n${headers}\r\n`);
      const answer = await request(buyer, { host: 'store', path: '/odd' });
      expect([answer.status, answer.headers['content-length']]).toEqual([304, undefined]);
      expect(answer.headers.etag).toBe(headers.includes('ETag') ? '"a"' : undefined);
      expect(answer.headers['set-cookie']).toEqual(headers.includes('Set') ? ['a=1', 'b=2'] : undefined);
      app.reset();
    }
  },

  'what answers a HEAD has the length that the app gave, or none': async ({ buyer, app }) => {
    for (const [length, told] of [
      ['Content-Length: 5\r\n', '5'],
      ['Transfer-Encoding: chunked\r\n', undefined],
      ['', undefined],
    ] as const) {
      answersWith(app, `${ok}X-A: b\r\n${length}\r\n`);
      const answer = await request(buyer, { host: 'store', method: 'HEAD', path: '/odd' });
      expect([answer.status, answer.headers['content-length'], answer.headers['x-a']]).toEqual([200, told, 'b']);
      app.reset();
    }
  },

  'a client of HTTP/1.0 gets no chunks, and its connection ends': async ({ buyer, app }) => {
    answersWith(app, `${inChunks}\r\n2\r\nhi\r\n3\r\n ho\r\n0\r\n\r\n`);
    for (const connection of ['', 'Connection: keep-alive\r\n']) {
      const socket = open(buyer);
      socket.write(`GET /odd HTTP/1.0\r\nHost: store\r\n${connection}\r\n`);
      const answer = await drained(socket);
      expect(answer).toMatch(/^HTTP\/1\.[01] 200 /);
      expect(answer.toLowerCase()).not.toContain('transfer-encoding');
      expect(answer.endsWith('\r\n\r\nhi ho')).toBe(true);
    }
  },

  'a client of HTTP/1.0 gets no interim answers': async ({ buyer, app }) => {
    answersWith(app, `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}${two}`);
    const socket = open(buyer);
    socket.write('GET /odd HTTP/1.0\r\nHost: store\r\n\r\n');
    expect(await drained(socket)).toMatch(/^HTTP\/1\.[01] 200 /);
  },
});
