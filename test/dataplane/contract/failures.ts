import { Agent } from 'node:http';
import { constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { drained, open, read, request, responseOf, sendWithoutEnd, until } from '../harness/client.ts';
import { appPorts, endpointOf, outboundOf } from '../harness/mesh.ts';
import { lines } from '../harness/sound.ts';
import { buyerTree, type Chapter, serviceAt, storeTree, type World } from '../harness/world.ts';

const parts: Readonly<Record<string, (socket: Socket) => void>> = {
  'with a length': socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part'),
  'in chunks': socket => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nonly a part\r\n'),
  'until it closes, reset': socket => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nonly a part', () => socket.resetAndDestroy());
  },
};

/** Requests that come to no answer of an app. */
const failing: Readonly<Record<string, string>> = {
  'one to an app of HTTP/1.1 that closes': 'GET /dies HTTP/1.1\r\nHost: store\r\n\r\n',
  'an upload to an app of HTTP/1.1 that closes': 'POST /dies HTTP/1.1\r\nHost: store\r\nContent-Length: 1\r\n\r\nx',
  'one to an app of HTTP/2 that closes': 'GET /dies HTTP/1.1\r\nHost: store:81\r\n\r\n',
  'an upload to an app of HTTP/2 that closes': 'POST /dies HTTP/1.1\r\nHost: store:81\r\nContent-Length: 1\r\n\r\nx',
  'one that an app of HTTP/2 resets': 'GET /resets HTTP/1.1\r\nHost: store:81\r\n\r\n',
  'an upload that an app of HTTP/2 resets': 'POST /resets HTTP/1.1\r\nHost: store:81\r\nContent-Length: 1\r\n\r\nx',
  'one to nobody': 'GET / HTTP/1.1\r\nHost: store:99\r\n\r\n',
};

/** What ports are that speak no HTTP by their protocol, and what a request over HTTP to them comes to. */
const others: Readonly<
  Record<string, readonly [port: number, protocol: 'tcp' | 'https' | 'tcp-server-first' | 'http', RegExp]>
> = {
  'a port that is tcp': [appPorts.http, 'tcp', /^HTTP\/1\.1 200 /],
  'a port that is https': [appPorts.http, 'https', /^HTTP\/1\.1 200 /],
  'a server that speaks first': [appPorts['tcp-server-first'], 'http', /^HTTP\/1\.1 502 /],
  'a server that speaks first, as such': [appPorts['tcp-server-first'], 'tcp-server-first', /^HTTP\/1\.1 502 /],
};

