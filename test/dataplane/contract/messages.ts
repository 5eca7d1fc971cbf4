/**
 * Messages that are legal but rare, or slightly wrong: what each of them costs is at most its own exchange. A sidecar
 * that meets something it did not foresee says so in its log, and no line here may lead to such a line.
 */
import { connect } from 'node:net';
import { expect } from 'vitest';
import { echoUpgrades } from '../harness/apps.ts';
import { raw, request, until, webSocketHead } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import type { Chapter } from '../harness/world.ts';
import { askDirectly, memberOf } from './identity.ts';

const get = (rest: string, line = 'GET / HTTP/1.1') => `${line}\r\nHost: store\r\nConnection: close\r\n${rest}\r\n`;

/** Requests of which any app can make what it likes, and what comes back. */
const requests: Readonly<Record<string, readonly [bytes: string, answer: RegExp]>> = {
  'Trailer without a body': [get('Trailer: X-T\r\n'), /^HTTP\/1\.1 200 /],
  'Trailer and an empty body': [get('Trailer: X-T\r\nContent-Length: 0\r\n', 'POST / HTTP/1.1'), /^HTTP\/1\.1 200 /],
  'Trailer and a length': [`${get('Trailer: X-T\r\nContent-Length: 2\r\n', 'POST / HTTP/1.1')}ab`, /^HTTP\/1\.1 200 /],
  'Trailer and HEAD': [get('Trailer: X-T\r\n', 'HEAD / HTTP/1.1'), /^HTTP\/1\.1 200 /],
  'Trailer and chunks': [
    `${get('Trailer: X-T\r\nTransfer-Encoding: chunked\r\n', 'POST / HTTP/1.1')}2\r\nab\r\n0\r\nX-T: 1\r\n\r\n`,
    /^HTTP\/1\.1 200 /,
  ],
  'trailers that no message may have': [
    `${get('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.1')}2\r\nab\r\n0\r\nContent-Length: 5\r\nHost: x\r\n\r\n`,
    /^HTTP\/1\.1 (200|400) /,
  ],
  'Expect that nobody knows': [get('Expect: 200-ok\r\n'), /^HTTP\/1\.1 (200|417) /],
  'headers that should stand once': [
    get('If-None-Match: a\r\nIf-None-Match: b\r\nAuthorization: a\r\nAuthorization: b\r\n'),
    /^HTTP\/1\.1 200 /,
  ],
  'an empty header': [get('X-Empty:\r\n'), /^HTTP\/1\.1 200 /],
  'Connection that names what it should not': [get('Connection: host, content-length\r\n'), /^HTTP\/1\.1 (200|400) /],
  'an empty line before it': [`\r\n${get('')}`, /^HTTP\/1\.1 200 /],
  'an absolute target': [get('', 'GET http://store/a HTTP/1.1'), /^HTTP\/1\.1 200 /],
  'HTTP/1.0': [get('', 'GET / HTTP/1.0'), /^HTTP\/1\.[01] 200 /],
};

const ok = 'Content-Length: 2\r\n\r\nok';
const inChunks = 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n';

