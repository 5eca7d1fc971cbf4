/** Every protocol is sent from several threads on arm64; how fast is no matter, and none of a test. */
import { afterAll, expect, test } from 'vitest';
import { runLoad } from '../../bench/load/run.ts';
import { closeServers } from '../bench/load/load.ts';
import { names, planned } from '../bench/load/servers.ts';

afterAll(closeServers);

test.each(names)('%s', async protocol => {
  const plan = await planned(protocol, { measure: 'throughput', threads: 2, warmUpSeconds: 0.5, seconds: 2 });
  const result = await runLoad(plan);
  expect(result).toMatchObject({ threads: 2, wrong: 0, broken: 0, complaints: [] });
  expect(result.answers).toBeGreaterThan(0);
});
