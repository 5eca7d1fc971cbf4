import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnyNode } from '../../src/engine/config.ts';
import { replay } from '../../src/engine/replay.ts';
import { bookstore, splitOf } from './bookstore.ts';
import { type Mesh, startMesh } from './mesh.ts';

let mesh: Mesh;

/** Weights of the routes that a proxy has for the apex. */
function weights(nodes: readonly AnyNode[]): string {
  const apex = nodes.find(node => node.kind === 'service' && node.data.name === 'bookstore');
  const routes = apex?.kind === 'service' ? (apex.data.ports[0]?.routes ?? []) : [];
  return routes.flatMap(route => route.backends.map(({ ref, weight }) => `${ref}=${weight}`)).join(' ');
}

const v1Only = (nodes: readonly AnyNode[]) =>
  weights(nodes) === 'bookstore/bookstore-v1:14001=100 bookstore/bookstore-v2:14001=0';
const v2Only = (nodes: readonly AnyNode[]) =>
  weights(nodes) === 'bookstore/bookstore-v1:14001=0 bookstore/bookstore-v2:14001=100';

describe.each([{ threads: 0 }, { threads: 2 }])(
  'a change reaches the proxies, $threads worker threads',
  ({ threads }) => {
    beforeEach(async () => {
      mesh = await startMesh({ threads });
      bookstore(mesh);
      mesh.apply(splitOf(100, 0));
      await mesh.controller.synced;
    });
    afterEach(() => mesh.close());

    it('gives an enrolled proxy what it may call and nothing else', async () => {
      const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
      const nodes = await buyer.until(v1Only);
      const services = nodes.filter(node => node.kind === 'service').map(node => node.data.name);
      expect(services.sort()).toEqual(['bookstore', 'bookstore-v1', 'bookstore-v2']);
      const thief = await mesh.proxy('bookthief', 'bookthief-1');
      const none = await thief.until(list => list.length > 0);
      expect(none.filter(node => node.kind === 'service')).toEqual([]);
    });

    it('sends a split flip to those who need it, as the nodes that changed', async () => {
      const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
      const thief = await mesh.proxy('bookthief', 'bookthief-1');
      await Promise.all([buyer.until(v1Only), thief.until(list => list.length > 0)]);
      const [before, beforeThief] = [buyer.lines.length, thief.lines.length];
      mesh.apply(splitOf(0, 100));
      await buyer.until(v2Only);
      const sent = buyer.lines.slice(before).map(line => (line.t === 'node' ? line.v.kind : line.t));
      expect(sent).toEqual(['service', 'index', 'outbound', 'root', 'commit']);
      expect(thief.lines.length).toBe(beforeThief);
    });

    it('pushes nothing for updates without meaning', async () => {
      const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
      await buyer.until(v1Only);
      const before = buyer.lines.length;
      mesh.setStatus('pods', 'bookstore', 'bookstore-v1-1', { message: 'still fine' });
      mesh.apply(splitOf(100, 0));
      const pod = mesh.cluster.server.store.get('pods', 'bookstore', 'bookstore-v2-1');
      if (pod) mesh.put({ ...pod, metadata: { ...pod.metadata, annotations: { note: 'nobody reads this' } } });
      // The flip comes after them on the same watches; its answer shows that they have been through.
      mesh.apply(splitOf(0, 100));
      await buyer.until(v2Only);
      expect(buyer.lines.slice(before).filter(line => line.t === 'commit')).toHaveLength(1);
      const { counters } = await mesh.ask<{ counters: { ignored: number } }>('/state');
      expect(counters.ignored).toBeGreaterThanOrEqual(2);
    });

    it('keeps the last good version of a bad object, and says what is wrong on it', async () => {
      const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
      await buyer.until(v1Only);
      // At first its Services may not have been there yet, and it was told so.
      await conditionOf('bookstore', 'bookstore-split', 'True');
      // The schema of the CRD lets it pass; only the mesh can know.
      const bad = splitOf(0, 100).replace('service: bookstore-v2', 'service: bookstore-v1');
      mesh.apply(bad);
      const said = await conditionOf('bookstore', 'bookstore-split', 'False');
      expect(said.reason).toBe('FSM1005');
      expect(said.message).toContain('/spec/backends/1');
      expect(weights(buyer.reached())).toBe('bookstore/bookstore-v1:14001=100 bookstore/bookstore-v2:14001=0');
      mesh.apply(splitOf(0, 100));
      await buyer.until(v2Only);
      expect((await conditionOf('bookstore', 'bookstore-split', 'True')).reason).toBeDefined();
    });

    it('sends nothing to an unchanged proxy after a crash, and the news to the others', async () => {
      const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
      const thief = await mesh.proxy('bookthief', 'bookthief-1');
      await Promise.all([buyer.until(v1Only), thief.until(list => list.length > 0)]);
      await mesh.controller.close();
      mesh.apply(splitOf(0, 100));
      const before = thief.lines.length;
      await mesh.restart();
      await thief.reconnect(mesh.controller.ports.push);
      await buyer.reconnect(mesh.controller.ports.push);
      await buyer.until(v2Only);
      expect(thief.lines.slice(before).filter(line => line.t !== 'beat')).toEqual([]);
    });

    if (threads > 0)
      it('goes on when worker threads are killed: the news to those who need it, nothing to the others', async () => {
        const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
        const thief = await mesh.proxy('bookthief', 'bookthief-1');
        await Promise.all([buyer.until(v1Only), thief.until(list => list.length > 0)]);
        expect(mesh.controller.threads()).toHaveLength(threads);
        const before = thief.lines.length;
        for (const weights of [splitOf(0, 100), splitOf(100, 0)]) {
          await Promise.all(mesh.controller.threads().map(thread => thread.terminate()));
          mesh.apply(weights);
          await buyer.until(weights === splitOf(0, 100) ? v2Only : v1Only);
        }
        expect(thief.lines.slice(before).filter(line => line.t !== 'beat')).toEqual([]);
      });

    it('replays to the same hashes', async () => {
      const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
      await buyer.until(v1Only);
      mesh.apply(splitOf(0, 100));
      await buyer.until(v2Only);
      const live = await mesh.ask<{ snapshot: string; roots: Record<string, string> }>('/state');
      for (const count of [0, 2]) {
        const again = await replay(`${mesh.stateDir}/journal.db`, { threads: count });
        expect(again.snapshot).toBe(live.snapshot);
        expect(again.roots).toEqual(live.roots);
      }
      expect(live.roots['bookbuyer/bookbuyer-1']).toBe(buyer.root());
    });
  },
);

interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Waits on a watch until the object's condition has this status. */
async function conditionOf(namespace: string, name: string, status: string): Promise<Condition> {
  const path = `/apis/split.smi-spec.io/v1alpha4/namespaces/${namespace}/trafficsplits?watch=true`;
  const stream = await mesh.cluster.watch(path);
  try {
    for (let event = await stream.next(); event; event = await stream.next()) {
      const object = event.object as { metadata: { name: string }; status?: { conditions?: Condition[] } };
      const found = object.metadata.name === name ? object.status?.conditions?.[0] : undefined;
      if (found?.status === status) return found;
    }
    throw new Error('the watch ended');
  } finally {
    stream.close();
  }
}
