/** Request targets: what the rules compare is what the app reads, and what can be read in two ways reaches nobody. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { bytesOf, drained, http2 as openHTTP2, raw, request, tunnel, until } from '../harness/client.ts';
import { appPorts, outboundOf } from '../harness/mesh.ts';
import { type Access, buyerTree, type Chapter, serviceAt, storeTree, type World } from '../harness/world.ts';
import { askDirectly, memberOf } from './identity.ts';

const principals = ['buyer.shop.cluster.local'];

function restrict({ mesh, store }: World, ...http: readonly object[]): Promise<void> {
  const access = { anyone: false, http: http.map(rule => ({ principals, ...rule })) } as Access;
  return mesh.push.give(store.spec.podUid, storeTree({ mesh, store } as World, store, access));
}

const bare = (target: string, method = 'GET') =>
  `${method} ${target} HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n`;

/** Paths under `/public/` that some server reads as another one. */
const escapes = [
  '/public/../admin',
  '/public/..;/admin',
  '/public/..;a=b/admin',
  '/public/.;/admin',
  '/public/;/../admin',
  '/public/a;b/../../admin',
  '/public/%2e%2e/admin',
  '/public/.%2E/admin',
  '/public/%2e%2e%3b/admin',
  '/public/..%3B/admin',
  '/public/..%3Ba=b/admin',
  '/public/..%2fadmin',
  '/public/..%5Cadmin',
  '/public/..\\admin',
  '/public/..%20/admin',
  '/public/..%09/admin',
  '/public/%c0%ae%c0%ae/admin',
  '/public/..%c0%afadmin',
  '/public/..%00/admin',
  '/public/x%00.png',
  '/public/%u002e%u002e/admin',
  '/public/%',
  '/public/..',
  '/public/..;',
];

/** Paths that look alike and are what they say. */
const innocent = [
  '/public/...',
  '/public/..a',
  '/public/a..',
  '/public/.well-known/x',
  '/public/a;jsessionid=1',
  '/public/a;b=..',
  '/public//a',
  '/public/%252e%252e/a',
  '/public/caf%C3%A9',
  '/public/a+b&c=d@e:f!g$h',
];

const bytes = '/caf\u00e9?\u00ff\u00c3\u00a9';

/** Targets that no request may have (RFC 9112, 3.2; RFC 3986, 3.3). */
const faults: Readonly<Record<string, string>> = {
  'a #': '/public/a#/../admin',
  'a # in the query': '/public/a?b#c',
  'only a #': '/#',
  'a tab': '/public/\ta',
  'a control character': '/public/\u0001a',
  'a DEL': '/public/\u007fa',
  'a NUL': '/public/\u0000a',
  'a blank': '/public/a b',
  'no slash': 'public/a',
  'an asterisk': '*',
};

/** Blanks but the one that ends a target, and control characters but line feeds (RFC 3986, 2). */
const controls = [...Array.from({ length: 32 }, (_, code) => code), 35, 127]
  .filter(code => code !== 10)
  .map(code => String.fromCharCode(code));

