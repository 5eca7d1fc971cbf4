import { Agent } from 'node:http';
import { expect } from 'vitest';
import { open, raw, read, request, responseOf } from '../harness/client.ts';
import { buyerTree, type Chapter, storeAddress, weighted } from '../harness/world.ts';

const forms = ['store', 'store.shop', 'store.shop.svc', 'store.shop.svc.cluster.local', 'store.shop:80', storeAddress];

export const routing: Chapter = {
  'every form of a host name reaches the service': async ({ buyer }) => {
    for (const host of [...forms, 'STORE.Shop', 'store.shop.svc.cluster.local.']) {
      expect([host, (await request(buyer, { host })).app]).toEqual([host, 'v1']);
    }
  },

  'an absolute-form target counts more than Host': async ({ buyer }) => {
    const head = 'GET http://store.shop/a?b=c HTTP/1.1\r\nHost: nowhere\r\nConnection: close\r\n\r\n';
    const answer = await raw(buyer, head);
    expect(answer).toContain('"url":"/a?b=c"');
    expect(answer).toContain('"store.shop"');
  },

  'method, path, query and headers arrive as they were sent': async ({ buyer }) => {
    const spec = {
      host: 'store',
      method: 'PATCH',
      path: '/a%20b//c?q=1&q=2',
      headers: { 'X-Mixed': 'One', via: '1.1 x' },
    };
    const { method, url, rawHeaders } = JSON.parse((await request(buyer, spec)).text);
    expect([method, url]).toEqual(['PATCH', '/a%20b//c?q=1&q=2']);
    const values = (name: string) =>
      rawHeaders.filter((_: string, at: number) => rawHeaders[at - 1]?.toLowerCase() === name);
    expect(values('x-mixed')).toEqual(['One']);
    expect(values('via').join()).toContain('1.1 x');
    expect(values('host')).toEqual(['store']);
  },

  'an unknown host gets 404 with the reason, in the answer and in the log': async ({ buyer }) => {
    const after = buyer.program?.log.length;
    const { status, text } = await request(buyer, { host: 'nowhere.shop' });
    expect([status, text]).toEqual([404, expect.stringContaining('unknown-service')]);
    await buyer.program?.logged({ reason: 'unknown-service' }, after);
  },

  'a port that the service does not have gets 404': async ({ buyer }) => {
    expect((await request(buyer, { host: 'store:9999' })).status).toBe(404);
  },

  'a split of 100 to 0 is exact': async world => {
    const { buyer, mesh } = world;
    for (const [v1, v2, app] of [
      [100, 0, 'v1'],
      [0, 100, 'v2'],
    ] as const) {
      await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split: [{ backends: weighted(v1, v2) }] }));
      const apps = new Set<string>();
      for (let i = 0; i < 30; i++) apps.add((await request(buyer, { host: 'split' })).app);
      expect([...apps]).toEqual([app]);
    }
  },

  'a split of 3 to 1 is about that': async world => {
    const { buyer, mesh } = world;
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split: [{ backends: weighted(3, 1) }] }));
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => request(buyer, { host: 'split', agent })));
    agent.destroy();
    const second = answers.filter(({ app }) => app === 'v2').length;
    // Binomial with p = 0.25: 50 ± 6.1. Five deviations fail a right proxy once in a million runs.
    expect(Math.abs(second - 50)).toBeLessThan(31);
  },

  'the first route that matches is taken, on method, path and headers': async world => {
    const { buyer, mesh } = world;
    const match = {
      path: { prefix: '/new/' },
      methods: ['GET'],
      headers: [{ name: 'x-beta', value: { exact: 'yes' } }],
    };
    const split = [{ match, backends: weighted(0, 1) }, { backends: weighted(1, 0) }];
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split }));
    const app = async (path: string, method = 'GET', beta = 'yes') =>
      (await request(buyer, { host: 'split', path, method, headers: { 'x-beta': beta } })).app;
    expect(await app('/new/a?b')).toBe('v2');
    expect([await app('/old'), await app('/new/a', 'POST'), await app('/new/a', 'GET', 'no')]).toEqual([
      'v1',
      'v1',
      'v1',
    ]);
  },

  'what is not of the mesh is refused without egress and passed with it': async world => {
    const { buyer, mesh, app, store } = world;
    const host = `${store.spec.appAddress}:8080`;
    const before = app.requests;
    expect((await request(buyer, { host })).status).toBe(404);
    expect(app.requests).toBe(before);
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { settings: { egress: true } }));
    expect((await request(buyer, { host })).app).toBe('v1');
  },

  'one connection of the app serves many requests, to several services': async ({ buyer }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (const host of ['store', 'split', 'nowhere', 'store.shop']) {
      const outgoing = open(buyer, { host, agent });
      outgoing.end();
      const response = await responseOf(outgoing);
      ports.add(response.socket.localPort);
      await read(response);
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  },
};
