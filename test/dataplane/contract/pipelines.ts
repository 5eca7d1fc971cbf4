/** Requests on one connection of which each comes before the answer to the one before it (RFC 9112, 9.3.2). */
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { drained, raw, request, until } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import type { Chapter } from '../harness/world.ts';

/** Has to stay a body. */
const hidden = get('/hidden');

const ok = 'HTTP/1.1 200 OK\r\n';

/** Answers of HTTP/1 that break off, or cannot be read on; some end their connection. */
const breaks: Readonly<Record<string, readonly [bytes: string, leaves?: 'ends' | 'resets']>> = {
  'ends before its length': [`${ok}Content-Length: 9\r\n\r\na part`, 'ends'],
  'is reset before its length': [`${ok}Content-Length: 9\r\n\r\na part`, 'resets'],
  'ends in a chunk': [`${ok}Transfer-Encoding: chunked\r\n\r\n9\r\na part`, 'ends'],
  'ends between two chunks': [`${ok}Transfer-Encoding: chunked\r\n\r\n6\r\na part\r\n`, 'ends'],
  'has a chunk of no size': [`${ok}Transfer-Encoding: chunked\r\n\r\n6\r\na part\r\nzz\r\n`],
  'ends in its head': [`${ok}Content-Le`, 'ends'],
  'is no HTTP': ['SSH-2.0-OpenSSH_9.2\r\n', 'ends'],
};

function get(path: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: store\r\n${more}\r\n`;
}

const chunked = (path: string, more = '') =>
  `POST ${path} HTTP/1.1\r\nHost: store\r\n${more}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`;
const close = 'Connection: close\r\n';

/** Requests that ask for a tunnel, and get none. */
const asking: Readonly<Record<string, string>> = {
  'an upgrade to h2c': get('/last', 'Connection: Upgrade, close\r\nUpgrade: h2c\r\n'),
  'a WebSocket that is declined': get('/last', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  'a CONNECT to nowhere': 'CONNECT nowhere:80 HTTP/1.1\r\nHost: nowhere:80\r\n\r\n',
};

/** More than connections hold that nobody reads. */
const large = 4 * 1024 * 1024;

/** The first answer is whole, and the second is an error or a part. */
function expectCut(answers: string): void {
  const end = 'whole\r\n0\r\n\r\n';
  const [first, second = ''] = answers.split(end);
  expect([first, answers.includes(end)]).toEqual([expect.stringContaining('begun '), true]);
  if (!second.startsWith('HTTP/1.1 502 ')) expect(second).not.toContain('\r\n0\r\n');
}

export const pipelines: Chapter = sound({
  ...lines(asking, 'a large answer is whole behind which this is asked', async ({ buyer, app }, asks) => {
    app.does.http = ({ url }, response) => void response.end(url === '/last' ? 'last' : 'x'.repeat(large));
    app.does.upgrade = (_request, socket) => void socket.end(`${ok}Content-Length: 4\r\nConnection: close\r\n\r\nlast`);
    const answers = await raw(buyer, get('/large') + asks);
    expect(answers.match(/xx+/g)?.join('').length).toBeGreaterThan(large - 200);
    expect(answers.slice(-2000)).toMatch(asks.startsWith('CONNECT') ? /HTTP\/1.1 [45]/ : /last/);
  }),

  'pipelined requests are answered in order, bodies apart': async ({ buyer, app }) => {
    app.does.http = (incoming, response) => {
      let body = '';
      incoming.on('data', chunk => {
        body += chunk;
      });
      incoming.on('end', () => response.end(`[${incoming.url} ${body}]`));
    };
    const post = (path: string, body: string) =>
      `POST ${path} HTTP/1.1\r\nHost: store\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const chunks = 'POST /2 HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n';
    const last = 'GET /4 HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n';
    const answers = await raw(buyer, `${post('/1', hidden)}${chunks}${post('/3', 'x')}${last}`);
    expect(answers.match(/\[\/\d [^\]]*\]/g)).toEqual([`[/1 ${hidden}]`, '[/2 GET]', '[/3 x]', '[/4 ]']);
  },

  'bursts of 65 pipelined requests on one connection are all answered': async ({ buyer }) => {
    const socket = connect(outboundOf(buyer));
    for (const burst of [1, 2]) {
      for (let i = 1; i < 65; i++) socket.write(`GET /${burst}/${i} HTTP/1.1\r\nHost: store\r\n\r\n`);
      socket.write(`GET /${burst}/last HTTP/1.1\r\nHost: store\r\n\r\n`);
      const answers = await until(socket, `"url":"/${burst}/last"`);
      expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(65);
    }
    socket.destroy();
  },

  ...lines(breaks, 'an answer that is cut leaves the one before it whole', async ({ buyer, app }, [bytes, leaves]) => {
    for (const ask of [get, chunked]) {
      let first: ServerResponse | undefined;
      const cut = new Promise<void>(resolve => {
        app.does.http = (incoming, response) => {
          if (incoming.url === '/other') return void response.end();
          if (incoming.url === '/1') {
            first = response;
            response.write('begun ');
            return;
          }
          incoming.socket.write(bytes);
          if (leaves === 'ends') incoming.socket.end();
          if (leaves === 'resets') setImmediate(() => incoming.socket.resetAndDestroy());
          resolve();
        };
      });
      const socket = connect(outboundOf(buyer));
      socket.write(`${ask('/1')}${ask('/2', close)}`);
      const came = drained(socket);
      await cut;
      for (let time = 0; time < 2; time++) await request(buyer, { host: 'store', path: '/other' });
      first?.end('whole');
      expectCut(await came);
    }
  }),

  'a call that is cut leaves the answer before it whole': async ({ buyer, app }) => {
    let first: ServerResponse | undefined;
    app.does.http = (incoming, response) => {
      if (incoming.url === '/other') return void response.end();
      first = response;
      response.write('begun ');
    };
    const cut = new Promise<void>(resolve => {
      app.does.grpc = stream => {
        stream.respond({ ':status': 200 });
        stream.once('close', resolve).write('a part', () => stream.destroy(new Error('cut')));
      };
    });
    const socket = connect(outboundOf(buyer));
    socket.write(`${get('/1')}${get('/2', close).replace('store', 'store:81')}`);
    const came = drained(socket);
    await cut;
    for (let time = 0; time < 2; time++) await request(buyer, { host: 'store', path: '/other' });
    first?.end('whole');
    expectCut(await came);
  },
});
