import { expect } from 'vitest';
import { drained, request, tunnel, until } from '../harness/client.ts';
import { appPorts } from '../harness/mesh.ts';
import { type Access, type Chapter, storeTree, type World } from '../harness/world.ts';

const buyerPrincipal = 'buyer.shop.cluster.local';

/** SMI mode at the store: only what these rules allow. */
function restrict(world: World, access: Omit<Access, 'anyone'>): Promise<void> {
  const { mesh, store } = world;
  return mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: false, ...access }));
}

const shapes = ['/.*', '/(a|b)*', '(/[^/]*)*', '/a+/.*b', '/[a-z0-9/]*', '.*a.*a.*'];

export const policy: Chapter = {
  'SMI: what a rule allows passes, by principal, method, path and header': async world => {
    const rule = {
      principals: [buyerPrincipal],
      path: { regex: '/buy(/.*)?' },
      methods: ['GET'],
      headers: [{ name: 'x-key', value: { regex: '[a-z]+' } }],
    };
    await restrict(world, { http: [rule] });
    const ask = async (path: string, method = 'GET', key = 'abc') =>
      (await request(world.buyer, { host: 'store', path, method, headers: { 'x-key': key } })).status;
    expect([await ask('/buy'), await ask('/buy/1?x=/sell')]).toEqual([200, 200]);
    expect([await ask('/sell'), await ask('/buyer'), await ask('/x/buy')]).toEqual([403, 403, 403]);
    expect([await ask('/buy', 'POST'), await ask('/buy', 'GET', 'ABC')]).toEqual([403, 403]);
  },

  'SMI: a refusal says why, in the answer and in the log of the server': async world => {
    const { buyer, store, app } = world;
    await restrict(world, { http: [{ principals: ['somebody.else.cluster.local'] }] });
    const [after, requests] = [store.program?.log.length, app.requests];
    const { status, text } = await request(buyer, { host: 'store', path: '/buy?token=secret' });
    expect([status, text]).toEqual([403, expect.stringContaining('no-rule-for-principal')]);
    expect(text).toContain(buyerPrincipal);
    const line = await store.program?.logged({ reason: 'no-rule-for-principal' }, after);
    expect(String(line?.detail)).toContain(buyerPrincipal);
    expect(JSON.stringify(line)).not.toContain('secret');
    expect(app.requests).toBe(requests);
  },

  'SMI: paths that servers may read in another way are refused': async world => {
    await restrict(world, { http: [{ principals: [buyerPrincipal], path: { prefix: '/public/' } }] });
    for (const path of ['/public/../admin', '/public/%2e%2e/admin', '/public/./../admin']) {
      expect([path, (await request(world.buyer, { host: 'store', path })).status]).toEqual([path, 400]);
    }
  },

  'SMI: rules for TCP hold at the server': async world => {
    const { buyer, store, app } = world;
    let reached = 0;
    app.does.tcp = socket => {
      reached += 1;
      socket.pipe(socket);
    };
    await restrict(world, { tcp: [{ principals: [buyerPrincipal], ports: [appPorts.tcp] }] });
    const allowed = await tunnel(buyer, 'store:82');
    allowed.socket.write('x');
    expect(await until(allowed.socket, 'x')).toBe('x');
    allowed.socket.destroy();
    await restrict(world, { tcp: [{ principals: [buyerPrincipal], ports: [1] }] });
    const after = store.program?.log.length;
    const denied = await tunnel(buyer, 'store:82');
    denied.socket.end('x');
    expect(await drained(denied.socket)).toBe('');
    await store.program?.logged({ direction: 'inbound', port: appPorts.tcp }, after);
    expect(reached).toBe(1);
  },

  'SMI: a rule for HTTP opens nothing for other bytes on the same port': async world => {
    const { buyer } = world;
    await restrict(world, { http: [{ principals: [buyerPrincipal] }] });
    const { socket } = await tunnel(buyer, 'store:80');
    socket.write('\u0001\u0002binary\r\n\r\n');
    expect(await drained(socket)).toBe('');
    expect((await request(buyer, { host: 'store' })).status).toBe(200);
  },

  'a path of 16 KB breaks no regex shape: it is refused, and the next request is served': async world => {
    const { buyer, store } = world;
    for (const regex of shapes) {
      await restrict(world, {
        http: [
          { principals: [buyerPrincipal], path: { regex } },
          { principals: [buyerPrincipal], path: { exact: '/ok' } },
        ],
      });
      const status = (await request(buyer, { host: 'store', path: `/${'a'.repeat(16 * 1024)}` })).status;
      expect([regex, [414, 431].includes(status)]).toEqual([regex, true]);
      const longest = (await request(buyer, { host: 'store', path: `/${'a'.repeat(8000)}` })).status;
      expect([regex, [200, 403].includes(longest)]).toEqual([regex, true]);
      expect([regex, (await request(buyer, { host: 'store', path: '/ok' })).status]).toEqual([regex, 200]);
    }
    expect(store.program?.running).toBe(true);
  },
};
