import { expect } from 'vitest';
import { http2, request, tunnel, until } from '../harness/client.ts';
import { appPorts, endpointOf } from '../harness/mesh.ts';
import type { ServiceSpec } from '../harness/tree.ts';
import { buyerTree, type Chapter, type World } from '../harness/world.ts';

const ports = { 80: 'http', 81: 'grpc', 82: 'tcp', 83: 'tcp-server-first' } as const;

/** A headless service over both stores, which are its pods `db-0` and `db-1`. */
function headless({ store, storeV2 }: World): ServiceSpec {
  const numbers = Object.entries(ports).map(([port, protocol]) => ({ port: Number(port), protocol }));
  const endpoints = (protocol: keyof typeof appPorts) => [
    { ...endpointOf(store, appPorts[protocol]), hostname: 'db-0' },
    { ...endpointOf(storeV2, appPorts[protocol]), hostname: 'db-1' },
  ];
  const backends = numbers.map(({ port, protocol }) => [`shop/db:${port}`, endpoints(protocol)] as const);
  return { key: 'shop/db', ports: numbers, backends: Object.fromEntries(backends) };
}

function give(world: World, callable?: readonly string[]): Promise<void> {
  const options = { more: [headless(world)], ...(callable && { callable }) };
  return world.mesh.push.give(world.buyer.spec.podUid, buyerTree(world, options));
}

async function spokenBy(world: World, target: string): Promise<string> {
  const { socket } = await tunnel(world.buyer, target);
  const serverFirst = target.endsWith(':83') || target.endsWith(`:${appPorts['tcp-server-first']}`);
  if (!serverFirst) socket.write('ping ');
  const text = await until(socket, serverFirst ? '\n' : 'ping ');
  socket.destroy();
  return text;
}

export const pods: Chapter = {
  'a pod of a headless service is called by its name': async world => {
    await give(world);
    for (const suffix of ['', '.shop', '.shop.svc', '.shop.svc.cluster.local', '.shop:80', `.shop:${appPorts.http}`])
      for (const [pod, app] of [
        ['db-0', 'v1'],
        ['db-1', 'v2'],
      ]) {
        const host = `${pod}.db${suffix}`;
        for (let again = 0; again < 3; again++)
          expect([host, (await request(world.buyer, { host })).app]).toEqual([host, app]);
      }
    expect((await request(world.buyer, { host: 'db-2.db.shop' })).text).toContain('no-endpoints');
  },

  'a pod is called by its address, and the port decides': async world => {
    await give(world);
    const { podAddress } = world.storeV2.spec;
    for (let again = 0; again < 3; again++)
      expect((await request(world.buyer, { host: `${podAddress}:${appPorts.http}` })).app).toBe('v2');
    expect((await request(world.buyer, { host: `${podAddress}:1` })).status).toBe(404);
    expect(await spokenBy(world, `${podAddress}:${appPorts.tcp}`)).toBe('ping ');
    expect(await spokenBy(world, `${podAddress}:${appPorts['tcp-server-first']}`)).toBe('hello from v2\n');
  },

  'TCP and gRPC reach the pod that was named': async world => {
    await give(world);
    expect(await spokenBy(world, 'db-1.db.shop:82')).toBe('ping ');
    expect(await spokenBy(world, 'db-1.db.shop:83')).toBe('hello from v2\n');
    expect(await spokenBy(world, 'db-0.db:83')).toBe('hello from v1\n');
    const session = await http2(world.buyer, 'db-1.db.shop:81');
    const stream = session.request({ ':path': '/', ':authority': 'db-1.db.shop:81' });
    const app = await new Promise(resolve => stream.once('response', headers => resolve(headers['x-app'])));
    expect(app).toBe('v2');
    session.close();
  },

  'who dials a pod of a headless service gets that pod, whatever Host says of the service': async world => {
    await give(world);
    for (const [pod, app] of [
      [world.store, 'v1'],
      [world.storeV2, 'v2'],
    ] as const) {
      const { socket } = await tunnel(world.buyer, `${pod.spec.podAddress}:${appPorts.http}`);
      socket.write('GET / HTTP/1.1\r\nHost: db.shop\r\n\r\n');
      expect(await until(socket, '}')).toContain(`"app":"${app}"`);
      socket.destroy();
    }
  },

  'a pod that may not be called is refused in words, and nothing is sent to it': async world => {
    await give(world, [world.store.principal]);
    const before = world.appV2.requests;
    for (const host of ['db-1.db', `${world.storeV2.spec.podAddress}:${appPorts.http}`]) {
      const { status, text } = await request(world.buyer, { host });
      expect([host, status, text]).toEqual([host, 403, expect.stringContaining('not-callable')]);
    }
    expect((await tunnel(world.buyer, 'db-1.db:82')).status).toBe(403);
    expect((await request(world.buyer, { host: 'db-0.db' })).app).toBe('v1');
    expect(world.appV2.requests).toBe(before);
  },
};
