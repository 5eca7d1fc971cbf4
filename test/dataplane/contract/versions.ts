/** Requests of HTTP/1.0 and 1.1 on one connection: each answer has the form of its own version (RFC 9112, 2.3, 6.3 and 9.3). */
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { drained, raw, until } from '../harness/client.ts';
import { outboundOf, type Pod } from '../harness/mesh.ts';
import type { Chapter } from '../harness/world.ts';

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: store\r\n${more}\r\n`;

function open(buyer: Pod): Socket {
  const socket = connect(outboundOf(buyer));
  socket.on('error', () => socket.destroy());
  return socket;
}

export const versions: Chapter = {
  'an answer of HTTP/1.0 without a length ends its connection, whatever is asked behind it': async ({ buyer }) => {
    const nowhere = get('/x', 'Connection: keep-alive\r\n').replace('store', 'nowhere');
    const answer = await raw(buyer, nowhere.replace('1.1', '1.0') + nowhere);
    const at = answer.indexOf('\r\n\r\n');
    if (!/content-length:/i.test(answer.slice(0, at))) expect(answer.slice(at)).not.toContain('HTTP/1.');
  },

  'what an app breaks off looks whole to no client of HTTP/1.0': async ({ buyer, app }) => {
    for (const rest of ['', '5\r\nhello\r\n']) {
      app.does.http = ({ socket }) => {
        socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`);
        socket.end();
      };
      const socket = open(buyer);
      socket.write(get('/1').replace('1.1', '1.0'));
      await drained(socket);
      expect((socket.errored as NodeJS.ErrnoException | null)?.code).toBe('ECONNRESET');
    }
  },

  'an answer of HTTP/1.1 that breaks off looks whole before no request of HTTP/1.0': async ({ buyer, app }) => {
    app.does.http = ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na part');
    const chunks = 'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n';
    for (const first of [get('/1'), get('/1', chunks).replace('GET', 'POST')]) {
      const answer = await raw(buyer, first + get('/2').replace('1.1', '1.0'));
      expect(answer).not.toContain('\r\n0\r\n');
    }
  },

  'a tunnel behind a request of HTTP/1.0 brings what it is sent, or there is none': async ({ buyer, app }) => {
    app.does.http = ({ socket }) => void socket.end('HTTP/1.1 204 No Content\r\n\r\n');
    const socket = open(buyer);
    const brought = async () => {
      socket.write(get('/1', 'Connection: keep-alive\r\n').replace('1.1', '1.0'));
      await until(socket, '\r\n\r\n');
      socket.write('CONNECT store:82 HTTP/1.1\r\nHost: store:82\r\n\r\n');
      await until(socket, '200');
      socket.write('bytes\n of a tunnel');
      return until(socket, 'tunnel');
    };
    expect(await brought().catch(() => 'bytes\n of a tunnel')).toMatch(/(^|\r\n\r\n)bytes\n of a tunnel$/);
    socket.destroy();
  },

  'a body of one byte reaches a client of HTTP/1.0': async ({ buyer, app }) => {
    app.does.http = (_incoming, response) => response.setHeader('content-length', 1).end('x');
    const answer = await raw(buyer, get('/1').replace('1.1', '1.0'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nx$/);
  },

  'a request of HTTP/1.0 that names an upgrade and asks for none is the last of its connection': async ({
    buyer,
    app,
  }) => {
    app.does.http = (_incoming, response) => response.setHeader('content-length', 0).end();
    const socket = open(buyer);
    socket.setTimeout(3000, () => socket.destroy(new Error('silent')));
    socket.write(get('/1', 'Connection: upgrade\r\n').replace('1.1', '1.0'));
    await drained(socket);
    expect(socket.errored?.message).not.toBe('silent');
  },

  'an upgrade of HTTP/1.0 is ignored': async ({ buyer, app }) => {
    app.does.http = ({ headers }, response) => response.end(`upgrade: ${headers.upgrade}`);
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n';
    const answer = await raw(buyer, get('/1', upgrade).replace('1.1', '1.0'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*upgrade: undefined$/);
  },

  'an answer of HTTP/1.1 keeps its form when one of HTTP/1.0 is asked for behind it': async ({ buyer }) => {
    for (const more of ['', 'Connection: keep-alive\r\n']) {
      const answer = await raw(buyer, get('/1') + get('/2', more).replace('1.1', '1.0'));
      const [, head] = /^(HTTP\/1\.1 200 [\s\S]*?)\r\n\r\n/.exec(answer) ?? [];
      expect(head?.toLowerCase()).toMatch(/\r\n(transfer-encoding: chunked|content-length: \d+)(\r\n|$)/);
    }
  },

  'what is asked for behind a request of HTTP/1.0 is no part of its answer': async ({ buyer, app }) => {
    app.does.http = (_incoming, response) => {
      response.write('one, ');
      response.end('two');
    };
    const old = get('/1', 'Connection: keep-alive\r\n').replace('1.1', '1.0');
    for (const behind of [get('/2'), old, get('/../x'), get('/2').replace('store', 'nowhere')]) {
      const answer = await raw(buyer, old + behind);
      const at = answer.indexOf('\r\n\r\n');
      if (!/content-length:/i.test(answer.slice(0, at))) expect(answer.slice(at + 4)).toBe('one, two');
    }
  },

  'an answer of HTTP/1.1 has its form behind one of HTTP/1.0 that left the connection open': async ({ buyer, app }) => {
    app.does.http = ({ url, socket }) =>
      void socket.write(
        `HTTP/1.1 ${url === '/1' ? '204 No Content\r\n\r\n' : '200 OK\r\nContent-Length: 2\r\n\r\nhi'}`,
      );
    const socket = open(buyer);
    socket.write(get('/1', 'Connection: keep-alive\r\n').replace('1.1', '1.0'));
    await until(socket, '204 No Content');
    socket.write(get('/2'));
    // The connection may have ended instead.
    const answer = await Promise.race([until(socket, 'hi').catch(() => ''), drained(socket)]);
    if (answer.includes('200')) expect(answer.toLowerCase()).toMatch(/transfer-encoding: chunked|content-length: 2/);
    socket.destroy();
  },

  'what comes behind an answer to HTTP/1.0 is answered, or the connection ends': async ({ buyer, app }) => {
    const answers = [
      'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
      'HTTP/1.0 200 OK\r\n\r\nhi',
    ];
    for (const answer of answers) {
      app.does.http = ({ socket }) => void (answer.startsWith('HTTP/1.0') ? socket.end(answer) : socket.write(answer));
      for (const connection of ['', 'Connection: keep-alive\r\n', 'Connection: keion: keep-alive\r\n']) {
        const socket = open(buyer);
        socket.write(get('/1', connection).replace('1.1', '1.0'));
        await until(socket, 'HTTP/1.1 20');
        socket.setTimeout(3000, () => socket.destroy(new Error('silent')));
        socket.write(get('/2', 'Connection: close\r\n'));
        await drained(socket);
        expect(socket.errored?.message, JSON.stringify([answer, connection])).not.toBe('silent');
      }
    }
  },
};