export const failures: Chapter = {
  'an app that says nothing is a 504': async world => {
    const { buyer, store, mesh, app } = world;
    const settings = { idleTimeoutMs: 1000 };
    app.does.http = () => undefined;
    await mesh.push.give(store.spec.podUid, storeTree(world, store, {}, [], {}, settings));
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { settings }));
    const socket = connect(outboundOf(buyer));
    // Its connections are its own: those that are kept have the idle time of when they were made.
    socket.write('POST /silent HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    expect(await until(socket, 'upstream-silent')).toMatch(/^HTTP\/1\.1 504 /);
    socket.destroy();
  },

  ...lines(others, 'a request over HTTP is one, or an error', async (world, [port, protocol, answer]) => {
    const service = serviceAt('other', endpointOf(world.store, port));
    const more = [{ ...service, ports: [{ port: 80, protocol }] }];
    await world.mesh.push.give(world.buyer.spec.podUid, buyerTree(world, { more }));
    const socket = connect(outboundOf(world.buyer));
    socket.write('GET /other HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n');
    expect(await drained(socket)).toMatch(answer);
  }),

  ...lines(
    failing,
    'requests behind one that failed are answered, with interim answers or without',
    async ({ buyer, app }, failed) => {
      const does = { ...app.does };
      app.does.http = (incoming, response) => {
        if (incoming.url === '/dies') return void incoming.socket.destroy();
        response.writeContinue();
        does.http(incoming, response);
      };
      app.does.grpc = (stream, headers) => {
        if (headers[':path'] === '/dies') stream.session?.destroy();
        else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      };
      const socket = connect(outboundOf(buyer));
      const next = (path: string) =>
        `POST ${path} HTTP/1.1\r\nHost: store\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx`;
      socket.write(failed + next('/next') + next('/last'));
      const text = await until(socket, '"url":"/last"');
      expect(text).toMatch(/^HTTP\/1.1 (404|50[23]) /);
      expect(text).toContain('"url":"/next"');
      socket.destroy();
    },
  ),

  'an app that closes before its answer: 502': async ({ buyer, app }) => {
    app.does.http = incoming => incoming.socket.destroy();
    for (const method of ['GET', 'POST']) expect((await request(buyer, { host: 'store', method })).status).toBe(502);
  },

  'an app that resets a body which it is being sent: 502, or a reset, each time and soon': async ({ buyer, app }) => {
    app.does.http = incoming => void incoming.once('data', () => incoming.socket.resetAndDestroy());
    for (let n = 0; n < 10; n++) {
      const headers = { 'content-length': 12_800 * 1024 };
      const outgoing = open(buyer, { host: 'store', method: 'POST', headers });
      outgoing.on('error', () => undefined);
      sendWithoutEnd(outgoing);
      // A client that goes on writing may lose what it was told (RFC 9112, 9.6).
      const told = await responseOf(outgoing).then(
        response => response.statusCode,
        () => 'reset',
      );
      expect([502, 'reset']).toContain(told);
      outgoing.destroy();
    }
  },

  'a POST is never sent twice': async ({ buyer, app }) => {
    let bodies = 0;
    app.does.http = incoming => {
      bodies += 1;
      incoming.resume().once('end', () => incoming.socket.resetAndDestroy());
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 1; i <= 3; i++) {
      expect((await request(buyer, { host: 'store', method: 'POST', body: 'x', agent })).status).toBe(502);
      expect(bodies).toBe(i);
    }
    agent.destroy();
  },

  'a GET that meets a kept connection which the app has closed is sent again': async ({ buyer, app }) => {
    const first = new WeakSet<Socket>();
    app.does.http = (incoming, response) => {
      // Every connection answers once and is reset at its second request, before a byte of an answer.
      if (first.has(incoming.socket)) return void incoming.socket.resetAndDestroy();
      first.add(incoming.socket);
      response.end('ok');
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 6; i++) expect((await request(buyer, { host: 'store', agent })).status).toBe(200);
    agent.destroy();
  },

  ...Object.fromEntries(
    Object.entries(parts).map(([how, answer]) => [
      `a body that the app cuts short never looks whole: ${how}`,
      async ({ buyer, app }: World) => {
        app.does.http = incoming => answer(incoming.socket);
        const outgoing = open(buyer, { host: 'store' });
        outgoing.end();
        const whole = await responseOf(outgoing)
          .then(read)
          .then(
            ({ status }) => status === 200,
            () => false,
          );
        expect(whole).toBe(false);
      },
    ]),
  ),

  'an answer that is not HTTP: 502': async ({ buyer, app }) => {
    app.does.http = incoming =>
      void incoming.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx');
    expect((await request(buyer, { host: 'store' })).status).toBe(502);
  },

  'nobody at the endpoint: 503, and the connection goes on': async world => {
    const { buyer, mesh, store } = world;
    const nobody = { address: `${mesh.block}.201`, port: appPorts.http, principal: store.principal };
    const empty = {
      key: 'shop/empty',
      ports: [{ port: 80, protocol: 'http' as const }],
      backends: { 'shop/empty:80': [] },
    };
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [serviceAt('nobody', nobody), empty] }));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await request(buyer, { host: 'nobody', agent })).status).toBe(503);
    expect((await request(buyer, { host: 'empty', agent })).text).toContain('no-endpoints');
    expect((await request(buyer, { host: 'store', agent })).status).toBe(200);
    agent.destroy();
  },

  'a client that goes away is noticed by the app': async ({ buyer, app }) => {
    const left = new Promise<void>(resolve => {
      app.does.http = (_incoming, response) => {
        response.write('first');
        response.once('close', () => resolve());
      };
    });
    const outgoing = open(buyer, { host: 'store' });
    outgoing.on('error', () => undefined).end();
    (await responseOf(outgoing)).on('error', () => undefined);
    outgoing.destroy();
    await left;
  },

  'a request whose client breaks off its body does not look whole to the app': async ({ buyer, app }) => {
    const socket = connect(outboundOf(buyer));
    const outcome = new Promise<string>(resolve => {
      app.does.http = incoming => {
        incoming
          .resume()
          .once('end', () => resolve('whole'))
          .once('error', () => resolve('broken'));
        socket.end();
      };
    });
    socket.write('POST / HTTP/1.1\r\nHost: store\r\nContent-Length: 100000\r\n\r\na part');
    const [result] = await Promise.all([outcome, drained(socket)]);
    expect(result).toBe('broken');
  },
};
