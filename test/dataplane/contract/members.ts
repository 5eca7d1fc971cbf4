import { Agent } from 'node:http';
import { expect } from 'vitest';
import { principalOf } from '../../../src/engine/principals.ts';
import { issue } from '../harness/certificates.ts';
import { drained, request, tunnel } from '../harness/client.ts';
import { appPorts, endpointOf } from '../harness/mesh.ts';
import { trustDomain } from '../harness/tree.ts';
import { type Access, buyerTree, type Chapter, serviceAt, storeTree, type World, weighted } from '../harness/world.ts';
import { askDirectly, rogueServer } from './identity.ts';

const buyerPrincipal = 'buyer.shop.cluster.local';

/** The store with these rules; `changes` says what a port of it is besides. */
function restrict(
  { mesh, store, ...world }: World,
  access: Access,
  changes: Parameters<typeof storeTree>[4] = {},
): Promise<void> {
  return mesh.push.give(store.spec.podUid, storeTree({ mesh, store, ...world }, store, access, [], changes));
}

/** A service whose two pods are of two identities. */
function shared({ store, storeV2 }: World) {
  const { http } = appPorts;
  return {
    ...serviceAt('shared', endpointOf(store, http)),
    backends: { 'shop/shared:80': [endpointOf(store, http), endpointOf(storeV2, http)] },
  };
}

/** Names that DNS cannot hold as they are: a label of 64, one of 200, and one that only a hash stands for. */
const longNames = ['a'.repeat(64), `b.${'a'.repeat(190)}`, 'a'.repeat(253)];

