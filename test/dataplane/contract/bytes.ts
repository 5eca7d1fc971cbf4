/** Bytes where nobody expects them: in the headers that frame messages, and where lines end. */
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { expect } from 'vitest';
import type { App } from '../harness/apps.ts';
import { bytesOf, drained } from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import type { Chapter } from '../harness/world.ts';
import { askDirectly, memberOf } from './identity.ts';

/** The versions of requests, and how each says that it is the last. */
const versions = { '1.1': 'Connection: close\r\n', '1.0': '' };

/** Headers that a proxy acts on, none of whose values is text. */
const framing: Readonly<Record<string, RegExp>> = {
  'Connection: \xf3e': / (200|400) /,
  'Connection: close, \xf3e': / (200|400) /,
  'Keep-Alive: \xf3e': / (200|400) /,
  'TE: \xf3e': / (200|400) /,
  'Expect: \xf3e': / (200|400|417) /,
  'Upgrade: \xf3e': / (200|400) /,
  'HTTP2-Settings: \xf3e': / (200|400) /,
  'Trailer: \xf3e': / (200|400) /,
  'Cookie: \xf3e': / (200|400) /,
  'Content-Length: \xf3e': / 400 /,
  'Transfer-Encoding: \xf3e': / (400|501) /,
  'Transfer-Encoding: chunked, \xf3e': / (400|501) /,
};

const chunked = 'Transfer-Encoding: chunked\r\n';
const chunkedAnswer = `HTTP/1.1 200 OK\r\n${chunked}\r\n`;

/** Ends of a chunked body that are none (RFC 9112, 7.1). */
const ends: Readonly<Record<string, string>> = {
  'a line feed for the last line': '2\r\nhi\r\n0\r\n\n',
  'a line feed behind the last size': '2\r\nhi\r\n0\n\r\n',
  'a line feed behind a trailer': '2\r\nhi\r\n0\r\nX-T: 1\n\r\n',
  'a bare CR in a trailer': '2\r\nhi\r\n0\r\nX-T: 1\r2\r\n\r\n',
  'two CRs': '2\r\nhi\r\n0\r\n\r\r\n',
  'a line feed behind a chunk': '2\r\nhi\n0\r\n\r\n',
  'line feeds alone': '2\nhi\n0\n\n',
  'no end of a chunk': '2\r\nhi0\r\n\r\n',
};

/** Lines of an answer, or a chunk, that have begun and can become none: nothing comes behind them. */
const beginnings: Readonly<Record<string, string>> = {
  'a size of no digits': `${chunkedAnswer}z`,
  'a size that is blank': `${chunkedAnswer} `,
  'no end of a chunk': `${chunkedAnswer}2\r\nhix`,
  'a digit and a letter': `${chunkedAnswer}5x`,
  'a CR in a size': `${chunkedAnswer}5\rx`,
  'a blank in a size': `${chunkedAnswer}5 z`,
  'a CR that ends no chunk': `${chunkedAnswer}2\r\nab\rX`,
  'a CR that ends no body': `${chunkedAnswer}0\r\n\rX`,
  'a trailer without a name': `${chunkedAnswer}0\r\n bad`,
};

/** Framing that differs from its like by what is no blank (RFC 9110, 5.6.3). */
const odd: Readonly<Record<string, string>> = {
  'a coding behind a vertical tab': 'Transfer-Encoding: \x0bchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a coding before a blank of Unicode': 'Transfer-Encoding: chunked\xc2\xa0\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'a length behind a vertical tab': 'Content-Length: \x0b2\r\n\r\nhi',
  'a length behind a blank of Unicode': 'Content-Length: \xc2\xa02\r\n\r\nhi',
  'a size before a vertical tab': 'Transfer-Encoding: chunked\r\n\r\n2\x0b\r\nhi\r\n0\r\n\r\n',
  'a size behind a blank': 'Transfer-Encoding: chunked\r\n\r\n 2\r\nhi\r\n0\r\n\r\n',
};

/** All that came; a connection that falls silent is an error. */
async function answersTo(pod: Pod, bytes: string): Promise<string> {
  const socket = connect(outboundOf(pod));
  socket.setTimeout(3000, () => socket.destroy(new Error('silent')));
  socket.write(bytes, 'latin1');
  const text = await drained(socket);
  expect(`${socket.errored?.message}`).not.toContain('silent');
  return text;
}

/** What would be a request of its own, if it were no body. */
const hidden = 'GET /hidden HTTP/1.1\r\nHost: store\r\n\r\n';

const methods = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'PROPFIND', 'REPORT', 'QUERY', 'PURGE'];

