import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { echoUpgrades } from '../harness/apps.ts';
import {
  bytesOf,
  echoOf,
  open,
  raw,
  read,
  request,
  responseOf,
  tunnel,
  until,
  webSocketHead,
} from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import type { Chapter } from '../harness/world.ts';

const megabyte = 1024 * 1024;

/** The next request that the app gets, for the test to play the app. */
function nextRequest(does: { http(request: IncomingMessage, response: ServerResponse): void }) {
  return new Promise<{ request: IncomingMessage; response: ServerResponse }>(resolve => {
    does.http = (request, response) => resolve({ request, response });
  });
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function residentMegabytes(pod: Pod): number {
  const status = readFileSync(`/proc/${pod.program?.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** Names of the headers that the app saw, in lower case; from its answer. */
function namesThatCame(text: string): readonly string[] {
  const { rawHeaders } = JSON.parse(text) as { rawHeaders: readonly string[] };
  return rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase());
}

export const streams: Chapter = {
  'the first part of a request arrives before the last is sent': async ({ buyer, app }) => {
    const arrived = nextRequest(app.does);
    const outgoing = open(buyer, { host: 'store', method: 'POST' });
    outgoing.write('first');
    const { request: incoming, response } = await arrived;
    const [first] = await once(incoming, 'data');
    expect(String(first)).toBe('first');
    outgoing.end('last');
    expect(String(await bytesOf(incoming))).toBe('last');
    response.end();
    expect((await responseOf(outgoing)).statusCode).toBe(200);
  },

  'the first part of a response arrives before the last is sent (SSE)': async ({ buyer, app }) => {
    const arrived = nextRequest(app.does);
    const outgoing = open(buyer, { host: 'store' });
    outgoing.end();
    const { response } = await arrived;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    const incoming = await responseOf(outgoing);
    const [first] = await once(incoming, 'data');
    expect(String(first)).toBe('data: 1\n\n');
    response.end('data: 2\n\n');
    expect(String(await bytesOf(incoming))).toBe('data: 2\n\n');
  },

  'the head of an answer arrives before its body': async ({ buyer, app }) => {
    const arrived = nextRequest(app.does);
    const outgoing = open(buyer, { host: 'store' });
    outgoing.end();
    const { response } = await arrived;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const incoming = await responseOf(outgoing);
    response.end('data: 1\n\n');
    expect(String(await bytesOf(incoming))).toBe('data: 1\n\n');
  },

  '10 MB go up and come back whole': async ({ buyer, app }) => {
    app.does.http = (incoming, response) => void incoming.pipe(response);
    const body = randomBytes(10 * megabyte);
    for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
      const outgoing = open(buyer, { host: 'store', method: 'POST', headers });
      outgoing.end(body);
      expect(hashOf(await bytesOf(await responseOf(outgoing)))).toBe(hashOf(body));
    }
  },

  'a slow reader slows the app down, the sidecars do not fill up, and the app hears when it leaves': async ({
    buyer,
    store,
    app,
  }) => {
    let written = 0;
    let left: Promise<unknown> = Promise.resolve();
    app.does.http = (incoming, response) => {
      if (incoming.url !== '/endless') return void response.end();
      const more = () => {
        for (let free = true; free && !response.destroyed; written += megabyte)
          free = response.write(Buffer.alloc(megabyte));
      };
      response.on('drain', more).on('error', () => response.destroy());
      left = new Promise(resolve => response.once('close', resolve));
      more();
    };
    const before = [residentMegabytes(buyer), residentMegabytes(store)];
    const outgoing = open(buyer, { host: 'store', path: '/endless' });
    outgoing.on('error', () => outgoing.destroy()).end();
    const incoming = await responseOf(outgoing);
    incoming.on('error', () => undefined).pause();
    // Stalled: nothing was written while twenty other requests made their way.
    for (let seen = -1; seen !== written && written < 300 * megabyte; ) {
      seen = written;
      for (let i = 0; i < 20; i++) await request(buyer, { host: 'store' });
    }
    const after = [residentMegabytes(buyer), residentMegabytes(store)];
    outgoing.destroy();
    await left;
    // Kernel buffers of three connections hold some tens of megabytes; the sidecars' own share is what counts.
    expect(written).toBeLessThan(200 * megabyte);
    for (const [at, resident] of after.entries()) expect(resident - (before[at] ?? 0)).toBeLessThan(60);
  },

  'trailers go both ways': async ({ buyer, app }) => {
    const arrived = nextRequest(app.does);
    const outgoing = open(buyer, { host: 'store', method: 'POST', headers: { trailer: 'x-sum' } });
    outgoing.write('body');
    outgoing.addTrailers({ 'x-sum': 'up' });
    outgoing.end();
    const { request: incoming, response } = await arrived;
    await bytesOf(incoming);
    expect(incoming.trailers['x-sum']).toBe('up');
    response.writeHead(200, { trailer: 'x-sum' }).write('body');
    response.addTrailers({ 'x-sum': 'down' });
    response.end();
    const answer = await responseOf(outgoing);
    await bytesOf(answer);
    expect(answer.trailers['x-sum']).toBe('down');
  },

  '100-continue is the app’s to say': async ({ buyer, app }) => {
    app.does.expect = (incoming, response) => {
      if (incoming.url === '/no') return void response.writeHead(417).end();
      response.writeContinue();
      app.does.http(incoming, response);
    };
    const headers = { expect: '100-continue', 'content-length': 4 };
    const yes = open(buyer, { host: 'store', method: 'PUT', headers });
    yes.flushHeaders();
    await once(yes, 'continue');
    yes.end('body');
    expect((await responseOf(yes)).statusCode).toBe(200);
    const no = open(buyer, { host: 'store', method: 'PUT', path: '/no', headers });
    no.on('error', () => no.destroy()).flushHeaders();
    expect((await responseOf(no)).statusCode).toBe(417);
    no.destroy();
  },

  'a WebSocket opens, echoes both ways and closes': async ({ buyer, app }) => {
    app.does.upgrade = echoUpgrades;
    const socket = connect(outboundOf(buyer));
    socket.write(webSocketHead);
    const head = await until(socket, '\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head.toLowerCase()).toContain('x-saw: websocket/upgrade');
    for (const bytes of ['one', 'two']) {
      socket.write(bytes);
      expect(await until(socket, bytes)).toBe(bytes);
    }
    socket.end();
    await once(socket, 'close');
  },

  '1 MB goes through a WebSocket and comes back, message by message, also inside CONNECT': async ({ buyer, app }) => {
    app.does.upgrade = echoUpgrades;
    for (const socket of [connect(outboundOf(buyer)), (await tunnel(buyer, 'store:80')).socket]) {
      socket.write(webSocketHead);
      expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 101 /);
      const bytes = randomBytes(megabyte);
      expect((await echoOf(socket, bytes)).equals(bytes)).toBe(true);
      socket.destroy();
    }
  },

  'an upgrade that the app declines is an ordinary answer': async ({ buyer, app }) => {
    app.does.upgrade = (_incoming, socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    const head = 'GET / HTTP/1.1\r\nHost: store\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    const answer = await raw(buyer, head);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    // With a length or in chunks.
    expect(answer).toMatch(/\r\n\r\n(2\r\n)?no/);
  },

  'an upgrade to anything but a WebSocket is not passed on': async ({ buyer, app }) => {
    let seen = '';
    app.does.upgrade = (_incoming, socket) => socket.destroy();
    const came = new Promise<void>(resolve => {
      app.does.http = (incoming, response) => {
        seen = `${incoming.headers.upgrade}${incoming.headers['http2-settings']}`;
        response.end();
        resolve();
      };
      app.does.grpc = (stream, headers) => {
        seen = `${headers.upgrade}${headers['http2-settings']}`;
        stream.respond({ ':status': 200 }, { endStream: true });
        resolve();
      };
    });
    const head =
      'GET / HTTP/1.1\r\nHost: store\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n';
    const socket = connect(outboundOf(buyer));
    socket.write(head);
    // A sidecar may take the offer itself: then what comes next is HTTP/2, and the app still sees none of it.
    const answer = await until(socket, '\r\n\r\n');
    if (answer.startsWith('HTTP/1.1 101 ')) socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    else expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    await came;
    socket.destroy();
    expect(seen).toBe('undefinedundefined');
  },

  'answers without a body keep their headers and the connection': async ({ buyer, app }) => {
    app.does.http = (incoming, response) => {
      const status = Number(incoming.url?.slice(1));
      if (incoming.method === 'HEAD') response.setHeader('content-length', 1234);
      response.writeHead(status).end();
    };
    expect((await request(buyer, { host: 'store', method: 'HEAD', path: '/200' })).headers['content-length']).toBe(
      '1234',
    );
    const get = (status: number) => `GET /${status} HTTP/1.1\r\nHost: store\r\n\r\n`;
    const answers = await raw(
      buyer,
      `${get(204)}${get(304)}${get(200).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`,
    );
    expect(answers.match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 204', 'HTTP/1.1 304', 'HTTP/1.1 200']);
  },

  'answers without a body that name the length of one are whole': async ({ buyer, app }) => {
    app.does.http = (incoming, response) => {
      response.setHeader('content-length', 1234);
      response.writeHead(incoming.method === 'HEAD' ? 200 : 304);
      incoming.resume().once('end', () => response.end());
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 2; i++) expect((await request(buyer, { host: 'store', agent })).status).toBe(304);
    const asked = open(buyer, { host: 'store', method: 'HEAD', headers: { 'transfer-encoding': 'chunked' } });
    asked.end('a body');
    expect((await read(await responseOf(asked))).status).toBe(200);
    agent.destroy();
  },

  'repeated headers stay apart and in order': async ({ buyer, app }) => {
    let up: unknown;
    app.does.http = (incoming, response) => {
      up = incoming.headers['x-mixed'];
      response.writeHead(200, [
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'WWW-Authenticate',
        'Basic',
        'WWW-Authenticate',
        'Bearer',
      ]);
      response.end();
    };
    const { headers } = await request(buyer, { host: 'store', headers: { 'x-mixed': ['1', '2'] } });
    expect(up).toBe('1, 2');
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(headers['www-authenticate']).toBe('Basic, Bearer');
  },

  'headers of the connection do not cross the sidecar': async ({ buyer }) => {
    const headers = { connection: 'keep-alive', 'keep-alive': 'timeout=5', 'proxy-connection': 'close' };
    const names = namesThatCame((await request(buyer, { host: 'store', headers })).text);
    for (const name of ['keep-alive', 'proxy-connection']) expect(names).not.toContain(name);
  },

  'headers that Connection names do not cross the sidecar': async ({ buyer }) => {
    const headers = { connection: 'x-private, keep-alive', 'x-private': '1' };
    expect(namesThatCame((await request(buyer, { host: 'store', headers })).text)).not.toContain('x-private');
  },

  'a content-length stays one, so that clients see progress': async ({ buyer, app }) => {
    app.does.http = (_incoming, response) => void response.writeHead(200, { 'content-length': 5 }).end('12345');
    const response = await request(buyer, { host: 'store' });
    expect([response.headers['content-length'], response.text]).toEqual(['5', '12345']);
  },

  'an app that answers before it has read the body is heard, and hears when the client leaves': async ({
    buyer,
    app,
  }) => {
    // Many times: whether the answer is read before writing fails is a matter of chance.
    for (let n = 0; n < 100; n++) {
      const left = new Promise(resolve => {
        app.does.http = (incoming, response) => {
          incoming.socket.once('close', resolve);
          response.writeHead(413).end('too much');
        };
      });
      const outgoing = open(buyer, { host: 'store', method: 'POST', headers: { 'content-length': 50 * megabyte } });
      outgoing.on('error', () => undefined);
      outgoing.write(Buffer.alloc(megabyte));
      const answer = await read(await responseOf(outgoing));
      expect([answer.status, answer.text]).toEqual([413, 'too much']);
      outgoing.destroy();
      await left;
    }
  },
};
