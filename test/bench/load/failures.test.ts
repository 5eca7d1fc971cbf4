/** Targets that fail: what is missing is counted, and the load ends nevertheless. */
import { createServer } from 'node:http';
import { createServer as createHTTP2, type Http2Session } from 'node:http2';
import { createServer as createTCP, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { exitCodes } from '../../../bench/load/exit-codes.ts';
import { runLoad } from '../../../bench/load/run.ts';
import type { LoadResult, Measure, Protocol } from '../../../bench/model.ts';
import { whyVoid } from '../../../bench/run/rounds.ts';
import { closeServers, listen, planFor, runProcess } from './load.ts';

afterAll(closeServers);

const measures: readonly Measure[] = ['latency', 'throughput'];
const answer = `HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n${'x'.repeat(64)}`;

/** Every request of an open loop ends as one of three. */
function total({ answers, wrong, unanswered }: LoadResult): number {
  return answers + wrong + unanswered;
}

test.concurrent.each(measures)('a server that never answers (%s)', async measure => {
  const port = await listen(createTCP(socket => socket.resume()));
  const result = await runLoad(planFor(port, { measure }));
  expect(result).toMatchObject({ answers: 0, wrong: 0, broken: 0, unanswered: measure === 'latency' ? 100 : 4 });
  // What was never answered is in the distribution, with the grace that was given it.
  expect(result.latency.count).toBe(result.unanswered);
  expect(result.latency.p50Us).toBeGreaterThan(1_900_000);
});

test.concurrent('a server that cannot keep up: answers after the end are answers, but no part of the rate', async () => {
  // One at a time, 10 ms each: 100 a second where 200 are asked for.
  let free = 0;
  const server = createServer((_, response) => {
    free = Math.max(free, performance.now()) + 10;
    setTimeout(() => response.end('x'.repeat(64)), free - performance.now());
  });
  const result = await runLoad(planFor(await listen(server)));
  expect(result).toMatchObject({ answers: 100, unanswered: 0 });
  // A busy machine answers fewer than the 50 that are possible, but never more.
  expect(result.inTime).toBeGreaterThan(10);
  expect(result.inTime).toBeLessThan(55);
});

test.concurrent.each(measures)('a server that dies in the middle (%s)', async measure => {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createTCP(socket => {
    sockets.add(socket);
    socket.on('data', () => {
      requests += 1;
      if (requests < 60) return socket.write(answer);
      server.close();
      for (const one of sockets) one.destroy();
    });
  });
  const result = await runLoad(planFor(await listen(server), { measure }));
  expect(result.broken).toBeGreaterThanOrEqual(4);
  expect(result.wrong).toBe(0);
  expect(result.complaints.join()).toMatch(/closed by the peer|ECONNRE/);
  if (measure === 'throughput') return expect(result.answers).toBeLessThan(60);
  expect(result).toMatchObject({ answers: 59, unanswered: 41 });
  expect(result.latency.maxUs).toBeGreaterThan(1_900_000);
});

const closed: readonly Protocol[] = ['http1', 'tcp'];

test.concurrent.each(closed)('a server that hangs in the middle of a closed loop (%s)', async protocol => {
  let hangsAt = Infinity;
  const server = createTCP(socket =>
    socket.on('data', data => {
      hangsAt = Math.min(hangsAt, performance.now() + 600);
      if (performance.now() < hangsAt) socket.write(protocol === 'tcp' ? data : answer);
    }),
  );
  const result = await runLoad(planFor(await listen(server), { measure: 'throughput', protocol, seconds: 1 }));
  expect(result).toMatchObject({ broken: 0, unanswered: 4, silent: 4 });
  expect(whyVoid(result)).toMatch(/got no answer/);
});

test.concurrent.each(closed)('a closed loop counts when each connection has carried an answer (%s)', async protocol => {
  let slow: Socket | undefined;
  const asked: number[] = [];
  const server = createTCP(socket =>
    socket.on('data', data => {
      slow ??= socket;
      const reply = (): unknown => socket.write(protocol === 'tcp' ? data : answer);
      if (socket !== slow) return reply();
      return asked.push(performance.now()) === 1 ? setTimeout(reply, 600) : reply();
    }),
  );
  const result = await runLoad(planFor(await listen(server), { measure: 'throughput', protocol, seconds: 0.3 }));
  expect(result).toMatchObject({ wrong: 0, broken: 0, unanswered: 0, complaints: [] });
  // It is asked for all the time that counts, and not just until the load ends.
  expect((asked.at(-1) ?? 0) - (asked[1] ?? Infinity)).toBeGreaterThan(250);
});

test.concurrent('a server that breaks each connection now and then: it is opened again, and one request is lost', async () => {
  let requests = 0;
  const server = createTCP(socket => {
    socket.on('data', () => {
      requests += 1;
      if (requests % 20 === 0) socket.destroy();
      else socket.write(answer);
    });
  });
  const result = await runLoad(planFor(await listen(server)));
  expect(result).toMatchObject({ answers: 95, broken: 5, unanswered: 5, complaints: ['closed by the peer'] });
});

test.concurrent('a server that announces the end of each connection breaks nothing', async () => {
  const server = createServer((_, response) => response.writeHead(200, { connection: 'close' }).end('x'.repeat(64)));
  const result = await runLoad(planFor(await listen(server)));
  expect(result).toMatchObject({ answers: 100, wrong: 0, broken: 0, unanswered: 0 });
});

/** A server of HTTP/2 that does something to its connection at every so-manieth request. */
async function http2Server(every: number, does: (session: Http2Session) => void): Promise<number> {
  let requests = 0;
  const server = createHTTP2().on('stream', stream => {
    requests += 1;
    stream.on('error', () => {});
    if (requests % every === 0 && stream.session !== undefined) does(stream.session);
    if (stream.destroyed) return;
    stream.respond({ ':status': 200 });
    stream.end('x'.repeat(64));
  });
  return listen(server);
}

test.concurrent('HTTP/2: a server that says goodbye breaks nothing, one that breaks off does', async () => {
  const [polite, rude] = await Promise.all([
    http2Server(20, session => session.close()),
    http2Server(20, session => session.destroy()),
  ]);
  const plans = [polite, rude].map(port => planFor(port, { protocol: 'http2' as const }));
  const [after, broken] = await Promise.all(plans.map(plan => runLoad(plan)));
  // Requests cross the goodbye on their way where a busy machine sends many at once, and are refused.
  expect(after?.broken).toBe(0);
  expect(after?.answers).toBeGreaterThan(50);
  expect(after?.complaints.filter(why => why !== 'stream reset with code 7')).toEqual([]);
  expect(broken?.broken).toBeGreaterThan(0);
  expect(broken?.unanswered).toBeGreaterThanOrEqual(broken?.broken ?? 100);
  for (const result of [after, broken]) expect(total(result as LoadResult)).toBe(100);
});

test.concurrent('a server that speaks something else', async () => {
  const port = await listen(createTCP(socket => socket.on('data', () => socket.write('220 welcome\r\n\r\n'))));
  const result = await runLoad(planFor(port));
  expect(result.answers).toBe(0);
  expect(result.broken).toBeGreaterThan(4);
  expect(total(result)).toBe(100);
  expect(result.complaints).toEqual(['no answer of HTTP/1.1: "220 welcome"']);
});

test.concurrent.each(measures)(
  'an answer of another status or length is wrong, and complained of (%s)',
  async measure => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests += 1;
      response.writeHead(requests % 2 === 0 ? 503 : 200).end('x'.repeat(63));
    });
    const result = await runLoad(planFor(await listen(server), { measure }));
    expect(result.answers).toBe(0);
    expect(result.wrong).toBeGreaterThan(20);
    expect([...result.complaints].sort()).toEqual(['body of 63 bytes instead of 64', 'status 503']);
  },
);

test.concurrent.each(measures)('nobody listens: an error and no result (%s)', async measure => {
  const server = createTCP();
  const port = await listen(server);
  server.close();
  const ended = await runProcess(JSON.stringify(planFor(port, { measure })));
  expect(ended).toMatchObject({ code: exitCodes.unreachable, stdout: '' });
  expect(ended.stderr).toContain(`no connection to 127.0.0.1:${port}`);
});

test.concurrent.each([
  ['not JSON', 'JSON'],
  [JSON.stringify({ ...planFor(1), rate: 0 }), 'the plan needs a rate above 0'],
  [JSON.stringify({ ...planFor(1), connections: 0 }), 'the plan needs connections'],
])('a plan that cannot be run: %s', async (plan, why) => {
  const ended = await runProcess(plan);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toContain(why);
});
