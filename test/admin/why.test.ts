import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  noteVersions();
  await mesh.controller.synced;
});
afterAll(() => mesh.close());

/** `id name` → resourceVersion as it was written; a later one is of a condition that was written to the status. */
const written = new Map<string, string>();

function noteVersions(): void {
  const { store } = mesh.cluster.server;
  for (const [id, name] of [
    ['trafficsplits.split.smi-spec.io', 'bookstore-split'],
    ['httproutegroups.specs.smi-spec.io', 'bookstore-routes'],
    ['traffictargets.access.smi-spec.io', 'buyers-v1'],
    ['traffictargets.access.smi-spec.io', 'buyers-v2'],
    ['services', 'bookstore'],
  ] as const)
    written.set(`${id} ${name}`, String(store.get(id, 'bookstore', name)?.metadata.resourceVersion));
}

const why = (query: string) => mesh.ask<Explanation & { assumed: string[] }>(`/why?${query}`);

const idOf = (kind: string): string =>
  [...written.keys()].map(key => key.split(' ')[0] ?? '').find(id => id.startsWith(`${kind.toLowerCase()}s`)) ?? kind;

/** `Kind name` of every origin, in order. */
function origins(explanation: Explanation): string[] {
  return explanation.steps.flatMap(step => step.origins.map(({ object }) => `${object.kind} ${object.name}`));
}

it('names the split, the target and the route group, each with its resourceVersion', async () => {
  const answer = await why('client=bookbuyer&service=bookstore&path=/buy');
  expect(answer.outcome).toBe('allowed');
  const named = new Set(origins(answer));
  for (const object of ['TrafficSplit bookstore-split', 'TrafficTarget buyers-v1', 'HTTPRouteGroup bookstore-routes'])
    expect(named).toContain(object);
  const told = answer.steps.flatMap(step => step.origins);
  const versions = new Map(
    told.map(({ object, resourceVersion }) => [`${idOf(object.kind)} ${object.name}`, resourceVersion]),
  );
  expect(versions).toEqual(written);
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

describe('what no request can have is refused in words', () => {
  const cases: [query: string, what: string][] = [
    ...['0', '-1', '65536', '99999', '80.5', '8e1', '0x50', 'http', ' 80', ''].map((port): [string, string] => [
      `port=${encodeURIComponent(port)}`,
      'the port is',
    ]),
    ...['GE T', 'G\tT', 'GÉT', '"', 'CONNECT'].map((method): [string, string] => [
      `method=${encodeURIComponent(method)}`,
      'the method is',
    ]),
    ...['buy', '*', 'http://bookstore/buy', '/a b', '/a\n'].map((path): [string, string] => [
      `path=${encodeURIComponent(path)}`,
      'the path is',
    ]),
    ...['x-user', ': jo', 'x user: jo', 'x-user : jo', 'x-user: j\no', 'é: jo'].map((header): [string, string] => [
      `header=${encodeURIComponent(header)}`,
      'a header is',
    ]),
  ];
  it.each(cases)('%s', async (query, what) => {
    const { problem } = await mesh.ask<{ problem?: { code: string; what: string; fix: string } }>(
      `/why?client=bookbuyer&service=bookstore&${query}`,
    );
    expect(problem).toMatchObject({ code: 'FSM6003', what: expect.stringContaining(what) });
    expect(problem?.fix).toContain('write it as in');
  });

  it.each(['port=1', 'port=65535', 'method=M-SEARCH', 'path=/a%3Fb=%2520', 'header=x-user:', 'header=x%3A%20a%3A%20b'])(
    '%s is a request',
    async query => {
      expect((await why(`client=bookbuyer&service=bookstore&${query}`)).steps.length).toBeGreaterThan(0);
    },
  );

  it('repeated headers are one, as the proxies read them', async () => {
    mesh.apply(`
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { namespace: bookstore, name: bookstore-routes }
spec: { matches: [{ name: buy-a-book, pathRegex: /buy, methods: [GET], headers: [{ x-user: 'jo, ann' }] }, { name: books-bought, pathRegex: /books-bought, methods: [GET] }] }
`);
    const outcome = async (query: string) =>
      (await why(`client=bookbuyer&service=bookstore&path=/buy${query}`)).outcome;
    await expect.poll(() => outcome('')).toBe('denied');
    expect(await outcome('&header=X-User:jo&header=x-user:%20ann')).toBe('allowed');
  });
});