/** What an app of HTTP/1.1 may answer, by the method asked, and what comes of it. */
const answers: Readonly<Record<string, readonly [bytes: string, answer: RegExp, method?: string]>> = {
  'Trailer and a length': [`HTTP/1.1 200 OK\r\nTrailer: X-T\r\n${ok}`, /^HTTP\/1\.1 200 [\s\S]*ok/],
  'Trailer and chunks': [`HTTP/1.1 200 OK\r\nTrailer: X-T\r\n${inChunks}X-T: 1\r\n\r\n`, /^HTTP\/1\.1 200 [\s\S]*ok/],
  'trailers nobody announced': [`HTTP/1.1 200 OK\r\n${inChunks}X-T: 1\r\nX-T: 2\r\n\r\n`, /^HTTP\/1\.1 200 [\s\S]*ok/],
  'trailers that no message may have': [
    `HTTP/1.1 200 OK\r\n${inChunks}Content-Length: 5\r\nSet-Cookie: a=1\r\nTransfer-Encoding: x\r\n\r\n`,
    /^HTTP\/1\.1 (200 (?![\s\S]*set-cookie)[\s\S]*ok|502)/i,
  ],
  'Trailer, to HEAD': ['HTTP/1.1 200 OK\r\nTrailer: X-T\r\n\r\n', /^HTTP\/1\.1 200 /, 'HEAD'],
  'Trailer and a length, to HEAD': [
    'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 5\r\n\r\n',
    /^HTTP\/1\.1 200 /,
    'HEAD',
  ],
  'Trailer and chunks, to HEAD': [
    'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n',
    /^HTTP\/1\.1 200 /,
    'HEAD',
  ],
  '204 with Trailer': ['HTTP/1.1 204 No Content\r\nTrailer: X-T\r\n\r\n', /^HTTP\/1\.1 204 /],
  '204 with a length': ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', /^HTTP\/1\.1 204 /],
  '205 with a body': [`HTTP/1.1 205 Reset Content\r\n${ok}`, /^HTTP\/1\.1 (205|502) /],
  '304 with Trailer': ['HTTP/1.1 304 Not Modified\r\nTrailer: X-T\r\nETag: "a"\r\n\r\n', /^HTTP\/1\.1 304 /],
  'a header twice that should stand once': [
    `HTTP/1.1 200 OK\r\nETag: "a"\r\nETag: "b"\r\n${ok}`,
    /^HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  'Connection that names Content-Length': [
    `HTTP/1.1 200 OK\r\nConnection: content-length\r\n${ok}`,
    /^HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  'a status of 99': [`HTTP/1.1 099 Odd\r\n${ok}`, /^HTTP\/1\.1 502 /],
  'a status of 0': [`HTTP/1.1 000 Odd\r\n${ok}`, /^HTTP\/1\.1 502 /],
  'a status of 600': [`HTTP/1.1 600 Odd\r\n${ok}`, /^HTTP\/1\.1 502 /],
  'a status of 999': [`HTTP/1.1 999 Odd\r\n${ok}`, /^HTTP\/1\.1 502 /],
  'a status of four digits': [`HTTP/1.1 2000 Odd\r\n${ok}`, /^HTTP\/1\.1 502 /],
  'a status of 299': [`HTTP/1.1 299 Odd\r\n${ok}`, /^HTTP\/1\.1 299 [\s\S]*ok/],
  '101 that nobody asked for': [
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    /^HTTP\/1\.1 502 /,
  ],
  '101 without Upgrade, and an answer': [`HTTP/1.1 101 Odd\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`, /^HTTP\/1\.1 502 /],
  '100 that nobody asked for': [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`, /HTTP\/1\.1 200 [\s\S]*ok/],
  '102': [`HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`, /HTTP\/1\.1 200 [\s\S]*ok/],
  '103 with two links': [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: </b>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
    /HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  '103 with links in one line': [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
    /HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  '103 with crossorigin': [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload; as=font; crossorigin\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
    /HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  '103 with what is no link': [
    `HTTP/1.1 103 Early Hints\r\nLink: ///\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
    /HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  '103 with Trailer and a length': [
    `HTTP/1.1 103 Early Hints\r\nTrailer: a\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
    /HTTP\/1\.1 (200 [\s\S]*ok|502 )/,
  ],
  '103 twice': [
    `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
    /HTTP\/1\.1 200 [\s\S]*ok/,
  ],
  '199, which nobody knows': [`HTTP/1.1 199 Odd\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`, /HTTP\/1\.1 200 [\s\S]*ok/],
  'an answer in HTTP/1.0': ['HTTP/1.0 200 OK\r\n\r\nok', /^HTTP\/1\.1 200 [\s\S]*ok/],
  'no reason': [`HTTP/1.1 200\r\n${ok}`, /^HTTP\/1\.1 200 [\s\S]*ok/],
};

export const messages: Chapter = sound({
  ...lines(requests, 'a request costs at most itself', async ({ buyer }, [bytes, answer]) => {
    expect(await raw(buyer, bytes)).toMatch(answer);
  }),

  ...lines(requests, 'to an app of HTTP/2 too', async ({ buyer }, [bytes, answer]) => {
    const to2 = bytes.replace('Host: store', 'Host: store:81').replace('//store/', '//store:81/');
    expect(await raw(buyer, to2)).toMatch(answer);
  }),

  ...lines(answers, 'an answer costs at most itself', async ({ buyer, app }, [bytes, answer, method = 'GET']) => {
    app.does.http = incoming => void incoming.socket.end(bytes);
    expect(await raw(buyer, get('', `${method} / HTTP/1.1`))).toMatch(answer);
  }),

  ...lines(requests, 'a peer without a sidecar costs at most its own request', async (world, [bytes, answer]) => {
    expect(await askDirectly(world, await memberOf(world), {}, bytes)).toMatch(answer);
  }),

  'every header of an interim answer arrives': async world => {
    const { buyer, app } = world;
    app.does.http = ({ socket }) =>
      void socket.end(
        `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload; crossorigin\r\nLink: </b>\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`,
      );
    const answer = await raw(buyer, get(''));
    expect(answer).toMatch(
      /^HTTP\/1\.1 103 [\s\S]*<\/a>; rel=preload; crossorigin\r\n[\s\S]*<\/b>[\s\S]*x-a: 1[\s\S]*HTTP\/1\.1 200 /i,
    );
  },

  'interim answers without an end are bounded': async world => {
    const { buyer, app } = world;
    const many = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(2000);
    app.does.http = ({ socket }) => void socket.end(`${many}HTTP/1.1 200 OK\r\n${ok}`);
    expect((await raw(buyer, get(''))).match(/ 103 /g)?.length ?? 0).toBeLessThan(100);
  },

  'an interim answer does not overtake the answer before it': async world => {
    const { buyer, app } = world;
    app.does.http = ({ socket, url }) => {
      if (url === '/1') socket.end(`HTTP/1.1 200 OK\r\n${ok}`);
      else socket.end(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`);
    };
    const two = 'GET /1 HTTP/1.1\r\nHost: store\r\n\r\nGET /2 HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n';
    const statuses = (await raw(buyer, two)).match(/HTTP\/1\.1 \d+/g)?.map(line => line.slice(9));
    expect(statuses?.filter(status => status !== '103')).toEqual(['200', '200']);
    expect(statuses?.[0]).toBe('200');
  },

  'an upgrade or a CONNECT behind a request that waits comes after its answer': async world => {
    const { buyer, app } = world;
    app.does.upgrade = echoUpgrades;
    const first = 'GET /slow HTTP/1.1\r\nHost: store\r\n\r\n';
    for (const second of [webSocketHead, 'CONNECT store:82 HTTP/1.1\r\nHost: store:82\r\n\r\n']) {
      app.does.http = (_incoming, response) => void response.end('first');
      const socket = connect(outboundOf(buyer));
      socket.write(first + second);
      const answer = await until(socket, second === webSocketHead ? '101 Switching' : 'first');
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
    }
  },

  'no interim answer goes to a client of HTTP/1.0': async world => {
    const { buyer, app } = world;
    for (const interim of ['100 Continue', '102 Processing', '103 Early Hints']) {
      app.does.http = ({ socket }) => void socket.end(`HTTP/1.1 ${interim}\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\n${ok}`);
      expect([interim, await raw(buyer, get('', 'GET / HTTP/1.0'))]).toEqual([
        interim,
        expect.stringMatching(/^HTTP\/1\.[01] 200 /),
      ]);
    }
  },

  'a client of HTTP/1.0 gets no chunks': async world => {
    const { buyer, app } = world;
    app.does.http = (_incoming, response) => {
      response.write('one');
      response.end('two');
    };
    for (const host of ['store', 'store:81']) {
      app.does.grpc = stream => {
        stream.respond({ ':status': 200 });
        stream.write('one');
        stream.end('two');
      };
      const answer = await raw(buyer, `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
      expect([host, answer]).toEqual([
        host,
        expect.stringMatching(/^HTTP\/1\.[01] 200 (?![\s\S]*chunked)[\s\S]*\r\n\r\nonetwo$/i),
      ]);
    }
  },

  'a client of HTTP/1.0 without a Host is told so': async world => {
    expect(await raw(world.buyer, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.[01] 400 [\s\S]*bad-host/);
    expect(await raw(world.buyer, 'GET / HTTP/1.1\r\n\r\n')).toMatch(/^(HTTP\/1\.1 400 |$)/);
  },

  'a Host with an empty port is a Host': async world => {
    for (const host of ['store:', 'store.shop:']) {
      expect([host, (await request(world.buyer, { host })).status]).toEqual([host, 200]);
    }
  },

  'a 304 gains no length': async ({ buyer, app }) => {
    app.does.http = ({ socket }) => void socket.end('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n');
    expect(await raw(buyer, get(''))).toMatch(/^HTTP\/1\.1 304 (?![\s\S]*content-length)/i);
  },

  'a request without a body gets none on its way, whatever its method': async ({ buyer, app }) => {
    const seen: string[] = [];
    app.does.http = ({ method, headers }, response) => {
      const framing = [headers['transfer-encoding'], headers['content-length'] ?? '0'];
      seen.push([method, ...framing].join(' '));
      response.end('ok');
    };
    const methods = [
      'GET',
      'DELETE',
      'OPTIONS',
      'POST',
      'PUT',
      'PATCH',
      'PROPFIND',
      'MKCOL',
      'REPORT',
      'QUERY',
      'PURGE',
    ];
    for (const method of methods) {
      await raw(buyer, get('', `${method} / HTTP/1.1`));
      expect(seen.pop()).toBe(`${method}  0`);
      await request(buyer, { host: 'store', method, headers: { 'content-length': 0 } });
      expect(seen.pop()).toBe(`${method}  0`);
    }
  },

  'any token is a method: it is passed on, or refused in words': async ({ buyer, app }) => {
    const seen: string[] = [];
    app.does.http = (incoming, response) => {
      seen.push(incoming.method ?? '');
      response.end('ok');
    };
    for (const method of ['PROPFIND', 'MKCOL', 'REPORT', 'QUERY', 'PURGE']) {
      const answer = await raw(buyer, get('', `${method} / HTTP/1.1`));
      expect([method, answer.slice(0, 12), seen.pop()]).toEqual([method, 'HTTP/1.1 200', method]);
    }
    for (const method of ['FOO', 'get', 'M!', 'A'.repeat(60)]) {
      const answer = await raw(buyer, get('', `${method} / HTTP/1.1`));
      expect([method, answer]).toEqual([
        method,
        // 400 in no words is what the app of these tests says by itself.
        expect.stringMatching(/^HTTP\/1\.1 (200 |400 [\s\S]*\r\n\r\n$|501 [\s\S]*method-not-known)/),
      ]);
    }
  },
});
