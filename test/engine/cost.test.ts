import { describe, expect, it } from 'vitest';
import { applied, enrolled, type Raw, rig } from './kit.ts';
import * as make from './objects.ts';

const address = (index: number): string => `10.0.${index >> 8}.${index & 255}`;

/** A mesh of so many services where two clients, and no more, may call the first one. */
function mesh(services: number, permissive: boolean): Raw[] {
  const clients = ['client-1', 'client-2'];
  return [
    make.namespace('shop'),
    make.meshConfig(permissive),
    ...clients.flatMap(name => [make.account('shop', name), make.pod('shop', name)]),
    ...Array.from({ length: services }, (_, index) => make.deployed('shop', `s${index}`, address(index))).flat(),
    ...Array.from({ length: services }, (_, index) => make.group('shop', `s${index}`, '/books')),
    ...Array.from({ length: services }, (_, index) =>
      make.target(
        'shop',
        `s${index}`,
        `s${index}`,
        clients.slice(0, index === 0 ? 2 : 1).map(name => `shop/${name}`),
        `s${index}`,
      ),
    ),
  ];
}

/** How many nodes are computed, and how many roots change, when one address does. */
async function costOfOneEndpoint(services: number, permissive: boolean) {
  const { engine, deriver } = await rig();
  const objects = mesh(services, permissive);
  await engine.step(objects.map(applied), 1);
  await engine.step(objects.filter(({ kind }) => kind === 'Pod').map(enrolled), 2);
  const before = deriver.graph.computed;
  const step = await engine.step([applied(make.slice('shop', 's0', { s0: '10.9.9.9' }))], 3);
  return { computed: deriver.graph.computed - before, roots: step.derived.roots.size };
}

describe('the cost of one changed endpoint', () => {
  it('does not grow with the mesh in SMI mode', async () => {
    const [small, large] = [await costOfOneEndpoint(50, false), await costOfOneEndpoint(500, false)];
    expect(small.roots).toBe(2);
    expect(large.roots).toBe(2);
    expect(large.computed).toBeLessThan(25);
    // More than 64 services stand in an index of two storeys: one node more for the client that may call them all.
    expect(large.computed - small.computed).toBeLessThanOrEqual(1);
  });

  it('grows in permissive mode by what each proxy and its account need, no more', async () => {
    const [small, large] = [await costOfOneEndpoint(50, true), await costOfOneEndpoint(500, true)];
    expect(small.roots).toBe(52);
    expect(large.roots).toBe(502);
    const apart = ({ computed, roots }: typeof small) => computed - 2 * roots;
    expect(apart(large)).toBeLessThan(25);
    expect(apart(large) - apart(small)).toBeLessThanOrEqual(1);
  });
});

describe('an index of many services', () => {
  it('is one node up to 64 services and 64 by name above, with every service in it', async () => {
    for (const [services, buckets] of [
      [64, undefined],
      [65, 64],
    ] as const) {
      const { engine, store } = await rig();
      const objects = [...Array.from({ length: services }, (_, index) => make.service('shop', `s${index}`))];
      await engine.step(
        [make.namespace('shop'), make.meshConfig(true), make.pod('shop', 'p'), ...objects].map(applied),
        1,
      );
      await engine.step([enrolled(make.pod('shop', 'p'))], 2);
      const child = (hash: string | undefined, name: string) => store.get(store.get(hash ?? '')?.node.refs[name] ?? '');
      const index = child(child(engine.roots.get('shop/p')?.hash, 'outbound')?.hash, 'services')?.node;
      expect(index?.data).toEqual(buckets === undefined ? {} : { buckets });
      const storeys =
        buckets === undefined ? [index] : Object.values(index?.refs ?? {}).map(hash => store.get(hash)?.node);
      const names = storeys.flatMap(node => Object.keys(node?.refs ?? {}));
      expect(names.sort()).toEqual(objects.map(({ metadata }) => `shop/${metadata.name}`).sort());
    }
  });
});

it('adds a service to a list of a thousand at the cost of one of its 64 parts', async () => {
  const { engine, deriver } = await rig();
  await engine.step([...mesh(1000, true).map(applied), enrolled(make.pod('shop', 'client-1'))], 1);
  const before = deriver.graph.computed;
  await engine.step([applied(make.service('shop', 'one-more'))], 2);
  // The list, its 64 parts looked through, and about ten more: the service, its endpoints, one part of the index …
  expect(deriver.graph.computed - before).toBeLessThan(64 + 20);
});
