/** Header fields: bytes stay what they are, and what a rule sees is the same whoever looks. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { bytesOf, drained, http2 as openHTTP2, raw, request } from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import { lines } from '../harness/sound.ts';
import { buyerTree, type Chapter, storeTree, type World, weighted } from '../harness/world.ts';

/** Latin-1, UTF-8, and what is neither; as node:http shows bytes. */
const values = ['caf\u00e9', 'caf\u00c3\u00a9', '\u00ff\u0080 \u00fe', '\u00e2\u0082\u00ac'];

async function rawBytes(pod: Pod, text: string): Promise<string> {
  const socket = connect(outboundOf(pod));
  socket.setEncoding('latin1').write(text, 'latin1');
  return drained(socket);
}

function fieldOf(answer: string, name: string): string | undefined {
  const line = answer.split('\r\n').find(each => each.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

/** An app that shows a header and a trailer that came, and sends back the same. */
function mirror({ app }: World, seen: string[]): void {
  app.does.http = (incoming, response) => {
    // A text would make node:http write the head in UTF-8.
    incoming.resume().once('end', () => {
      const value = String(incoming.headers['x-bytes']);
      seen.push(value, String(incoming.trailers['x-trailer']));
      const body = Buffer.from(incoming.method === 'HEAD' || incoming.url === '/empty' ? '' : 'body');
      response.setHeader('x-bytes', value);
      if (incoming.url === '/chunks') {
        response.write(body);
        response.addTrailers({ 'x-trailer': value });
        response.end();
      } else response.end(body);
    });
  };
  app.does.grpc = (stream, headers) => {
    const value = String(headers['x-bytes']);
    seen.push(value);
    stream.respond({ ':status': 200, 'x-bytes': value }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'x-trailer': value }));
    stream.resume().end('body');
  };
}

