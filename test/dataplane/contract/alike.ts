/**
 * Heads that are like the one before them on their connection but for a part: a sidecar that remembers what it found of
 * one must not take the next for the same (RFC 9112, 2.2 and 11.2).
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { drained, until } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import type { Chapter } from '../harness/world.ts';

const hidden = 'GET /hidden HTTP/1.1\r\nHost: store\r\n\r\n';

/** The same fields twice, and then behind another first line: nothing behind the head may become a request. */
const firstLines: Readonly<Record<string, string>> = {
  'another length in it': `POST /x HTTP/1.1\nContent-Length: ${hidden.length}\nX: HTTP/1.1`,
  'chunks in it': 'POST /x HTTP/1.1\nTransfer-Encoding: chunked\nX: HTTP/1.1',
  'chunks in it, behind GET': 'GET /x HTTP/1.1\nTransfer-Encoding: chunked\nX: HTTP/1.1',
  'a length in it, behind GET': 'GET /x HTTP/1.1\nContent-Length: 37\nX: HTTP/1.1',
  'a line feed in its target': 'GET /x\nX: HTTP/1.1',
  'a blank in its target': 'POST /x y HTTP/1.1',
  'a byte above 127 in its target': 'POST /\xe9 HTTP/1.1',
  'a method that is none': 'PO ST /x HTTP/1.1',
  'a version that is none': 'POST /x HTTP/2.1',
};

/** Fields of a request with a body of three bytes, of one with chunks, and of one without a body. */
const kinds: Readonly<Record<string, readonly [method: string, fields: string, body: string]>> = {
  'a length': ['POST', 'Host: store\r\nContent-Length: 3\r\n\r\n', 'abc'],
  chunks: ['POST', 'Host: store\r\nTransfer-Encoding: chunked\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n'],
  'no body': ['GET', 'Host: store\r\n\r\n', ''],
  'a length of nothing': ['DELETE', 'Host: store\r\nContent-Length: 0\r\n\r\n', ''],
  'more fields': ['GET', 'Host: store\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n', ''],
};

/** An app that says of every request what it got. */
function notes(seen: string[]): (incoming: IncomingMessage, response: { end(text: string): void }) => void {
  return (incoming, response) => {
    let body = '';
    incoming.on('data', chunk => {
      body += chunk;
    });
    incoming.once('end', () => {
      seen.push(`${incoming.method} ${incoming.url} ${body}`);
      response.end(`[${incoming.url} ${body}]`);
    });
  };
}

async function asked(socket: Socket, path: string, [method, fields, body]: readonly [string, string, string]) {
  const answer = until(socket, `[${path} `);
  socket.write(`${method} ${path} HTTP/1.1\r\n${fields}${body}`, 'latin1');
  return answer;
}

export const alike: Chapter = sound({
  ...lines(
    firstLines,
    'a first line that is none is not made up for by known fields',
    async ({ buyer, app }, first) => {
      for (const kind of Object.values(kinds)) {
        const seen: string[] = [];
        app.does.http = notes(seen);
        const socket = connect(outboundOf(buyer)).on('error', () => undefined);
        for (const path of ['/1', '/2', '/3']) await asked(socket, path, kind);
        socket.write(`${first}\r\n${kind[1]}${kind[2]}`, 'latin1');
        await new Promise(resolve => setImmediate(resolve));
        socket.write(hidden);
        socket.setTimeout(3000, () => socket.end());
        await drained(socket);
        expect(seen.map(each => each.split(' ')[1])).toEqual(['/1', '/2', '/3']);
      }
    },
  ),

  ...lines(kinds, 'requests with known fields have the bodies that they say', async ({ buyer, app }, kind) => {
    const seen: string[] = [];
    app.does.http = notes(seen);
    const [method, fields, body] = kind;
    const socket = connect(outboundOf(buyer));
    for (const path of ['/1', '/2', '/3']) await asked(socket, path, kind);
    // In two reads, several in one, and in one with the next.
    for (const [part, rest] of [
      [`${method} /4 HTTP/1.1\r\n${fields}`, body],
      [`${method} /5 HTTP/1.1\r\n${fields.slice(0, 9)}`, `${fields.slice(9)}${body}`],
      [`${method} /6 HTTP/1.1\r\n${fields}${body}`, `${hidden}${method} /7 HTTP/1.1\r\n${fields}${body}`],
      [`${method} /8 HTTP/1.1\r\n${fields}${body}${hidden}${method} /9 HTTP/1.1\r\n`, `${fields}${body}`],
    ] as const) {
      socket.write(part);
      await new Promise(resolve => setImmediate(resolve));
      socket.write(rest);
    }
    socket.write('GET /last HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n');
    await once(socket.resume(), 'close');
    const expected = [1, 2, 3, 4, 5, 6, 'hidden', 7, 8, 'hidden', 9, 'last'].map(path =>
      typeof path === 'number' ? `${method} /${path} ${body === '' ? '' : 'abc'}` : `GET /${path} `,
    );
    // On their way to the app they may overtake each other.
    expect(seen.sort()).toEqual(expected.sort());
  }),

  'what rules look at is never what was known of another head': async ({ buyer, app }) => {
    const seen: string[] = [];
    app.does.http = (incoming, response) => {
      seen.push(`${incoming.url} ${incoming.headers['x-a'] ?? ''} ${incoming.headers['x-b'] ?? ''}`);
      response.end(`[${incoming.url} `);
    };
    const socket = connect(outboundOf(buyer));
    for (const [path, fields] of [
      ['/1', 'Host: store\r\nX-A: 1'],
      ['/2', 'Host: store\r\nX-A: 1'],
      ['/3', 'Host: store\r\nX-A: 2'],
      ['/4', 'Host: store\r\nX-B: 1'],
      ['/5', 'Host: store:80\r\nX-A: 1'],
      ['/6', 'Host: store\r\nX-A: 1'],
    ] as const) {
      const answer = until(socket, `[${path} `);
      socket.write(`GET ${path} HTTP/1.1\r\n${fields}\r\n\r\n`);
      await answer;
    }
    expect(seen).toEqual(['/1 1 ', '/2 1 ', '/3 2 ', '/4  1', '/5 1 ', '/6 1 ']);
    const refused = until(socket, 'HTTP/1.1 40');
    socket.write('GET /1 HTTP/1.1\r\nHost: nowhere\r\nX-A: 1\r\n\r\n');
    expect(await refused).toMatch(/HTTP\/1\.1 40\d/);
    socket.destroy();
  },
});
