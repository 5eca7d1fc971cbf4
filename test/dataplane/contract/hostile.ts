import { connect } from 'node:net';
import { expect } from 'vitest';
import { echoUpgrades } from '../harness/apps.ts';
import { drained, echoOf, raw, request, tunnel, until, webSocketHead } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import type { Chapter, World } from '../harness/world.ts';
import { askDirectly, memberOf } from './identity.ts';

/** Bytes that would be a request of their own, if somebody took them for one. */
const hidden = 'GET /hidden HTTP/1.1\r\nHost: store\r\n\r\n';

/** Heads about whose length two parsers could disagree (RFC 9112, 6.3 and 11.2), with the hidden request as body. */
const shapes: Readonly<Record<string, string>> = {
  'content-length and transfer-encoding': `Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'transfer-encoding and content-length': 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
  'two content-lengths': `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n`,
  'a list of content-lengths': `Content-Length: 0, ${hidden.length}\r\n\r\n`,
  'a content-length with a sign': `Content-Length: +0\r\n\r\n`,
  'a content-length beyond 2^64': 'Content-Length: 99999999999999999999999\r\n\r\n',
  'a space before the colon': `Content-Length : ${hidden.length}\r\n\r\n`,
  'a space before the colon of a coding': 'Transfer-Encoding : chunked\r\n\r\n',
  'a tab before the colon of a coding': 'Transfer-Encoding\t: chunked\r\n\r\n',
  'a tab before the colon of a length': `Content-Length\t: ${hidden.length}\r\n\r\n`,
  'a NUL in the name of a coding': 'Transfer-Encoding\0: chunked\r\n\r\n',
  'a folded header': `X-A: b\r\n Content-Length: ${hidden.length}\r\n\r\n`,
  'gzip, chunked': 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'chunked, gzip': 'Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
  xchunked: 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'a chunk of no number': 'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
};

/** Heads that RFC 9112 says to refuse (2.2, 3.2), whatever comes of them. */
const forbidden: Readonly<Record<string, string>> = {
  'a bare CR': 'X-A: b\rX-B: c\r\n\r\n',
  'two Hosts': 'Host: other\r\n\r\n',
};

export const hostile: Chapter = {
  ...Object.fromEntries(
    Object.entries(shapes).map(([name, head]) => [
      `no request is smuggled: ${name}`,
      async ({ buyer, app }: World) => {
        const urls: string[] = [];
        app.does.http = (incoming, response) => {
          urls.push(incoming.url ?? '');
          incoming.resume().once('end', () => response.end());
        };
        const answer = await raw(buyer, `POST /seen HTTP/1.1\r\nHost: store\r\n${head}${hidden}`);
        expect(urls).not.toContain('/hidden');
        expect(answer.match(/HTTP\/1\.1 \d+/g)?.length ?? 0).toBeLessThanOrEqual(1);
        expect((await request(buyer, { host: 'store', path: '/next' })).status).toBe(200);
        expect(urls.filter(url => url === '/next')).toEqual(['/next']);
      },
    ]),
  ),

  ...Object.fromEntries(
    Object.entries(forbidden).map(([name, head]) => [
      `a request is refused: ${name}`,
      async ({ buyer, app }: World) => {
        const before = app.requests;
        expect(await raw(buyer, `GET / HTTP/1.1\r\nHost: store\r\n${head}`)).toMatch(/^(HTTP\/1\.1 400 |$)/);
        expect(app.requests).toBe(before);
      },
    ]),
  ),

  'what an app sees is what the rules saw: a bare CR ends nothing, and of two Hosts one arrives': async world => {
    const { buyer, app } = world;
    const seen: string[] = [];
    app.does.http = (incoming, response) => {
      seen.push(incoming.rawHeaders.join('|'));
      response.end();
    };
    let passed = 0;
    for (const head of Object.values(forbidden)) {
      const answer = await raw(buyer, `GET / HTTP/1.1\r\nHost: store\r\n${head}`);
      if (answer.startsWith('HTTP/1.1 200 ')) passed += 1;
    }
    // A host that is none of the mesh's may have been the one.
    expect(seen).toHaveLength(passed);
    for (const headers of seen) expect(headers).not.toMatch(/\r|x-b|host.*host/i);
  },

  'a CR in a header name is refused': async ({ buyer, app }) => {
    const before = app.requests;
    const answer = await raw(buyer, 'GET / HTTP/1.1\r\nHost: store\r\nX\rServiceIdentity: evil\r\n\r\n');
    expect(answer).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect(app.requests).toBe(before);
  },

  'CONNECT opens nothing at an app: neither with a path, nor from a peer without a sidecar': async world => {
    const { buyer, app } = world;
    const before = app.requests;
    const head = 'CONNECT /books HTTP/1.1\r\nHost: store\r\n\r\n';
    expect(await raw(buyer, head)).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect(await askDirectly(world, await memberOf(world), {}, head)).not.toMatch(/^HTTP\/1\.1 2/);
    expect(app.requests).toBe(before);
  },

  'a coding in capitals is read, or refused with all that follows': async ({ buyer, app }) => {
    const bodies: string[] = [];
    app.does.http = (incoming, response) => {
      let body = '';
      incoming.on('data', chunk => {
        body += chunk;
      });
      incoming.on('end', () => response.end(String(bodies.push(`${incoming.url} ${body}`))));
    };
    const answers = await raw(
      buyer,
      `POST /1 HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n${hidden}`,
    );
    const read = answers.startsWith('HTTP/1.1 200 ');
    expect(bodies.toSorted()).toEqual(read ? ['/1 GET', '/hidden '] : []);
    if (!read) expect([answers.slice(0, 12), answers]).toEqual(['HTTP/1.1 400', expect.stringContaining('malformed')]);
  },

  'a body that is announced as 5 GB is not taken for an empty one': async ({ buyer, app }) => {
    const urls: string[] = [];
    app.does.http = (incoming, response) => {
      urls.push(`${incoming.method} ${incoming.url} ${incoming.headers['content-length']}`);
      incoming.on('error', () => response.destroy()).once('data', () => response.writeHead(200).write('begun'));
    };
    const socket = connect(outboundOf(buyer));
    socket.write(`POST /big HTTP/1.1\r\nHost: store\r\nContent-Length: 5000000000\r\n\r\n${hidden}`);
    expect(await until(socket, 'begun')).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
    // A shell that cannot count so far makes chunks of it.
    expect(urls).toEqual([expect.stringMatching(/^POST \/big (5000000000|undefined)$/)]);
  },

  'a head of 100 KB is refused': async ({ buyer, app }) => {
    const before = app.requests;
    const answer = await raw(buyer, `GET / HTTP/1.1\r\nHost: store\r\nX-Long: ${'a'.repeat(100_000)}\r\n\r\n`);
    expect(answer === '' || /^HTTP\/1\.1 (400|431) /.test(answer)).toBe(true);
    expect(app.requests).toBe(before);
  },

  'a CONNECT with a body that does not end is answered, and nobody collects it': async ({ buyer }) => {
    for (const length of ['Content-Length: 1000000000', 'Transfer-Encoding: chunked']) {
      const socket = connect(outboundOf(buyer));
      socket.write(
        `CONNECT store:82 HTTP/1.1\r\nHost: store:82\r\n${length}\r\n\r\n10000\r\n${'a'.repeat(65_536)}\r\n`,
      );
      // What follows may be taken for what goes through the tunnel.
      expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
      socket.destroy();
    }
  },

  'an upgrade with a body that does not end is answered, and nobody collects it': async ({ buyer, app }) => {
    app.does.upgrade = echoUpgrades;
    app.does.http = (incoming, response) => {
      incoming.on('error', () => response.destroy()).once('data', () => response.write('begun'));
    };
    const socket = connect(outboundOf(buyer));
    const head = webSocketHead.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(`${head}10000\r\n${'a'.repeat(65_536)}\r\n`);
    expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 (101|200|4\d\d) /);
    socket.destroy();
  },

  'an upgrade to a WebSocket in other letters opens one, or nothing: no head without an end comes after':
    async world => {
      const { buyer, app } = world;
      app.does.upgrade = echoUpgrades;
      const socket = connect(outboundOf(buyer));
      socket.write(webSocketHead.replace('websocket', 'WebSocket'));
      const answer = await until(socket, '\r\n\r\n');
      const before = app.requests;
      const sent = `GET /2 HTTP/1.1\r\nHost: store\r\n${'X-Small: 0123456789\r\n'.repeat(100_000)}\r\n`;
      if (answer.startsWith('HTTP/1.1 101 ')) expect(String(await echoOf(socket, Buffer.from(sent)))).toBe(sent);
      else {
        socket.write(sent);
        expect(await drained(socket)).not.toContain('200 OK');
      }
      socket.destroy();
      expect(app.requests).toBe(before);
    },

  'a head of 2 MB in small headers is refused, on a new connection, on a kept one and in CONNECT': async world => {
    const { buyer, app } = world;
    const before = app.requests;
    const head = `GET /2 HTTP/1.1\r\nHost: store\r\n${'X-Small: 0123456789\r\n'.repeat(100_000)}\r\n`;
    const first = 'GET /1 HTTP/1.1\r\nHost: store\r\n\r\n';
    expect(await raw(buyer, head)).toMatch(/^(HTTP\/1\.1 431 |$)/);
    for (const socket of [connect(outboundOf(buyer)), (await tunnel(buyer, 'store:80')).socket]) {
      socket.write(first);
      await until(socket, '}');
      socket.write(head);
      expect(await drained(socket)).not.toContain('200 OK');
    }
    expect(app.requests).toBe(before + 2);
  },
};
