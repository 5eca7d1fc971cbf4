/** Servers whose distribution is known: the load has to find it. */
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createHTTP2, type Http2ServerResponse } from 'node:http2';
import autocannon from 'autocannon';
import { afterAll, expect, test } from 'vitest';
import { decode } from '../../../bench/load/histogram.ts';
import type { Distribution, Protocol } from '../../../bench/model.ts';
import { closeServers, listen, load, planFor } from './load.ts';

afterAll(closeServers);

const body = Buffer.alloc(64, 'x');

/** A server whose answers are at once, or when `holds` says so. */
async function serve(
  holds: (response: ServerResponse | Http2ServerResponse) => number,
  protocol: Protocol = 'http1',
): Promise<number> {
  const answer = (_: unknown, response: ServerResponse | Http2ServerResponse) => {
    const ms = holds(response);
    if (ms <= 0) response.end(body);
    else setTimeout(() => response.end(body), ms);
  };
  return listen(protocol === 'http2' ? createHTTP2(answer) : createServer({ keepAliveTimeout: 60_000 }, answer));
}

/** Share of the values that are above. */
function shareAbove(us: number, { histogram, count }: Distribution): number {
  const decoded = decode(histogram);
  let [low, high] = [0, 100];
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (decoded.getValueAtPercentile(middle) > us) high = middle;
    else low = middle;
  }
  return count === 0 ? 0 : 1 - low / 100;
}

test.concurrent.each(['http1', 'http2'] as const)(
  'a server of %s that stalls for 500 ms out of each 2500 is seen to stall by every request that was due meanwhile',
  async protocol => {
    const started = performance.now();
    const port = await serve(() => 500 - ((performance.now() - started) % 2500), protocol);
    const result = await load(planFor(port, { protocol, rate: 200, seconds: 5, threads: 2 }));

    expect(result).toMatchObject({ answers: 1000, wrong: 0, broken: 0, unanswered: 0, seconds: 5 });
    // A fifth is due in a stall, and half of these before its middle; pauses of a busy machine come on top. Only 4
    // connections can see each stall begin: who counts no more than these finds 0.008, who takes all for the longest 0.2.
    const share = shareAbove(250_000, result.latency);
    expect(share).toBeGreaterThan(0.085);
    expect(share).toBeLessThan(0.16);
    expect(shareAbove(400_000, result.latency)).toBeGreaterThan(0.02);
    expect(result.latency.maxUs).toBeGreaterThan(480_000);
    expect(result.latency.p50Us).toBeLessThan(100_000);
    // The stall is the server's: the sender was not late.
    expect(result.lateness?.count).toBe(1000);
    expect(shareAbove(250_000, result.lateness as Distribution)).toBeLessThan(0.01);
  },
  20_000,
);

test.concurrent('the first answer of each connection belongs to no round of a closed loop: a handshake may be in it', async () => {
  const proven = new WeakSet<object>();
  const isFirst = ({ socket }: ServerResponse | Http2ServerResponse) => {
    if (socket === null || proven.has(socket)) return false;
    proven.add(socket);
    return true;
  };
  const port = await serve(response => (isFirst(response) ? 1000 : 0));
  const result = await load(planFor(port, { measure: 'throughput', seconds: 1.5 }));

  expect(result).toMatchObject({ wrong: 0, broken: 0, unanswered: 0 });
  expect(result.latency.maxUs).toBeLessThan(900_000);
}, 20_000);

test.concurrent('one request in twenty that takes 500 ms leaves the median alone, which the rate mode of autocannon denies', async () => {
  const everyTwentieth = () => {
    let count = 0;
    return () => {
      count += 1;
      return count % 20 === 0 ? 500 : 0;
    };
  };
  const [ours, theirs] = await Promise.all([serve(everyTwentieth()), serve(everyTwentieth())]);
  const plan = planFor(ours, { rate: 20, connections: 2, warmUpSeconds: 0, seconds: 4 });
  const [result, rated] = await Promise.all([
    load(plan),
    autocannon({ url: `http://127.0.0.1:${theirs}/`, connections: 2, amount: 80, overallRate: 20 }),
  ]);

  expect(result).toMatchObject({ answers: 80, wrong: 0 });
  expect(result.latency.p50Us).toBeLessThan(50_000);
  expect(shareAbove(450_000, result.latency)).toBeGreaterThan(0.04);
  expect(shareAbove(450_000, result.latency)).toBeLessThan(0.1);
  // It enters a value for each millisecond of a stall, as if a request had been due in each: 227 ms on a machine at rest.
  expect(rated.latency.p50).toBeGreaterThan(50);
}, 20_000);
