/** How messages of HTTP/1 are framed: what RFC 9112 allows arrives, and what it forbids takes nobody else down. */
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { App } from '../harness/apps.ts';
import { drained, request, tunnel, until } from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import type { Chapter, World } from '../harness/world.ts';
import { askDirectly, memberOf } from './identity.ts';

/** What an app got of a request. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Lets the app note what it gets. */
function notes({ does }: App): Seen[] {
  const seen: Seen[] = [];
  does.http = (incoming, response) => {
    let body = '';
    incoming.on('data', chunk => {
      body += chunk;
    });
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      seen.push({ method, url, body, headers });
      response.end(`[${method} ${url} ${body}]`);
    });
  };
  return seen;
}

const next = 'GET /next HTTP/1.1\r\nHost: store\r\n\r\n';
const chunked = 'POST /x HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: chunked\r\n';
const java =
  'Connection: Upgrade, HTTP2-Settings\r\nHost: store\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n' +
  'Upgrade: h2c\r\nUser-Agent: Java-http-client/17\r\n';

/** Requests that mean `method /x`, with this body: each arrives, and the connection goes on. */
const requests: Readonly<Record<string, readonly [bytes: string, method: string, body: string]>> = {
  'a chunk extension': [`${chunked}\r\n5;name=abc\r\nhello\r\n0\r\n\r\n`, 'POST', 'hello'],
  'a quoted chunk extension': [`${chunked}\r\n5;n="a=b";z\r\nhello\r\n0;last\r\n\r\n`, 'POST', 'hello'],
  'a chunk size of sixteen digits': [`${chunked}\r\n0000000000000005\r\nhello\r\n0000000000\r\n\r\n`, 'POST', 'hello'],
  'a chunk size with zeros in front, in capitals': [
    `${chunked}\r\n000A\r\n0123456789\r\n0\r\n\r\n`,
    'POST',
    '0123456789',
  ],
  'a trailer': [`${chunked}Trailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`, 'POST', 'hello'],
  'three trailers': [`${chunked}\r\n5\r\nhello\r\n0\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n\r\n`, 'POST', 'hello'],
  'a trailer that looks like a request': [
    `${chunked}\r\n1\r\nx\r\n0\r\nX: 1\r\nGET: /hidden HTTP/1.1\r\n\r\n`,
    'POST',
    'x',
  ],
  'a length with blanks behind it': [
    'POST /x HTTP/1.1\r\nHost: store\r\nContent-Length: 3 \t\r\n\r\nabc',
    'POST',
    'abc',
  ],
  'a length with blanks before it': [
    'POST /x HTTP/1.1\r\nHost: store\r\nContent-Length: \t 3\r\n\r\nabc',
    'POST',
    'abc',
  ],
  'a length without a blank': ['POST /x HTTP/1.1\r\nHost: store\r\nContent-Length:3\r\n\r\nabc', 'POST', 'abc'],
  'a coding with blanks behind it': [
    `${chunked.replace('chunked', 'chunked ')}\r\n3\r\nabc\r\n0\r\n\r\n`,
    'POST',
    'abc',
  ],
  'a connection with blanks behind it': [
    'POST /x HTTP/1.1\r\nHost: store\r\nConnection: keep-alive \r\nContent-Length: 3\r\n\r\nabc',
    'POST',
    'abc',
  ],
  'a host with blanks around it': ['POST /x HTTP/1.1\r\nHost:\tstore \r\nContent-Length: 3\r\n\r\nabc', 'POST', 'abc'],
  'an empty chunked body': [`${chunked}\r\n0\r\n\r\n`, 'POST', ''],
  'chunked in capitals': [`${chunked.replace('chunked', 'Chunked')}\r\n3\r\nabc\r\n0\r\n\r\n`, 'POST', 'abc'],
  'CHUNKED with blanks': [`${chunked.replace('chunked', '  CHUNKED  ')}\r\n3\r\nabc\r\n0\r\n\r\n`, 'POST', 'abc'],
  'an upgrade to h2c, as Java asks for it': [`GET /x HTTP/1.1\r\n${java}\r\n`, 'GET', ''],
  'an upgrade to h2c with a body': [`POST /x HTTP/1.1\r\nContent-Length: 5\r\n${java}\r\nhello`, 'POST', 'hello'],
  'an upgrade to h2c with chunks': [
    `${chunked}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    'POST',
    'hi',
  ],
  'an upgrade to one of two': [
    'GET /x HTTP/1.1\r\nHost: store\r\nUpgrade: h2c, foo\r\nConnection: Upgrade\r\n\r\n',
    'GET',
    '',
  ],
  'an upgrade to what nobody knows': [
    'GET /x HTTP/1.1\r\nHost: store\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n',
    'GET',
    '',
  ],
  'an empty line before it': ['\r\nGET /x HTTP/1.1\r\nHost: store\r\n\r\n', 'GET', ''],
  'a host with an empty port': ['GET /x HTTP/1.1\r\nHost: store:\r\n\r\n', 'GET', ''],
  'an absolute target': ['GET http://store/x HTTP/1.1\r\nHost: store\r\n\r\n', 'GET', ''],
  'a length of nothing': ['POST /x HTTP/1.1\r\nHost: store\r\nContent-Length: 0\r\n\r\n', 'POST', ''],
};

/** A connection of the buyer's app. */
function open(buyer: Pod): Socket {
  const socket = connect(outboundOf(buyer));
  socket.on('error', () => socket.destroy());
  return socket;
}

/** All that came, at the latest this many milliseconds after the last byte. */
async function answersTo(buyer: Pod, bytes: string): Promise<string> {
  const socket = open(buyer);
  socket.setTimeout(3000, () => socket.destroy());
  socket.write(Buffer.from(bytes, 'latin1'));
  return drained(socket);
}

function requestLines(pieces: (bytes: string) => readonly string[]): Chapter {
  const suffix = pieces('ab').length > 1 ? ', byte by byte' : '';
  return Object.fromEntries(
    Object.entries(requests).map(([name, [bytes, method, body]]) => [
      `arrives, and the connection goes on: ${name}${suffix}`,
      async ({ buyer, app }: World) => {
        const seen = notes(app);
        const socket = open(buyer);
        socket.setNoDelay(true);
        for (const piece of pieces(bytes)) {
          await new Promise<void>(resolve => socket.write(piece, () => resolve()));
          await new Promise(resolve => setImmediate(resolve));
        }
        await until(socket, `[${method} /x ${body}]`);
        socket.write(next);
        await until(socket, '[GET /next ]');
        socket.destroy();
        expect(seen.map(each => `${each.method} ${each.url} ${each.body}`)).toEqual([
          `${method} /x ${body}`,
          'GET /next ',
        ]);
      },
    ]),
  );
}

/** The statuses of all answers that came on a connection which the sidecar ends. */
async function statusesOf(buyer: Pod, bytes: string): Promise<string[]> {
  const socket = open(buyer);
  socket.setTimeout(5000, () => socket.destroy(new Error('silent')));
  socket.write(Buffer.from(bytes, 'latin1'));
  const answer = await drained(socket);
  expect(socket.errored).toBeNull();
  return [...answer.matchAll(/HTTP\/1\.[01] (\d+) /g)].map(([, status]) => status ?? '');
}

/** Each request with another one in the same packet, or with bytes that are none. */
function packetLines(): Chapter {
  return Object.fromEntries(
    Object.entries(requests).map(([name, [bytes, method, body]]) => [
      `what comes in one packet with it is neither lost nor in its way: ${name}`,
      async ({ buyer, app }: World) => {
        const seen = notes(app);
        const last = next.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
        expect(await statusesOf(buyer, bytes + bytes + last)).toEqual(['200', '200', '200']);
        const each = `${method} /x ${body}`;
        expect(seen.map(({ method, url, body }) => `${method} ${url} ${body}`).sort()).toEqual(
          [each, each, 'GET /next '].sort(),
        );
        const [first, second, third] = await statusesOf(buyer, `${bytes}${bytes}nonsense\r\n\r\n`);
        expect([first, second, third]).toEqual(['200', '200', expect.toBeOneOf(['400', undefined])]);
      },
    ]),
  );
}

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: store\r\n${more}\r\n`;
const two = get('/1') + get('/2');
const close = 'Connection: close\r\n';

/** What comes behind whole requests, and what is answered; nothing where the connection may just end. */
const behind: Readonly<Record<string, readonly [bytes: string, statuses: readonly string[], then?: string]>> = {
  'a request behind one of HTTP/1.0': [get('/1').replace('1.1', '1.0') + get('/2'), ['200']],
  'a request behind Connection: close': [get('/1', close) + get('/2'), ['200']],
  'nonsense behind Connection: close': [`${get('/1', close)}nonsense`, ['200']],
  'nonsense behind a POST of HTTP/1.0': [
    'POST /1 HTTP/1.0\r\nHost: store\r\nContent-Length: 2\r\n\r\nhi and more',
    ['200'],
  ],
  'an end of line behind Connection: close': [`${get('/1', close)}\r\n`, ['200']],
  'a method that nobody knows': [two + get('/3', close).replace('GET', 'BREW'), ['200', '200'], '400|501'],
  nonsense: [`${two}nonsense\r\n\r\n`, ['200', '200'], '400'],
  'line feeds alone': [`${two}GET /3 HTTP/1.1\nHost: store\n\n`, ['200', '200'], '400'],
  'a header without a colon': [two + get('/3', 'nonsense\r\n'), ['200', '200'], '400'],
  'a head that is too long': [two + get('/3', `X-Long: ${'a'.repeat(70_000)}\r\n`), ['200', '200'], '431'],
  'a chunk that is none': [`${two}${chunked}\r\nzz\r\nhello\r\n0\r\n\r\n`, ['200', '200'], '400'],
  'two Hosts': [two + get('/3', `Host: store\r\n${close}`), ['200', '200'], '200|400'],
  'more than the length of a body': [
    'POST /1 HTTP/1.1\r\nHost: store\r\nContent-Length: 2\r\n\r\nhi and more',
    ['200'],
    '400',
  ],
};

const behindLines: Chapter = Object.fromEntries(
  Object.entries(behind).map(([name, [bytes, statuses, then]]) => [
    `what came before is answered: ${name}`,
    async ({ buyer, app }: World) => {
      const seen = notes(app);
      const [came, rest] = [await statusesOf(buyer, bytes), statuses.length];
      expect(came.slice(0, rest)).toEqual(statuses);
      if (then === undefined) expect(came).toHaveLength(rest);
      else expect(came.slice(rest).join()).toMatch(new RegExp(`^(${then})?$`));
      expect(seen.map(({ url }) => url)).toEqual(expect.arrayContaining(['/1', '/2'].slice(0, rest)));
    },
  ]),
);

/** Requests that cannot be read: answered in words or ended, and nothing of them is a request. */
const unreadable: Readonly<Record<string, string>> = {
  'a line feed alone': 'GET / HTTP/1.1\nHost: store\n\n',
  'line feeds alone, behind other bytes': 'GET /\xef HTTP/1.1\nHost: store\n\n',
  'line feeds alone, around other bytes': 'GET / HTTP/1.1\nHost: store\nX: \xef\n\n',
  'a line feed in a line with other bytes': 'GET / HTTP/1.1\r\nHost: store\r\nX: \xe9\nInjected: y\r\n\r\n',
  'a line feed in a head with other bytes': 'GET / HTTP/1.1\r\nHost: store\r\nX: a\nInjected: y\r\nY: \xe9\r\n\r\n',
  'a line feed alone, and a request with other bytes':
    'GET / HTTP/1.1\r\nHost: store\r\nX: y\n\r\nGET /2 HTTP/1.1\r\nHost: store\r\nX: \xe9\r\n\r\n',
  'line feeds alone, but the last': 'GET / HTTP/1.1\nHost: store\n\r\n',
  'a header without a colon': 'GET / HTTP/1.1\r\nHost: store\r\nnonsense\r\n\r\n',
  'no version': 'GET /\r\nHost: store\r\n\r\n',
  'another version': 'GET / HTTP/3.7\r\nHost: store\r\n\r\n',
  'a target with a blank': 'GET /a b HTTP/1.1\r\nHost: store\r\n\r\n',
  'no method': ' / HTTP/1.1\r\nHost: store\r\n\r\n',
  'two codings': `${chunked}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'two lengths': 'POST / HTTP/1.1\r\nHost: store\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
  'a chunk longer than its size': `${chunked}\r\n2\r\nhello\r\n0\r\n\r\n`,
  'a chunk with a sign': `${chunked}\r\n+5\r\nhello\r\n0\r\n\r\n`,
  'a chunk in other digits': `${chunked}\r\n0x5\r\nhello\r\n0\r\n\r\n`,
  'a chunk of 2^32 bytes': `${chunked}\r\n100000000\r\nhello\r\n0\r\n\r\n`,
  'a chunk line without an end': `${chunked}\r\n5;${'a'.repeat(20_000)}`,
  'trailers without an end': `${chunked}\r\n0\r\n${'X-Small: 0123456789\r\n'.repeat(10_000)}`,
};

function unreadableLines(): Chapter {
  return Object.fromEntries(
    Object.entries(unreadable).map(([name, bytes]) => [
      `is refused in words or ended: ${name}`,
      async ({ buyer, app }: World) => {
        const seen = notes(app);
        const socket = open(buyer);
        socket.setTimeout(3000, () => socket.destroy(new Error('silent')));
        socket.write(bytes);
        expect(await drained(socket)).toMatch(/^(HTTP\/1\.1 (4\d\d|501) |$)/);
        expect(seen).toEqual([]);
        expect((await request(buyer, { host: 'store', path: '/next' })).status).toBe(200);
      },
    ]),
  );
}

export const framing: Chapter = {
  'an answer that breaks off leaves those before it whole': async ({ buyer, app }) => {
    const broken = new Promise<void>(resolve => {
      app.does.http = ({ url }, response) => {
        if (url === '/1') return void broken.then(() => response.end('one'));
        if (url === '/2') return void response.end('two');
        response.once('close', resolve);
        response.write('a part', () => response.destroy());
      };
    });
    expect((await statusesOf(buyer, `${two}${get('/3')}`)).slice(0, 2)).toEqual(['200', '200']);
  },

  ...requestLines(bytes => [bytes]),
  ...requestLines(bytes => bytes.split('')),
  ...packetLines(),
  ...behindLines,
  ...unreadableLines(),

  'the same length twice is one, or refused': async ({ buyer, app }) => {
    const seen = notes(app);
    const head =
      'POST /x HTTP/1.1\r\nHost: store\r\nConnection: close\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi';
    const isRead = (await answersTo(buyer, head)).startsWith('HTTP/1.1 200 ');
    expect(seen.map(({ body }) => body)).toEqual(isRead ? ['hi'] : []);
  },

  'what frames a GET is seen in any letters, or the request is refused': async ({ buyer, app }) => {
    const seen = notes(app);
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: store\r\n\r\n';
    for (const framing of [
      `CONTENT-LENGTH: ${hidden.length}`,
      `CoNtEnT-LeNgTh: ${hidden.length}`,
      `content-length: ${hidden.length}`,
      `Content-Length:${hidden.length}`,
    ]) {
      const socket = open(buyer);
      socket.write(`GET /x HTTP/1.1\r\nHost: store\r\n${framing}\r\n\r\n`);
      await new Promise(resolve => setImmediate(resolve));
      socket.write(hidden);
      expect(await until(socket, 'HTTP/1.1 ')).toMatch(/^HTTP\/1\.1 (200|400) /);
      socket.destroy();
    }
    expect(seen.filter(({ url }) => url === '/hidden')).toEqual([]);
    expect(seen.every(({ body }) => body === hidden)).toBe(true);
  },

  'Connection: close in any spelling ends the connection after the answer': async ({ buyer }) => {
    for (const value of ['close', 'Close', 'CLOSE', 'x-other, close', 'keep-alive, Close']) {
      const answer = await answersTo(buyer, `GET / HTTP/1.1\r\nHost: store\r\nConnection: ${value}\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer.toLowerCase()).toContain('connection: close');
    }
  },

  'after an upgrade or a tunnel that is refused or declined, the connection goes on or ends': async ({
    buyer,
    app,
  }) => {
    app.does.upgrade = (_incoming, socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    const asks = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
    const heads = [
      `GET /no HTTP/1.1\r\nHost: store\r\n${asks}\r\n`,
      `GET /no HTTP/1.1\r\nHost: store\r\nExpect: 100-continue\r\n${asks}\r\n`,
      `GET /no HTTP/1.1\r\nHost: nowhere\r\n${asks}\r\n`,
      `GET /no HTTP/1.1\r\nHost: store:81\r\n${asks}\r\n`,
      `GET /no HTTP/1.1\r\n${asks}\r\n`,
      'GET /no HTTP/1.1\r\nHost: store\r\nUpgrade: websocket\r\n\r\n',
      'CONNECT nowhere:80 HTTP/1.1\r\nHost: nowhere:80\r\n\r\n',
      'CONNECT store HTTP/1.1\r\nHost: store\r\n\r\n',
    ];
    for (const head of heads) {
      const socket = open(buyer);
      socket.write(head);
      const first = await until(socket, '\r\n\r\n');
      socket.write('GET /next HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n');
      socket.setTimeout(3000, () => socket.destroy(new Error('silent')));
      await drained(socket);
      expect([head, first.slice(0, 9), socket.errored?.message]).not.toContain('silent');
    }
  },

  'bytes above 127 at the end of a value stay, in any number of pieces': async ({ buyer, app }) => {
    const seen: (string | undefined)[] = [];
    app.does.http = ({ headers }, response) => {
      seen.push(`${headers['x-a']}|${headers['x-b']}|${headers['x-c']}`);
      response.end();
    };
    const bytes = Buffer.from(
      'GET /x HTTP/1.1\r\nHost: store\r\nX-A: \xe9\r\nX-B: a\xe9\r\nX-C: caf\xe9 \xc3\r\nConnection: close\r\n\r\n',
      'latin1',
    );
    for (const size of [bytes.length, 1, 7, 40]) {
      const socket = connect(outboundOf(buyer));
      for (let at = 0; at < bytes.length; at += size) {
        socket.write(bytes.subarray(at, at + size));
        await new Promise(resolve => setImmediate(resolve));
      }
      expect((await drained(socket)).slice(9, 12)).toBe('200');
    }
    expect(seen).toEqual(Array.from({ length: 4 }, () => '\xe9|a\xe9|caf\xe9 \xc3'));
  },

  'any token is a method': async ({ buyer, app }) => {
    const seen = notes(app);
    for (const method of ['PROPFIND', 'MKCOL', 'REPORT', 'M-SEARCH', 'PURGE', 'QUERY']) {
      const answer = await answersTo(
        buyer,
        `${method} /x?y HTTP/1.1\r\nHost: store\r\nContent-Length: 2\r\n\r\nhi${next}`,
      );
      expect(answer).toContain(`[${method} /x?y hi]`);
    }
    expect(seen.filter(({ method }) => method === 'GET')).toHaveLength(6);
  },

  'a method that few know may come first, at the server and inside CONNECT': async world => {
    const seen = notes(world.app);
    const head = (path: string) => `PROPFIND ${path} HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n`;
    const { socket } = await tunnel(world.buyer, 'store:80');
    socket.write(head('/x'));
    await until(socket, '[PROPFIND /x ]');
    socket.destroy();
    expect(await askDirectly(world, await memberOf(world), {}, head('/y'))).toContain('[PROPFIND /y ]');
    expect(seen.map(({ url }) => url)).toEqual(['/x', '/y']);
  },

  'a method that nobody knows is passed on or refused in words': async ({ buyer }) => {
    for (const method of ['FOO', 'get', 'VERY-LONG-METHOD-NAME', 'x!y', 'GET#', '#', '#3#GET', "!#$%&'*+-.^_`|~09"]) {
      const answer = await answersTo(buyer, `${method} /x HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n`);
      // The app of these tests knows none of them.
      expect(answer).toMatch(/^HTTP\/1\.1 (4\d\d|501) /);
      expect(answer).not.toContain('bad-target');
    }
  },
};