export const targets: Chapter = {
  'no control character in a target reaches an app': async ({ buyer, app }) => {
    const before = app.requests;
    for (const char of controls)
      for (const fields of ['Connection: close\r\n', `Content-Length: 0\r\nConnection: close\r\n`]) {
        const answer = await raw(buyer, `GET /a${char}b HTTP/1.1\r\nHost: store\r\n${fields}\r\n`);
        expect([char, answer]).toEqual([char, expect.stringMatching(/^(HTTP\/1\.1 400 |$)/)]);
      }
    expect(app.requests).toBe(before);
  },

  'a path that servers may read as another one is refused where rules compare paths': async world => {
    const { buyer, app } = world;
    await restrict(world, { path: { prefix: '/public/' } });
    const before = app.requests;
    for (const path of escapes) expect([path, (await raw(buyer, bare(path))).slice(9, 12)]).toEqual([path, '400']);
    expect(app.requests).toBe(before);
    for (const path of innocent)
      expect([path, (await request(buyer, { host: 'store', path })).status]).toEqual([path, 200]);
  },

  'the same over HTTP/2': async world => {
    await restrict(world, { path: { prefix: '/public/' } });
    const session = await openHTTP2(world.buyer, 'store:81');
    const ask = async (path: string) => {
      const stream = session.request({ ':path': path });
      const [headers] = await once(stream, 'response');
      await bytesOf(stream);
      return headers[':status'];
    };
    for (const path of escapes) expect([path, await ask(path)]).toEqual([path, 400]);
    for (const path of innocent) expect([path, await ask(path)]).toEqual([path, 200]);
    session.close();
  },

  'what a rule allows as it is written has to be allowed as servers may read it': async world => {
    await restrict(
      world,
      { path: { regex: '/[^/]*[.]png' } },
      { path: { regex: '/cars;color=[a-z]+' } },
      { path: { exact: '/a' } },
    );
    const ask = async (path: string) => (await request(world.buyer, { host: 'store', path })).status;
    expect([await ask('/x.png'), await ask('/%78.png'), await ask('/cars;color=red')]).toEqual([200, 200, 200]);
    expect([await ask('/admin;.png'), await ask('/admin%3b.png'), await ask('/a;.png')]).toEqual([403, 403, 200]);
  },

  ...Object.fromEntries(
    Object.entries(faults).map(([name, target]) => [
      `a target reaches nobody that has ${name}`,
      async (world: World) => {
        const { buyer, app } = world;
        const before = app.requests;
        const refused = /^(HTTP\/1\.1 400 |$)/;
        expect(await raw(buyer, bare(target))).toMatch(refused);
        const { socket } = await tunnel(buyer, 'store:80');
        socket.write(bare(target));
        expect(await drained(socket)).toMatch(refused);
        await restrict(world, { path: { prefix: '/' } });
        expect(await raw(buyer, bare(target))).toMatch(refused);
        expect(app.requests).toBe(before);
      },
    ]),
  ),

  'no target with a fault reaches an app from a peer without a sidecar': async world => {
    const { app } = world;
    const own = await memberOf(world);
    const before = app.requests;
    for (const target of Object.values(faults)) {
      const answer = await askDirectly(world, own, {}, bare(target));
      expect([target, answer]).toEqual([target, expect.stringMatching(/^(HTTP\/1\.1 400 |$)/)]);
    }
    expect(app.requests).toBe(before);
  },

  'a # in a path of HTTP/2 reaches nobody': async world => {
    const { buyer, app } = world;
    const before = app.requests;
    for (const path of ['/a#b', '/a?b#c', '*']) {
      const session = await openHTTP2(buyer, 'store:81');
      const stream = session.request({ ':path': path });
      const told = await once(stream, 'response').then(
        ([headers]) => headers[':status'],
        () => 'reset',
      );
      expect([path, told]).toEqual([path, expect.toBeOneOf([400, 'reset'])]);
      session.destroy();
    }
    expect(app.requests).toBe(before);
  },

  'OPTIONS may ask of the whole server': async ({ buyer }) => {
    expect(await raw(buyer, bare('*', 'OPTIONS'))).toMatch(/^HTTP\/1\.1 200 [\s\S]*"url":"\*"/);
  },

  'an absolute target of HTTP/1.1 is a path too': async world => {
    await restrict(world, { path: { prefix: '/public/' } });
    const ask = async (target: string) => (await raw(world.buyer, bare(target))).slice(9, 12);
    expect([await ask('http://store/public/a'), await ask('HTTP://store/public/..;/admin')]).toEqual(['200', '400']);
    expect([await ask('http://store/public/a#b'), await ask('http://store?a')]).toEqual(['400', '403']);
  },

  'a request without a Host goes where its tunnel does': async ({ buyer }) => {
    const { socket } = await tunnel(buyer, 'store:80');
    socket.write('GET /in HTTP/1.0\r\n\r\n');
    expect(await until(socket, '"url":"/in"')).toMatch(/^HTTP\/1\.[01] 200 /);
    socket.destroy();
  },

  'bytes of a target above 127 arrive as they were sent over HTTP/2': async ({ buyer, app }) => {
    const seen: unknown[] = [];
    app.does.grpc = (stream, headers) => {
      seen.push(headers[':path']);
      stream.respond({ ':status': 200 }, { endStream: true });
    };
    const session = await openHTTP2(buyer, 'store:81');
    const stream = session.request({ ':path': bytes });
    await once(stream, 'response');
    session.close();
    expect(seen).toEqual([bytes]);
  },

  'bytes of a target above 127 arrive as they were sent, or the request is refused in words': async world => {
    const { buyer, store, mesh, app } = world;
    let seen = '';
    // Node's own server would refuse them.
    app.does.tcp = socket => {
      socket.setEncoding('latin1').once('data', text => {
        seen = String(text);
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      });
    };
    const { tcp } = appPorts;
    const plain = serviceAt('plain', { address: store.spec.podAddress, port: tcp, principal: store.principal });
    await mesh.push.give(store.spec.podUid, storeTree(world, store, {}, [], { [tcp]: { protocol: 'http' } }));
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [plain] }));
    const socket = connect(outboundOf(buyer));
    socket.write(bare(bytes).replace('store', 'plain'), 'latin1');
    const answer = await until(socket, '\r\n\r\n');
    socket.destroy();
    if (answer.startsWith('HTTP/1.1 200 ')) expect(seen).toContain(`GET ${bytes} HTTP/1.1`);
    else expect([answer.slice(0, 12), seen]).toEqual(['HTTP/1.1 400', '']);
  },
};