/** How a head says that a body follows, and that body. */
const framings: Readonly<Record<string, (body: string) => readonly [line: string, bytes: string]>> = {
  'a length': body => [`Content-Length: ${body.length}`, body],
  chunks: body => ['Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
};

/** Notes what an app of either version gets, as `<method> <path> [<body>]`. */
function notes({ does }: App): string[] {
  const seen: string[] = [];
  const note = async (head: string, stream: AsyncIterable<Buffer>) => seen.push(`${head} [${await bytesOf(stream)}]`);
  does.http = (incoming, response) =>
    void note(`${incoming.method} ${incoming.url}`, incoming).then(() => response.end('ok'));
  does.grpc = (stream, headers) =>
    void note(`${headers[':method']} ${headers[':path']}`, stream).then(() => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
  return seen;
}

export const bytes: Chapter = sound({
  ...lines(odd, 'a request whose framing is nearly right is refused', async ({ buyer }, rest) => {
    const text = await answersTo(buyer, `POST / HTTP/1.1\r\nHost: store\r\nConnection: close\r\n${rest}`);
    expect(text).toMatch(/^(HTTP\/1\.1 (400|501) |$)/);
  }),

  ...lines(beginnings, 'an answer that can become none is an error, or broken off', async ({ buyer, app }, said) => {
    app.does.http = ({ socket }) => void socket.write(said);
    for (const method of ['GET', 'POST']) {
      const text = await answersTo(
        buyer,
        `${method} / HTTP/1.1\r\nHost: store\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      expect(text).toMatch(/^(HTTP\/1\.1 (502 |200 (?![\s\S]*\r\n0\r\n))|$)/);
    }
  }),

  ...lines(
    { 'a size of no digits': 'z', 'a size that is blank': ' ', 'no end of a chunk': '2\r\nhix' },
    'a body in chunks that can become none is refused at once',
    async ({ buyer }, body) => {
      const text = await answersTo(buyer, `POST / HTTP/1.1\r\nHost: store\r\n${chunked}\r\n${body}`);
      expect(text).toMatch(/^(HTTP\/1\.1 400 |$)/);
    },
  ),

  'a body that is longer than 31 bits count begins to arrive, and ends with its client': async ({ buyer, app }) => {
    for (const [host, length] of ['2147483647', '2147483648', '3000000000', '5000000000', '123456789012345'].flatMap(
      each => ['store', 'store:81'].map(host => [host, each]),
    )) {
      const arrived = new Promise<string>(resolve => {
        const first = (stream: Readable) =>
          stream.on('error', () => undefined).once('data', chunk => resolve(String(chunk)));
        app.does.http = incoming => void first(incoming);
        app.does.grpc = stream => void first(stream);
      });
      const socket = connect(outboundOf(buyer)).on('error', () => undefined);
      socket.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\nhello`);
      expect([host, length, await arrived]).toEqual([host, length, 'hello']);
      socket.destroy();
    }
  },

  ...lines(
    framings,
    'a body is a body, whatever the method: of a client, and of a peer without a sidecar',
    async (world, framed) => {
      const [seen, [line, body], member] = [notes(world.app), framed(hidden), await memberOf(world)];
      for (const method of methods) {
        const request = (host: string) =>
          `${method} /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${line}\r\n\r\n${body}`;
        for (const host of ['store', 'store:81']) {
          expect(await answersTo(world.buyer, request(host))).toMatch(/^HTTP\/1\.1 200 /);
          expect([host, seen.splice(0)]).toEqual([host, [`${method} /x [${hidden}]`]]);
          for (let time = 0; time < 2; time++)
            await answersTo(world.buyer, `GET /y HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
          expect([method, seen.splice(0)]).toEqual([method, ['GET /y []', 'GET /y []']]);
        }
        expect(await askDirectly(world, member, {}, request('store'))).toMatch(/^HTTP\/1\.1 200 /);
        expect([method, seen.splice(0)]).toEqual([method, [`${method} /x [${hidden}]`]]);
      }
    },
  ),

  ...lines(
    Object.fromEntries(
      Object.entries(framing).map(([line, answer]) => [line.replace('\xf3', '\\xf3'), { line, answer }]),
    ),
    'a header that frames, and is no text, is passed on or refused in words',
    async ({ buyer }, { line, answer }) => {
      for (const host of ['store', 'store:81'])
        for (const [version, last] of Object.entries(versions)) {
          const text = await answersTo(buyer, `GET / HTTP/${version}\r\nHost: ${host}\r\n${last}${line}\r\n\r\n`);
          expect([host, version, text.slice(0, 100)]).toEqual([host, version, expect.stringMatching(answer)]);
        }
    },
  ),

  ...lines(ends, 'a body in chunks that ends as none may is refused', async ({ buyer }, body) => {
    for (const host of ['store', 'store:81']) {
      const text = await answersTo(buyer, `POST / HTTP/1.1\r\nHost: ${host}\r\n${chunked}\r\n${body}`);
      expect([host, text]).toEqual([host, expect.stringMatching(/^(HTTP\/1\.1 (200|400) |$)/)]);
      expect(text).toMatch(/HTTP\/1\.1 400 |^$/);
    }
  }),

  ...lines(
    ends,
    'an answer in chunks that ends as none may is an error, or broken off',
    async ({ buyer, app }, body) => {
      app.does.http = ({ socket }) => void socket.write(`HTTP/1.1 200 OK\r\n${chunked}\r\n${body}`);
      const text = await answersTo(buyer, `GET / HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n`);
      expect(text).toMatch(/^(HTTP\/1\.1 (502 |200 (?![\s\S]*\r\n0\r\n))|$)/);
    },
  ),
});
