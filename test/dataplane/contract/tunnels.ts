import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHTTP2 } from 'node:http2';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { bytesOf, drained, echoOf, sendWithoutEnd, tunnel, until } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import { type Chapter, storeAddress } from '../harness/world.ts';

const megabyte = 1024 * 1024;

export const tunnels: Chapter = {
  'a declined upgrade leaves the next one a connection of its own': async ({ buyer, app }) => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    app.does.upgrade = (_request, socket) =>
      void socket.write('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n');
    for (let times = 0; times < 3; times++) {
      const socket = connect(outboundOf(buyer));
      socket.write(`GET /ws HTTP/1.1\r\nHost: store\r\n${upgrade}`);
      expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 426 /);
      socket.destroy();
    }
  },

  'CONNECT carries TCP, and an end in one direction leaves the other open': async ({ buyer, app }) => {
    app.does.tcp = async socket => socket.end(`got ${await bytesOf(socket)}`);
    for (const host of ['store:82', `${storeAddress}:82`]) {
      const { status, socket } = await tunnel(buyer, host);
      expect(status).toBe(200);
      socket.end('all of it');
      expect(await drained(socket)).toBe('got all of it');
    }
  },

  'the end of the app’s direction leaves the client’s open': async ({ buyer, app }) => {
    const received = new Promise<string>(resolve => {
      app.does.tcp = async socket => {
        socket.end('bye');
        resolve(String(await bytesOf(socket)));
      };
    });
    const { socket } = await tunnel(buyer, 'store:82');
    socket.allowHalfOpen = true;
    await once(socket.resume(), 'end');
    socket.end('still here');
    expect(await received).toBe('still here');
  },

  'a tunnel that was asked for with connection: close stays open': async ({ buyer }) => {
    const socket = connect(outboundOf(buyer));
    socket.write('CONNECT store:82 HTTP/1.1\r\nHost: store:82\r\nConnection: close\r\n\r\n');
    expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    socket.write('ping');
    expect(await until(socket, 'ping')).toBe('ping');
    socket.destroy();
  },

  'bytes that come with the CONNECT go through, before it is answered': async ({ buyer }) => {
    const socket = connect(outboundOf(buyer));
    socket.write('CONNECT store:82 HTTP/1.1\r\nHost: store:82\r\n\r\nping');
    expect(await until(socket, 'ping')).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  },

  'a server that speaks first is heard': async ({ buyer }) => {
    const { socket } = await tunnel(buyer, 'store:83');
    expect(await until(socket, '\n')).toBe('hello from v1\n');
    socket.write('and echoes');
    expect(await until(socket, 'echoes')).toBe('and echoes');
    socket.destroy();
  },

  '1 MB goes through CONNECT and comes back, message by message': async ({ buyer }) => {
    const bytes = randomBytes(megabyte);
    const { socket } = await tunnel(buyer, 'store:82');
    expect((await echoOf(socket, bytes)).equals(bytes)).toBe(true);
    socket.destroy();
  },

  'a reset at the app resets the client': async ({ buyer, app }) => {
    app.does.tcp = socket => void socket.once('data', () => socket.resetAndDestroy());
    const { socket } = await tunnel(buyer, 'store:82');
    socket.write('x');
    expect(await drained(socket)).toBe('');
  },

  'a reset at the app while it is being written to resets the client each time and soon': async ({ buyer, app }) => {
    app.does.tcp = socket => void socket.once('data', () => socket.resetAndDestroy());
    for (let n = 0; n < 4; n++) {
      const { socket } = await tunnel(buyer, 'store:82');
      sendWithoutEnd(socket);
      expect(await drained(socket)).toBe('');
      socket.destroy();
    }
  },

  'HTTP inside CONNECT is seen as HTTP: a connection carries requests to several services': async ({ buyer }) => {
    const { socket } = await tunnel(buyer, 'store:80');
    for (const [host, answer] of [
      ['store', '"app":"v1"'],
      ['nowhere', 'unknown-service'],
      ['store.shop', '"app":"v1"'],
    ] as const) {
      socket.write(`GET /in HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      // An unknown Host leaves it to the destination that was dialled.
      expect(await until(socket, '}')).toContain(host === 'nowhere' ? '"app":"v1"' : answer);
    }
    socket.destroy();
  },

  'HTTP inside CONNECT goes on for as long as it likes: many requests, a large body': async ({ buyer }) => {
    const { socket } = await tunnel(buyer, 'store:80');
    const padding = 'x'.repeat(8192);
    for (let i = 0; i < 32; i++) {
      socket.write(`GET /${i} HTTP/1.1\r\nHost: store\r\nX-Padding: ${padding}\r\n\r\n`);
      expect(await until(socket, '}')).toContain(`"url":"/${i}"`);
    }
    socket.write(`POST /body HTTP/1.1\r\nHost: store\r\nContent-Length: ${megabyte}\r\n\r\n`);
    socket.write(Buffer.alloc(megabyte));
    expect(await until(socket, '}')).toContain('"url":"/body"');
    socket.destroy();
  },

  'HTTP/2 inside CONNECT is seen as HTTP/2': async ({ buyer }) => {
    const { socket } = await tunnel(buyer, 'store:81');
    const session = connectHTTP2('http://store:81', { createConnection: () => socket });
    const stream = session.request({ ':path': '/' });
    expect((await once(stream, 'response'))[0][':status']).toBe(200);
    session.destroy();
  },

  'other bytes inside CONNECT to an HTTP port go through as TCP': async ({ buyer, app }) => {
    const { socket } = await tunnel(buyer, 'store:80');
    socket.write('\u0001\u0002binary');
    // The app's HTTP server says what it thinks of them: they have come through.
    expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(app.requests).toBeGreaterThanOrEqual(0);
    socket.destroy();
  },

  'CONNECT to nowhere is refused with the reason': async ({ buyer }) => {
    const { status, socket } = await tunnel(buyer, 'nowhere:82');
    expect([status, await drained(socket)]).toEqual([404, expect.stringContaining('unknown-service')]);
  },
};
