import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Problem } from '../../src/api/problem.ts';
import type { AnyNode } from '../../src/engine/config.ts';
import type { KubeObject } from '../../src/sandbox/api/objects.ts';
import { bookstore } from './bookstore.ts';
import { type Mesh, startMesh } from './mesh.ts';

let mesh: Mesh;

beforeEach(async () => {
  mesh = await startMesh();
  bookstore(mesh);
  await mesh.controller.synced;
});
afterEach(() => mesh.close());

const isMember = (wanted: boolean) => (nodes: readonly AnyNode[]) =>
  nodes.some(node => node.kind === 'self' && node.data.member === wanted);

function label(namespace: string, labels: object): void {
  mesh.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }));
}

const member = { 'flomesh.io/monitored-by': 'fsm' };

/** Resolves with the first object of a kind that is as it should be, now or after a change. */
function found<T>(resource: string, of: (object: KubeObject) => T | undefined): Promise<T> {
  const { store } = mesh.cluster.server;
  return new Promise(resolve => {
    const stop = store.subscribe(resource, ({ object }) => {
      const result = of(object);
      if (result === undefined) return;
      stop();
      resolve(result);
    });
  });
}

interface Row {
  readonly pod: string;
  readonly problem?: Problem;
}

const problemOf = async (pod: string) => (await mesh.ask<Row[]>('/proxies')).find(row => row.pod === pod)?.problem;

it.each([
  ['its label is gone', () => label('bookbuyer', {})],
  ['it is ignored', () => label('bookbuyer', { ...member, 'flomesh.io/ignore': 'true' })],
  ['it is in another mesh', () => label('bookbuyer', { 'flomesh.io/monitored-by': 'other' })],
])('a namespace that leaves: %s', async (_, leave) => {
  const [buyer, store] = [
    await mesh.proxy('bookbuyer', 'bookbuyer-1'),
    await mesh.proxy('bookstore', 'bookstore-v1-1'),
  ];
  await Promise.all([buyer.until(isMember(true)), store.until(isMember(true))]);
  const rules = (nodes: readonly AnyNode[]) => nodes.find(node => node.kind === 'access')?.data.http.length;
  expect(rules(store.reached())).toBe(2);
  leave();
  const told = await buyer.until(isMember(false));
  expect(told.filter(node => node.kind === 'service')).toEqual([]);
  await store.until(nodes => rules(nodes) === 0);
  expect(await problemOf('bookbuyer/bookbuyer-1')).toMatchObject({ code: 'FSM3005' });
  expect(await problemOf('bookstore/bookstore-v1-1')).toBeUndefined();
  label('bookbuyer', member);
  await buyer.until(isMember(true));
  await store.until(nodes => rules(nodes) === 2);
  expect(await problemOf('bookbuyer/bookbuyer-1')).toBeUndefined();
});

it('a pod that loses the label of its sidecar is told so', async () => {
  const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
  await buyer.until(isMember(true));
  const { store } = mesh.cluster.server;
  const pods = store.catalog.byId('pods');
  if (!pods) throw new Error('no pods');
  const labels = { app: 'bookbuyer' };
  store.update(pods, 'bookbuyer', 'bookbuyer-1', draft => ({ ...draft, metadata: { ...draft.metadata, labels } }));
  await buyer.until(isMember(false));
  expect(await problemOf('bookbuyer/bookbuyer-1')).toMatchObject({ why: expect.stringContaining('fsm-proxy-uuid') });
});

it('the stream of a pod that is deleted is ended', async () => {
  const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
  await buyer.until(isMember(true));
  const ended = buyer.ended();
  mesh.remove('pods', 'bookbuyer', 'bookbuyer-1');
  await ended;
});

it('fields that do nothing are named in a condition of the object, and it is accepted', async () => {
  const conditions = found('meshconfigs.config.flomesh.io', ({ status }) => {
    const all = (status as { conditions?: { type: string; status: string; message: string }[] })?.conditions;
    return all?.some(({ type }) => type === 'NotInForce') ? all : undefined;
  });
  mesh.apply(`
apiVersion: config.flomesh.io/v1alpha3
kind: MeshConfig
metadata: { namespace: fsm-system, name: fsm-mesh-config }
spec: { traffic: { enablePermissiveTrafficPolicyMode: false, inboundPortExclusionList: [9090] } }
`);
  expect(await conditions).toMatchObject([
    { type: 'Accepted', status: 'True' },
    { type: 'NotInForce', status: 'True', message: expect.stringContaining('spec.traffic.inboundPortExclusionList') },
  ]);
  expect(await mesh.ask('/problems')).toMatchObject([{ code: 'FSM1006', severity: 'warning' }]);
});

it('an Event tells of a Service whose port is HTTP where by another one the server speaks first', async () => {
  const event = found('events', object => {
    const { involvedObject, reason } = object as unknown as { involvedObject?: { name: string }; reason?: string };
    return reason === 'FSM1005' ? involvedObject?.name : undefined;
  });
  mesh.apply(`
apiVersion: v1
kind: Service
metadata: { namespace: bookstore, name: z-database }
spec: { selector: { app: bookstore-v1 }, ports: [{ name: tcp-server-first-db, port: 90, targetPort: 14001 }] }
`);
  expect(['bookstore', 'bookstore-v1']).toContain(await event);
});
