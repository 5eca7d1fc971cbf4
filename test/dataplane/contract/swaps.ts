import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { http2, open, read, request, responseOf, tunnel, until } from '../harness/client.ts';
import { appPorts } from '../harness/mesh.ts';
import { buyerTree, type Chapter, storeTree, type World, weighted } from '../harness/world.ts';

/** Requests at a steady rate on kept connections, until the signal; counts what goes wrong. */
function load({ buyer }: World, ratePerSecond: number, agent: Agent) {
  const seen = { sent: 0, failed: [] as string[], apps: new Set<string>(), ports: new Set<number | undefined>() };
  const under = new Set<Promise<void>>();
  const one = async () => {
    try {
      const outgoing = open(buyer, { host: 'split', agent });
      outgoing.end();
      const response = await responseOf(outgoing);
      seen.ports.add(response.socket.localPort);
      const { status, app } = await read(response);
      seen.apps.add(app);
      if (status !== 200) seen.failed.push(String(status));
    } catch (error) {
      seen.failed.push(String(error));
    }
  };
  const timer = setInterval(() => {
    seen.sent += 1;
    const work = one();
    under.add(work);
    void work.then(() => under.delete(work));
  }, 1000 / ratePerSecond);
  return async () => {
    clearInterval(timer);
    await Promise.all(under);
    return seen;
  };
}

export const swaps: Chapter = {
  '200 requests a second do not notice forty swaps on both sides': async world => {
    const { mesh, buyer, store } = world;
    const connections = 16;
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    const finish = load(world, 200, agent);
    for (let i = 0; i < 40; i++) {
      const split = [{ backends: i % 2 === 0 ? weighted(1, 0) : weighted(0, 1) }];
      await Promise.all([
        mesh.push.give(buyer.spec.podUid, buyerTree(world, { split })),
        mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: true }, i % 2 === 0 ? [appPorts.tcp] : [])),
        // The pace of the changes is the point here, not an event that is waited for.
        delay(50),
      ]);
    }
    const { sent, failed, apps, ports } = await finish();
    agent.destroy();
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(200);
    expect([...apps].sort()).toEqual(['v1', 'v2']);
    // A closed connection would have been replaced by one with another port.
    expect(ports.size).toBeLessThanOrEqual(connections);
  },

  'after an acknowledgement every request follows the new configuration': async world => {
    const { mesh, buyer } = world;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 20; i++) {
      const [v1, v2] = i % 2 === 0 ? [0, 1] : [1, 0];
      await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split: [{ backends: weighted(v1, v2) }] }));
      expect((await request(buyer, { host: 'split', agent })).app).toBe(i % 2 === 0 ? 'v2' : 'v1');
    }
    agent.destroy();
  },

  'streams that are open stay open across a swap': async world => {
    const { mesh, buyer, store, app } = world;
    app.does.grpc = stream => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    };
    const { socket } = await tunnel(buyer, 'store:82');
    const session = await http2(buyer, 'store:81');
    const call = session.request({ ':method': 'POST', ':path': '/' });
    call.write('before');
    expect(String((await once(call, 'data'))[0])).toBe('before');
    socket.write('before');
    expect(await until(socket, 'before')).toBe('before');
    await mesh.push.give(buyer.spec.podUid, buyerTree(world, { split: [{ backends: weighted(0, 1) }] }));
    await mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: true }, [appPorts.tcp]));
    for (const stream of [call, socket]) {
      stream.write('after');
      expect(String((await once(stream, 'data'))[0])).toBe('after');
    }
    socket.destroy();
    session.destroy();
  },

  'a port that is gone is not listened on, and one that comes back is': async world => {
    const { mesh, store } = world;
    const opens = (port: number) =>
      new Promise<boolean>(resolve => {
        const socket = connect(port, store.spec.podAddress);
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      });
    await mesh.push.give(store.spec.podUid, storeTree(world, store, { anyone: true }, [appPorts.tcp]));
    expect([await opens(appPorts.tcp), await opens(appPorts.http)]).toEqual([false, true]);
    await mesh.push.give(store.spec.podUid, storeTree(world, store));
    expect(await opens(appPorts.tcp)).toBe(true);
  },
};
