import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Receipt } from '../../src/engine/receipts.ts';
import { bookstore, splitOf } from './bookstore.ts';
import { type Mesh, startMesh } from './mesh.ts';

let mesh: Mesh;

beforeEach(async () => {
  mesh = await startMesh();
  bookstore(mesh);
  mesh.pod('bookbuyer', 'bookbuyer-2', 'bookbuyer', { app: 'bookbuyer' }, '10.0.0.5');
  mesh.apply(splitOf(100, 0));
  await mesh.controller.synced;
});
afterEach(() => mesh.close());

it('settles a change and its undoing that a proxy never answered, when it is back with what it ran', async () => {
  const [silent, other] = [await mesh.proxy('bookbuyer', 'bookbuyer-1'), await mesh.proxy('bookbuyer', 'bookbuyer-2')];
  await Promise.all([silent.committed(0), other.committed(0)]);
  const [ran, otherRan] = [silent.root(), other.root()];
  silent.mute();
  const changed = silent.committed(silent.lines.length);
  mesh.apply(splitOf(0, 100));
  expect(await changed).not.toBe(ran);
  await other.until(() => other.root() !== otherRan);
  mesh.apply(splitOf(100, 0));
  await other.until(() => other.root() === otherRan);
  silent.close();
  await silent.reconnect(mesh.controller.ports.push);
  // Whoever comes later and has its configuration came after the silent one was heard.
  await (await mesh.proxy('bookthief', 'bookthief-1')).committed(0);
  // And what comes next on a stream was sent when its last answer was.
  const next = other.committed(other.lines.length);
  mesh.apply(splitOf(50, 50));
  await next;
  expect(silent.root()).toBe(ran);
  const receipts = await mesh.ask<Receipt[]>('/receipts');
  const flips = receipts.filter(({ events }) => events.some(({ kind }) => kind === 'TrafficSplit'));
  expect(flips.slice(-3, -1).map(({ proxies, acked }) => [proxies, acked])).toEqual([
    [2, 2],
    [2, 2],
  ]);
});