export const members: Chapter = {
  'endpoints whose identity may not be called are left out': async world => {
    const { buyer, mesh, store, appV2 } = world;
    const before = appV2.requests;
    const tree = buyerTree(world, { more: [shared(world)], callable: [store.principal] });
    await mesh.push.give(buyer.spec.podUid, tree);
    for (let i = 0; i < 10; i++) expect((await request(buyer, { host: 'shared' })).app).toBe('v1');
    expect(appV2.requests).toBe(before);
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more: [shared(world)] }));
    const apps = new Set<string>();
    for (let i = 0; i < 10; i++) apps.add((await request(buyer, { host: 'shared' })).app);
    expect([...apps].sort()).toEqual(['v1', 'v2']);
  },

  'endpoints that may be called on other ports only are left out': async world => {
    const { buyer, mesh, store, storeV2, appV2 } = world;
    const before = appV2.requests;
    const callable = [store.principal, storeV2.principal];
    const elsewhere = { [storeV2.principal]: [appPorts.grpc] };
    const more = [shared(world)];
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more, callable, callablePorts: elsewhere }));
    for (let i = 0; i < 10; i++) expect((await request(buyer, { host: 'shared' })).app).toBe('v1');
    const { podAddress } = storeV2.spec;
    const { status, text } = await request(buyer, { host: `${podAddress}:${appPorts.http}` });
    expect([status, text]).toEqual([403, expect.stringContaining('not-callable')]);
    expect(appV2.requests).toBe(before);
    const there = { [storeV2.principal]: [appPorts.grpc, appPorts.http] };
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more, callable, callablePorts: there }));
    const apps = new Set<string>();
    for (let i = 0; i < 10; i++) apps.add((await request(buyer, { host: 'shared' })).app);
    expect([...apps].sort()).toEqual(['v1', 'v2']);
  },

  'where nobody may be called the refusal says so, for a share of a split too': async world => {
    const { buyer, mesh, storeV2 } = world;
    const split = [{ backends: weighted(1, 0) }];
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split, callable: [storeV2.principal] }));
    for (const host of ['store', 'split']) {
      const { status, text } = await request(buyer, { host });
      expect([host, status, text]).toEqual([host, 503, expect.stringContaining('no TrafficTarget')]);
    }
    expect((await tunnel(buyer, 'store:82')).status).toBe(503);
  },

  'a sidecar whose pod left the mesh refuses everything in words, on kept connections too': async world => {
    const { buyer, mesh } = world;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await request(buyer, { host: 'store', agent })).status).toBe(200);
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { member: false, settings: { egress: true } }));
    for (const host of ['store', 'nowhere.example']) {
      const { status, text } = await request(buyer, { host, agent });
      expect([host, status, text]).toEqual([host, 403, expect.stringContaining('not-a-member')]);
    }
    expect((await tunnel(buyer, 'store:82')).status).toBe(403);
    agent.destroy();
  },

  'permissive mode admits nobody whose namespace takes no part': async world => {
    const { buyer, app } = world;
    await restrict(world, { anyone: true, namespaces: ['elsewhere'] });
    const before = app.requests;
    const { status, text } = await request(buyer, { host: 'store' });
    expect([status, text]).toEqual([403, expect.stringContaining('not-a-member')]);
    const { socket } = await tunnel(buyer, 'store:82');
    socket.end('x');
    expect(await drained(socket)).toBe('');
    expect(app.requests).toBe(before);
  },

  'SMI: a rule may name a port of the pod': async world => {
    const { buyer } = world;
    await restrict(world, { anyone: false, http: [{ principals: [buyerPrincipal], ports: [appPorts.http] }] });
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
    await restrict(world, { anyone: false, http: [{ principals: [buyerPrincipal], ports: [appPorts.grpc] }] });
    const { status, text } = await request(buyer, { host: 'store' });
    expect([status, text]).toEqual([403, expect.stringContaining('no-rule-for-principal')]);
  },

  'SMI: on a port that is bytes by another service a TCP rule opens HTTP too': async world => {
    const { buyer } = world;
    const tcp = [{ principals: [buyerPrincipal], ports: [appPorts.http] }];
    await restrict(world, { anyone: false, tcp });
    expect((await request(buyer, { host: 'store' })).status).toBe(403);
    await restrict(world, { anyone: false, tcp }, { [appPorts.http]: { opaque: true } });
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
  },

  'where the server speaks first nothing is read as HTTP, and a client that says HTTP is carried': async world => {
    const { credentials } = world.buyer;
    const changes = { [appPorts.http]: { protocol: 'tcp-server-first' as const } };
    await restrict(world, { anyone: false, http: [{ principals: [buyerPrincipal] }] }, changes);
    expect(await askDirectly(world, credentials)).toBe('');
    await restrict(world, { anyone: false, tcp: [{ principals: [buyerPrincipal] }] }, changes);
    expect(await askDirectly(world, credentials)).toContain('200 OK');
  },

  'a client with a ServiceAccount whose name DNS cannot hold is known by its rule': async world => {
    for (const serviceAccount of longNames) {
      const own = await issue(world.mesh.authorities.mesh, { namespace: 'shop', serviceAccount, podUid: 'uid-long' });
      const principal = principalOf({ namespace: 'shop', name: serviceAccount }, trustDomain);
      await restrict(world, { anyone: false, http: [{ principals: [principal] }] });
      expect([serviceAccount, await askDirectly(world, own)]).toEqual([
        serviceAccount,
        expect.stringContaining('200 OK'),
      ]);
      await restrict(world, { anyone: false, http: [{ principals: [`${principal}.x`] }] });
      expect(await askDirectly(world, own)).toContain('403');
    }
  },

  'a server with a ServiceAccount whose name DNS cannot hold is spoken to': async world => {
    const { buyer, mesh } = world;
    for (const serviceAccount of longNames) {
      const own = await issue(mesh.authorities.mesh, { namespace: 'shop', serviceAccount, podUid: 'uid-long' });
      const server = await rogueServer(world, own);
      const principal = principalOf({ namespace: 'shop', name: serviceAccount }, trustDomain);
      const more = [serviceAt('long', { ...server.endpoint, principal })];
      await mesh.push.give(buyer.spec.podUid, buyerTree(world, { more }));
      expect([serviceAccount, (await request(buyer, { host: 'long' })).app]).toEqual([serviceAccount, 'rogue']);
      server.close();
      await mesh.push.give(buyer.spec.podUid, buyerTree(world));
    }
  },
};
