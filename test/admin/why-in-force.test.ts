import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Explanation } from '../../src/admin/explain.ts';
import { bookstore } from '../controller/bookstore.ts';
import { type Mesh, startMesh } from '../controller/mesh.ts';
import type { FakeProxy } from '../controller/proxy.ts';

let mesh: Mesh;
let buyer: FakeProxy;

beforeAll(async () => {
  mesh = await startMesh();
  bookstore(mesh);
  await mesh.controller.synced;
  buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
  await buyer.until(nodes => nodes.some(({ kind }) => kind === 'service'));
});
afterAll(() => mesh.close());

const why = () => mesh.ask<Explanation>('/why?client=bookbuyer&service=bookstore-v1&path=/buy');
const client = ({ proxies }: Explanation) => proxies.find(({ pod }) => pod === 'bookbuyer/bookbuyer-1');

it('says nothing of a proxy that runs what it should, and that another is not there', async () => {
  await expect.poll(async () => client(await why())).toBeUndefined();
  const { proxies, outcome } = await why();
  expect(outcome).toBe('allowed');
  expect(proxies).toEqual([{ pod: 'bookstore/bookstore-v1-1', count: 1, connected: false, runs: 'unknown' }]);
});

it('asks what the proxy acknowledged, with the versions of its objects, and says what the newest would be', async () => {
  const { store } = mesh.cluster.server;
  const service = store.get('services', 'bookstore', 'bookstore-v1');
  buyer.mute();
  const from = buyer.lines.length;
  for (const target of ['buyers-v1', 'buyers-v2'])
    mesh.remove('traffictargets.access.smi-spec.io', 'bookstore', target);
  await buyer.committed(from);
  await expect.poll(async () => (await why()).newest?.outcome).toBe('denied');
  const answer = await why();
  expect(answer.steps[0]).toMatchObject({ at: 'client', decision: 'forward' });
  expect(answer.steps[0]?.origins[0]).toMatchObject({
    object: { kind: 'Service', name: 'bookstore-v1' },
    resourceVersion: service?.metadata.resourceVersion,
  });
  expect(client(answer)).toMatchObject({ connected: true, runs: 'older', rev: expect.stringMatching(/\.\d+$/) });
  expect(answer.newest?.steps[0]).toMatchObject({ reason: 'no-traffic-target' });
});

it('asks what the proxy ran when it left, until it comes back', async () => {
  buyer.close();
  await expect.poll(async () => client(await why())?.connected).toBe(false);
  const gone = await why();
  expect(client(gone)).toMatchObject({ connected: false, runs: 'older' });
  expect(gone.steps[0]?.decision).toBe('forward');
  expect(gone.newest?.outcome).toBe('denied');
});

it('asks what a proxy would get of which nothing is known', async () => {
  await mesh.controller.close();
  await mesh.restart();
  const answer = await why();
  expect(client(answer)).toEqual({ pod: 'bookbuyer/bookbuyer-1', count: 1, connected: false, runs: 'unknown' });
  expect([answer.outcome, answer.newest]).toEqual(['denied', undefined]);
});
