/** Requests whose body waits for a word of the server: `Expect: 100-continue` (RFC 9110, 10.1.1). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { bytesOf, drained, raw, until } from '../harness/client.ts';
import { outboundOf } from '../harness/mesh.ts';
import { lines, sound } from '../harness/sound.ts';
import { type Chapter, storeTree, type World } from '../harness/world.ts';

const buyerPrincipal = 'buyer.shop.cluster.local';

interface Ways {
  readonly host: string;
  /** What says in the head how long the body is, and the body. */
  readonly framing: string;
  readonly body: string;
}

const byLength = { framing: 'Content-Length: 4', body: 'body' };
const inChunks = { framing: 'Transfer-Encoding: chunked', body: '2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n' };

const ways: Readonly<Record<string, Ways>> = {
  'an app of HTTP/1.1, a length': { host: 'store', ...byLength },
  'an app of HTTP/1.1, chunks': { host: 'store', ...inChunks },
  'an app of HTTP/2, a length': { host: 'store:81', ...byLength },
  'an app of HTTP/2, chunks': { host: 'store:81', ...inChunks },
};

/** Hosts that the client's sidecar refuses. */
const nobody = { 'no service': 'nope', 'no port of it': 'store:8', 'no app': 'gone' };

/** What HTTP/1.0 knows. */
const withLength = Object.fromEntries(Object.entries(ways).filter(([, way]) => way.framing === byLength.framing));

const next = (host: string) => `GET /next HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

function put({ host, framing }: Ways, path = '/'): string {
  return `PUT ${path} HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\n${framing}\r\n\r\n`;
}

/** Has the app say 100, and then what came. */
function echoes({ app }: World): void {
  app.does.expect = (incoming, response) => {
    response.writeContinue();
    bytesOf(incoming).then(body => response.end(`[${body}]`), gone);
  };
  app.does.grpc = (stream, headers) => {
    if (headers.expect !== undefined) stream.additionalHeaders({ ':status': 100 });
    if (headers[':path'] === '/next') {
      stream.respond({ ':status': 200 });
      return void stream.end('"/next"');
    }
    bytesOf(stream).then(body => {
      stream.respond({ ':status': 200 });
      stream.end(`[${body}]`);
    }, gone);
  };
}

/** A body whose client has left. */
function gone(): void {}

type Refusal = (message: ServerResponse | ServerHttp2Stream, incoming?: IncomingMessage) => void;

/** How an app may answer a head whose body has not come. */
const refusals: Readonly<Record<string, readonly [status: RegExp, run: Refusal]>> = {
  '417': [/ 417 /, message => refuse(message, 417)],
  '403': [/ 403 /, message => refuse(message, 403)],
  'an answer like any other': [/ 200 /, message => refuse(message, 200)],
  'no answer': [
    / 50[23] /,
    (message, incoming) => (incoming === undefined ? message.destroy() : incoming.socket.destroy()),
  ],
};

function refuse(message: ServerResponse | ServerHttp2Stream, status: number): void {
  if ('respond' in message) {
    message.respond({ ':status': status });
    message.end();
  } else message.writeHead(status, { 'content-length': 0 }).end();
}

/** All that comes to a client that sends its body when it is told to go on, and another request when it has an answer. */
async function answersTo({ buyer }: World, way: Ways, last: string): Promise<string> {
  const socket = connect(outboundOf(buyer));
  let came = '';
  let isTold = false;
  let isAnswered = false;
  socket.on('data', chunk => {
    came += chunk;
    if (!isTold && came.startsWith('HTTP/1.1 100 ')) {
      isTold = true;
      socket.write(way.body);
    }
    const answer = came.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, '');
    if (isAnswered || !answer.includes('\r\n\r\n')) return;
    isAnswered = true;
    socket.write(last);
  });
  socket.setTimeout(3000, () => socket.destroy(new Error('silent')));
  socket.write(put(way));
  await drained(socket);
  expect(`${socket.errored?.message}`).not.toContain('silent');
  return came;
}

/** The answer is this one, and what comes behind it is the answer to the next request, unless the connection is to end. */
function expectApart(answers: string, status: RegExp): void {
  const [, first = '', rest = ''] =
    /^(?:HTTP\/1\.1 100 [\s\S]*?\r\n\r\n)?(HTTP[\s\S]*?\r\n\r\n)([\s\S]*)$/.exec(answers) ?? [];
  expect(first).toMatch(status);
  if (/^connection: close/im.test(first)) expect(rest).not.toContain('HTTP/1.1 ');
  else expect(rest).toMatch(/HTTP\/1\.1 200 .*[\s\S]*"\/next"/);
}

export const expectations: Chapter = sound({
  ...lines(ways, 'a body that waits for a 100 comes whole, and so does the next request', async (world, way) => {
    echoes(world);
    const answers = await answersTo(world, way, next(way.host));
    expect(answers).toMatch(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\nHTTP\/1\.1 200 /);
    expect(answers).toContain('[body]');
    expect(answers).toContain('"/next"');
    expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(3);
  }),

  ...lines(ways, 'a body that waits is refused by the app, and nothing is taken for it', async (world, way) => {
    for (const [status, run] of Object.values(refusals)) {
      echoes(world);
      const { grpc } = world.app.does;
      world.app.does.expect = (incoming, response) => run(response, incoming);
      world.app.does.grpc = (stream, headers) => (headers[':path'] === '/next' ? grpc(stream, headers) : run(stream));
      expectApart(await answersTo(world, way, next(way.host)), status);
    }
  }),

  ...lines(ways, 'a body that waits is refused by the policy, and nothing is taken for it', async (world, way) => {
    const { mesh, store } = world;
    const rules = [{ principals: [buyerPrincipal], methods: ['GET'] }];
    await mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: false, http: rules }));
    echoes(world);
    expectApart(await answersTo(world, way, next(way.host)), / 403 /);
  }),

  ...lines(
    nobody,
    'a body that waits is refused on the client’s side, and nothing is taken for it',
    async (world, host) => {
      for (const way of [byLength, inChunks])
        expectApart(await answersTo(world, { host, ...way }, next('store')), / (404|503) /);
    },
  ),

  ...lines(ways, 'a body that does not wait comes whole', async ({ buyer, app }, way) => {
    echoes({ app } as World);
    const answers = await raw(buyer, `${put(way)}${way.body}${next(way.host)}`);
    expect(answers).toContain('[body]');
    expectApart(answers, / 200 /);
  }),

  ...lines(ways, 'a client that waits and leaves costs nobody else anything', async (world, way) => {
    echoes(world);
    for (let time = 0; time < 3; time++) {
      const socket = connect(outboundOf(world.buyer));
      socket.write(put(way));
      await until(socket, '\r\n\r\n');
      socket.destroy();
      expect(await raw(world.buyer, next(way.host))).toContain('"/next"');
    }
  }),

  ...lines(withLength, 'a client of HTTP/1.0 is told nothing before its answer', async ({ buyer, app }, way) => {
    echoes({ app } as World);
    const answers = await raw(buyer, `${put(way).replace('HTTP/1.1', 'HTTP/1.0')}${way.body}`);
    expect(answers).toMatch(/^HTTP\/1\.[01] 200 /);
    expect(answers).toContain('body');
  }),
});
