/** Each protocol against a small server of Node, in both engines. */
import { afterAll, expect, test } from 'vitest';
import { runLoad } from '../../../bench/load/run.ts';
import { closeServers } from './load.ts';
import { names, planned } from './servers.ts';

afterAll(closeServers);

const short = { warmUpSeconds: 0.1, seconds: 0.3 } as const;

test.each(names)('%s is spoken in open loop', async protocol => {
  const result = await runLoad(await planned(protocol, { measure: 'latency', ...short }));
  expect(result).toMatchObject({ answers: 60, wrong: 0, broken: 0, unanswered: 0, complaints: [] });
  expect(result.latency.count).toBe(60);
  expect(result.lateness?.count).toBe(60);
  expect(result.latency.p50Us).toBeGreaterThan(0);
  expect(result.busy).toBeGreaterThan(0);
});

test.each(names)('%s is spoken in closed loop', async protocol => {
  const result = await runLoad(await planned(protocol, { measure: 'throughput', ...short }));
  expect(result).toMatchObject({ wrong: 0, broken: 0, unanswered: 0, lateness: null, complaints: [] });
  expect(result.answers).toBeGreaterThan(20);
  expect(result.latency.count).toBe(result.answers);
});

test.each(names.filter(name => name !== 'tls'))('wrong answers of %s are none', async name => {
  const result = await runLoad(await planned(name, { measure: 'latency', ...short }, true));
  expect(result.answers).toBe(0);
  expect(result.wrong).toBeGreaterThan(20);
  expect(result.wrong + result.unanswered).toBe(60);
  expect(result.latency.count).toBe(result.unanswered);
  expect(result.complaints[0]).toMatch(/63 bytes instead of 64|grpc-status 13|1 bytes more than were sent/);
});

test('a certificate of another name is no handshake', async () => {
  const result = await runLoad(await planned('tls', { seconds: 0.3 }, true));
  expect(result).toMatchObject({ answers: 0, unanswered: 60 });
  expect(result.broken).toBeGreaterThan(5);
  expect(result.complaints.join()).toContain('another.bench.sa.cluster.local');
});
