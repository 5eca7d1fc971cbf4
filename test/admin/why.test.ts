import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Explanation } from '../../src/admin/explain.ts';
import { bookstore } from '../controller/bookstore.ts';
import { type Mesh, startMesh } from '../controller/mesh.ts';

let mesh: Mesh;

beforeAll(async () => {
  mesh = await startMesh();
  bookstore(mesh);
  mesh.apply(`
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { namespace: bookstore, name: bookstore-split }
spec: { service: bookstore, backends: [{ service: bookstore-v1, weight: 90 }, { service: bookstore-v2, weight: 10 }] }
`);
  await mesh.controller.synced;
});
afterAll(() => mesh.close());

const why = (query: string) => mesh.ask<Explanation & { assumed: string[] }>(`/why?${query}`);

/** `Kind name@resourceVersion` of every origin, in order. */
function origins(explanation: Explanation): string[] {
  return explanation.steps.flatMap(step => step.origins.map(({ object }) => `${object.kind} ${object.name}`));
}

it('names the split, the target and the route group, each with its resourceVersion', async () => {
  const answer = await why('client=bookbuyer&service=bookstore&path=/buy');
  expect(answer.outcome).toBe('allowed');
  const named = new Set(origins(answer));
  for (const object of ['TrafficSplit bookstore-split', 'TrafficTarget buyers-v1', 'HTTPRouteGroup bookstore-routes'])
    expect(named).toContain(object);
  const { store } = mesh.cluster.server;
  const split = store.get('trafficsplits.split.smi-spec.io', 'bookstore', 'bookstore-split');
  const versions = answer.steps.flatMap(step => step.origins.map(origin => origin.resourceVersion));
  expect(versions.every(version => /^\d+$/.test(version))).toBe(true);
  expect(split).toBeDefined();
});

it('says which shares go where, and asks every backend', async () => {
  const answer = await why('client=bookbuyer/bookbuyer-1&service=bookstore/bookstore&path=/buy');
  expect(answer.steps[0]?.detail).toContain('bookstore/bookstore-v1:14001 90 %, bookstore/bookstore-v2:14001 10 %');
  expect(answer.steps.map(step => step.pod)).toEqual([
    'bookbuyer/bookbuyer-1',
    'bookstore/bookstore-v1-1',
    'bookstore/bookstore-v2-1',
  ]);
});

it('says why not: no target for this client', async () => {
  const answer = await why('client=bookthief&service=bookstore&path=/buy');
  expect(answer.outcome).toBe('denied');
  expect(answer.steps[0]?.reason).toBe('no-traffic-target');
  expect(answer.steps[0]?.detail).toContain('bookthief.bookthief.cluster.local');
  expect(origins(answer)).toEqual(['TrafficTarget buyers-v1', 'TrafficTarget buyers-v2']);
});

it('says why not: a path or method that no rule allows', async () => {
  const path = await why('client=bookbuyer&service=bookstore&path=/steal');
  expect(path.steps[1]).toMatchObject({ decision: 'refuse', reason: 'no-route-match' });
  const method = await why('client=bookbuyer&service=bookstore&path=/buy&method=POST');
  expect(method.outcome).toBe('denied');
});

it('says that nobody is called so, with the fix', async () => {
  const answer = (await mesh.ask<{ text: string }>('/why?client=nobody&service=bookstore')) as { text: string };
  expect(answer.text).toContain('FSM1002');
});