const head = (method: string, path: string, value: string, more = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: store\r\nConnection: close\r\nX-Bytes: ${value}\r\n${more}\r\n`;

/** Requests that each carry bytes, by what makes shells write heads in different ways. */
const requests: Readonly<Record<string, (value: string) => string>> = {
  'no body': value => head('GET', '/', value),
  'no body either way': value => head('GET', '/empty', value),
  HEAD: value => head('HEAD', '/', value),
  'a body with a length': value => `${head('POST', '/', value, 'Content-Length: 2\r\n')}ab`,
  'a body in chunks': value =>
    `${head('POST', '/chunks', value, 'Transfer-Encoding: chunked\r\n')}2\r\nab\r\n0\r\n\r\n`,
  Expect: value => `${head('POST', '/', value, 'Expect: 100-continue\r\nContent-Length: 2\r\n')}ab`,
};

/** SMI mode at the store: one rule with this header. */
function only({ mesh, store }: World, name: string, regex: string): Promise<void> {
  const http = [{ principals: ['buyer.shop.cluster.local'], headers: [{ name, value: { regex } }] }];
  return mesh.push.give(store.spec.podUid, storeTree({ mesh, store } as World, store, { anyone: false, http }));
}

/** Whether a rule for a header sees what a request of HTTP/1.1 says. */
const seenByRules: Readonly<Record<string, readonly [name: string, regex: string, lines: string, seen: boolean]>> = {
  'host as it is': ['host', 'store', '', true],
  'host in other letters': ['host', 'store', 'HOST', true],
  'host with a port': ['host', 'store:80', 'PORT', true],
  'host without its port': ['host', 'store', 'PORT', true],
  'host, but another': ['host', 'other', '', false],
  ':authority': [':authority', 'store', '', true],
  cookie: ['cookie', 'a=1', 'Cookie: a=1\r\n', true],
  'content-length': ['content-length', '2', 'BODY', true],
  te: ['te', '.*', 'TE: trailers\r\n', false],
  connection: ['connection', '.*', '', false],
  'transfer-encoding': ['transfer-encoding', '.*', 'CHUNKS', false],
  upgrade: ['upgrade', '.*', 'Upgrade: h3\r\n', false],
  'keep-alive': ['keep-alive', '.*', 'Keep-Alive: timeout=5\r\n', false],
  'proxy-connection': ['proxy-connection', '.*', 'Proxy-Connection: close\r\n', false],
  'a claim': ['x-forwarded-client-cert', '.*', 'X-Forwarded-Client-Cert: Hash=1\r\n', false],
  'another claim': ['fsm-stats-pod', '.*', 'Fsm-Stats-Pod: a\r\n', false],
  'bytes above 127': ['x-bytes', '[^a]{2}', 'X-Bytes: \u00c3\u00a9\r\n', true],
};

function requestFor(lines: string): string {
  const host = lines === 'HOST' ? 'STORE' : lines === 'PORT' ? 'store:80' : 'store';
  const start = (method: string, rest: string) =>
    `${method} / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${rest}\r\n`;
  if (lines === 'BODY') return `${start('POST', 'Content-Length: 2\r\n')}ab`;
  if (lines === 'CHUNKS') return `${start('POST', 'Transfer-Encoding: chunked\r\n')}2\r\nab\r\n0\r\n\r\n`;
  return start('GET', lines === 'HOST' || lines === 'PORT' ? '' : lines);
}

async function ask2(pod: Pod, headers: OutgoingHttpHeaders, authority = 'store:81', body?: string) {
  const session = await openHTTP2(pod, authority);
  const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  let trailers: IncomingHttpHeaders = {};
  stream.on('trailers', got => {
    trailers = got;
  });
  if (body !== undefined) stream.end(body);
  const [answer] = await once(stream, 'response');
  await bytesOf(stream);
  session.close();
  return { status: answer[':status'], answer, trailers };
}

/** What `Connection` says in an answer. */
const connections: Readonly<Record<string, string>> = {
  'a header': 'X-Own',
  'a header, in capitals, and a close': 'close, X-OWN',
  'a header, and to keep the connection': 'keep-alive,  x-own',
};

export const headers: Chapter = {
  'an empty header stays empty where it is the only one of an answer to HEAD': async ({ buyer, app }) => {
    app.does.http = ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nX-Empty:\r\n\r\n');
    const answer = await raw(buyer, 'HEAD /empty HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/\r\nx-empty: *\r\n/i);
  },

  ...lines(
    connections,
    'what an answer says for one connection goes no further',
    async ({ buyer, app }, connection) => {
      app.does.http = ({ socket }) =>
        void socket.end(
          `HTTP/1.1 200 OK\r\nConnection: ${connection}\r\nX-Own: 1\r\nX-Other: 2\r\nContent-Length: 0\r\n\r\n`,
        );
      const { headers } = await request(buyer, { host: 'store' });
      expect([headers['x-own'], headers['x-other']]).toEqual([undefined, '2']);
    },
  ),

  ...Object.fromEntries(
    Object.entries(requests).map(([name, make]) => [
      `bytes above 127 stay what they are, both ways: ${name}`,
      async (world: World) => {
        const seen: string[] = [];
        mirror(world, seen);
        for (const value of values) {
          const answer = await rawBytes(world.buyer, make(value));
          expect([value, seen[seen.length - 2]]).toEqual([value, value]);
          expect(fieldOf(answer, 'x-bytes')).toBe(value);
        }
      },
    ]),
  ),

  'bytes above 127 of trailers stay what they are, both ways': async world => {
    const seen: string[] = [];
    mirror(world, seen);
    for (const value of values) {
      const request = `${head('POST', '/chunks', value, 'Transfer-Encoding: chunked\r\n')}2\r\nab\r\n0\r\nX-Trailer: ${value}\r\n\r\n`;
      const answer = await rawBytes(world.buyer, request);
      expect([value, seen[seen.length - 1]]).toEqual([value, value]);
      expect(fieldOf(answer, 'x-trailer')).toBe(value);
    }
  },

  'bytes above 127 stay what they are over HTTP/2, trailers too': async world => {
    const seen: string[] = [];
    mirror(world, seen);
    for (const value of values) {
      for (const body of [undefined, 'body']) {
        const { answer, trailers } = await ask2(world.buyer, { 'x-bytes': value }, 'store:81', body);
        expect([seen.pop(), answer['x-bytes'], trailers['x-trailer']]).toEqual([value, value, value]);
      }
    }
  },

  'bytes above 127 stay what they are from HTTP/1.1 to HTTP/2': async world => {
    const seen: string[] = [];
    mirror(world, seen);
    for (const value of values) {
      const answer = await rawBytes(world.buyer, head('GET', '/', value).replace('store', 'store:81'));
      expect(seen.pop()).toBe(value);
      expect(fieldOf(answer, 'x-bytes')).toBe(value);
    }
  },

  ...Object.fromEntries(
    Object.entries(seenByRules).map(([name, [header, regex, lines, seen]]) => [
      `what a rule sees: ${name}`,
      async (world: World) => {
        await only(world, header, regex);
        const answer = await rawBytes(world.buyer, requestFor(lines));
        expect(answer).toMatch(seen ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 (403|404) /);
      },
    ]),
  ),

  'what a rule sees of HTTP/2: the host in either name, and nothing of the connection': async world => {
    for (const [name, regex, sent, status] of [
      ['host', 'store:81', {}, 200],
      ['host', 'store', {}, 200],
      [':authority', 'store:81', {}, 200],
      ['host', 'other', {}, 403],
      ['te', '.*', { te: 'trailers' }, 403],
      ['cookie', 'a=1; b=2', { cookie: ['a=1', 'b=2'] }, 200],
      ['x-forwarded-client-cert', '.*', { 'x-forwarded-client-cert': 'a' }, 403],
    ] as const) {
      await only(world, name, regex);
      const answer = await ask2(world.buyer, sent as OutgoingHttpHeaders);
      expect([name, regex, answer.status]).toEqual([name, regex, status]);
    }
  },

  'a route by host takes a request by its Host': async world => {
    const { buyer, mesh } = world;
    const split = [
      { match: { headers: [{ name: 'host', value: { exact: 'split.shop' } }] }, backends: weighted(0, 1) },
      { backends: weighted(1, 0) },
    ];
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split }));
    expect((await request(buyer, { host: 'split.shop' })).app).toBe('v2');
    expect((await request(buyer, { host: 'split' })).app).toBe('v1');
  },

  'who says over HTTP/2 two hosts is refused, or only one counts for everybody': async world => {
    const { buyer, app } = world;
    const seen: unknown[] = [];
    app.does.grpc = (stream, came) => {
      seen.push(came[':authority'] ?? came.host);
      stream.respond({ ':status': 200 }, { endStream: true });
    };
    await only(world, 'host', 'store:81');
    const { status } = await ask2(buyer, { ':authority': 'store:81', host: 'other:81' });
    if (status === 200) expect(seen).toEqual(['store:81']);
    else expect(seen).toEqual([]);
  },

  'a rule for a header that came twice compares both': async world => {
    await only(world, 'x-two', 'a, b');
    const twice = 'GET / HTTP/1.1\r\nHost: store\r\nConnection: close\r\nX-Two: a\r\nX-Two: b\r\n\r\n';
    expect(await raw(world.buyer, twice)).toMatch(/^HTTP\/1\.1 200 /);
  },
};
