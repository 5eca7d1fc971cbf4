/** What the pairs of sidecars are measured with: policy in force, and other Services known to the client. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { nodePair } from '../../../bench/targets/sidecars.ts';
import type { Running, Site } from '../../../bench/targets/target.ts';
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

async function status(authority: string, path: string, pair = running): Promise<number | undefined> {
  const { host, port } = pair.endpoint('http1');
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

test('with policies off a path that no rule allows is the app’s to answer', async () => {
  const free = await nodePair.start({ ...site, address: n => site.address(100 + n), policies: 'off' });
  onTestFinished(() => free.close());
  expect(await status('app.bench:14001', '/other/1', free)).toBe(404);
});

test('a sidecar that ends at once is noticed, with what it said, and no key of its mesh stays', async () => {
  const own = await createSite();
  const broken = { file: '/bin/sh', args: ['-c', 'echo "no such option" >&2; exit 3'] };
  const start: Site['start'] = (program, role, name) =>
    own.start(name.startsWith('sidecar of') ? broken : program, role, name);
  await expect(nodePair.start({ ...own, start })).rejects.toThrow(
    'before it answered, server sidecar ended with 3: no such option',
  );
  expect(readdirSync(own.dir)).toEqual([]);
  await own.close();
});

test('an init step that fails is said with its reason', async () => {
  const own = await createSite();
  const broken = { file: '/bin/sh', args: ['-c', 'echo "no token" >&2; exit 3'] };
  const start: Site['start'] = (_, role, name) => own.start(broken, role, name);
  await expect(nodePair.start({ ...own, start })).rejects.toThrow('the init step of server ended with 3: no token');
  await own.close();
});
