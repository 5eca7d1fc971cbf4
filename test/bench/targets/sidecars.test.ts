/** What the pairs of sidecars are measured with: policy in force, and other Services known to the client. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodePair } from '../../../bench/targets/sidecars.ts';
import type { Running } from '../../../bench/targets/target.ts';
import { createSite, type TestSite } from './site.ts';

const services = 12;
let site: TestSite;
let running: Running;

beforeAll(async () => {
  site = await createSite({ services });
  running = await nodePair.start(site);
});

afterAll(async () => {
  await running?.close();
  await site?.close();
});

async function status(authority: string, path: string): Promise<number | undefined> {
  const { host, port } = running.endpoint('http1');
  const sent = request({ host, port, path, headers: { host: authority }, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test('a path that no rule allows is refused', async () => {
  expect(await status('app.bench:14001', '/bytes/1')).toBe(200);
  expect(await status('app.bench:14001', '/other/1')).toBe(403);
});

test('the client knows as many other Services as were asked for', async () => {
  expect(await status(`other-${services - 1}.bench:14001`, '/bytes/1')).toBe(503);
  expect(await status(`other-${services}.bench:14001`, '/bytes/1')).toBe(404);
});
