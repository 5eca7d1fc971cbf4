import { expect, it } from 'vitest';
import { explain } from '../../src/admin/explain.ts';
import { Derived } from '../../src/admin/why/derived.ts';
import { textOf } from '../../src/cli/commands/why.ts';
import { snapshotOf } from '../admin/meshes.ts';
import type { Raw } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';

const closed = { traffic: { enablePermissiveTrafficPolicyMode: false, enableEgress: false } };
const shop: readonly Raw[] = [
  make.namespace('shop'),
  { ...make.meshConfig(false), spec: closed },
  ...make.deployed('shop', 'buyer', '10.0.0.1'),
  ...make.deployed('shop', 'store', '10.0.0.2'),
  make.group('shop', 'routes', '/books'),
].map(raw => ({ ...raw, metadata: { ...raw.metadata, resourceVersion: '7' } }));

const question = { client: 'shop/buyer', service: 'shop/store', method: 'GET', path: '/books', headers: {} };

it('tells the outcome first, then what is not as it should be, then the steps', () => {
  const target: Raw = make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes');
  const before = snapshotOf([...shop, { ...target, metadata: { ...target.metadata, resourceVersion: '6' } }]);
  const after = snapshotOf(shop);
  const { node, roots } = told(before);
  const mesh = {
    snapshot: after,
    node,
    snapshotAt: () => before,
    running: (uid: string) =>
      uid === 'uid-buyer'
        ? { connected: true, root: roots.buyer, acked: { root: roots.buyer, rev: 'j.41', at: 1000 }, problem: null }
        : undefined,
  };
  const text = textOf({ ...explain(mesh, question), revision: 42, assumed: ['buyer is a ServiceAccount'] }, 43_000);
  expect(text.split('\n')).toEqual([
    '(buyer is a ServiceAccount)',
    'GET /books from shop/buyer (buyer.shop.cluster.local) to shop/store:80 is denied',
    '  ! the proxy of shop/buyer runs an older configuration, revision 41, acknowledged 42s ago; the newest is 42',
    '  ! the proxy of shop/store is not connected and runs what is not known here: what it should run is shown',
    '',
    '  At the client, shop/buyer: forward: shop/store:80 goes to shop/store:80 100 %',
    '    Service shop/store (resourceVersion 7): the service itself',
    '    Service shop/store (resourceVersion 7): no split applies: the service itself',
    '',
    '  At the server, shop/store: refuse (403 no-rule-for-principal): No rule lets buyer.shop.cluster.local call GET /books on port 8080.',
    '    because no TrafficTarget of destination shop/store gives shop/buyer a rule for requests',
    '    To change it: write a TrafficTarget with source ServiceAccount shop/buyer and destination shop/store, with a rule of kind HTTPRouteGroup',
    '',
    'By the newest configuration it is denied:',
    '',
    '  At the client, shop/buyer: refuse (no-traffic-target): no TrafficTarget lets buyer.shop.cluster.local call shop/store, which runs as shop/store',
    "    its answer: 404 unknown-service: 'store.shop' names no service that may be called, and egress is off.",
    '    To change it: write a TrafficTarget with source ServiceAccount shop/buyer and destination shop/store',
  ]);
});

it('says of many endpoints how many they are, and that some are not shown', () => {
  const step = { at: 'server' as const, pod: 'shop/a', decision: 'forward', detail: 'may', endpoints: 12, origins: [] };
  const text = textOf(
    {
      ...question,
      host: 'store.shop.svc',
      principal: '',
      request: { method: 'GET', path: '/', port: null },
      outcome: 'passthrough',
      steps: [step],
      left: 30,
      proxies: [{ pod: 'shop/a', count: 3, connected: false, runs: 'newest', problem: 'FSM3001' }],
      revision: 1,
      assumed: [],
    },
    0,
  );
  expect(text.split('\n')).toEqual([
    'GET / from shop/buyer to shop/store (as store.shop.svc) is passed on, out of the mesh',
    '  ! the proxies of shop/a and 2 more are not connected and ran what is shown when they left (they refused a newer one: FSM3001)',
    '',
    '  At the server, shop/a and 11 more: forward: may',
    '',
    '  … and 30 more endpoints, which are not shown',
  ]);
});

/** What a mesh tells the buyer's proxy. */
function told(snapshot: ReturnType<typeof snapshotOf>) {
  const derived = new Derived(snapshot);
  return { node: (hash: string) => derived.node(hash), roots: { buyer: derived.root('shop/buyer') ?? '' } };
}
