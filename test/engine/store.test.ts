import { describe, expect, it } from 'vitest';
import { type AnyNode, type Fragment, fragmentOf } from '../../src/engine/config.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { pick, random } from './kit.ts';
import { reachable } from './view.ts';

let serial = 0;

/** A node that is like no other, over these children. */
function node(...children: readonly Fragment[]): Fragment {
  const refs = Object.fromEntries(children.map(({ hash }, index) => [String(index), hash]));
  return fragmentOf({ kind: 'index', data: { serial: ++serial }, refs } as unknown as AnyNode);
}

describe('a fragment', () => {
  it('goes with the sweep of its batch when nobody holds it', () => {
    const store = new FragmentStore();
    store.put(node());
    expect(store.size).toBe(1);
    store.sweep();
    expect(store.size).toBe(0);
  });

  it('stays as long as one of its holders does', () => {
    const store = new FragmentStore();
    const leaf = node();
    const [one, other] = [node(leaf), node(leaf)];
    for (const fragment of [leaf, one, other]) store.put(fragment);
    for (const { hash } of [one, other, one]) store.retain(hash);
    store.sweep();
    store.release(one.hash);
    store.release(other.hash);
    expect([...reachable(store, [one.hash])].sort()).toEqual([one.hash, leaf.hash].sort());
    expect(store.size).toBe(2);
    store.release(one.hash);
    expect(store.size).toBe(0);
  });

  it('cannot be held when it is not there', () => {
    expect(() => new FragmentStore().retain('nowhere')).toThrow('not in the store');
  });
});

describe('changes', () => {
  it('are what the base does not reach, children before parents', () => {
    const store = new FragmentStore();
    const [shared, old, fresh] = [node(), node(), node()];
    const base = node(shared, node(old));
    const middle = node(fresh);
    const root = node(shared, middle);
    for (const fragment of [shared, old, fresh, base, middle, root]) store.put(fragment);
    expect([...store.changes(root.hash, base.hash)]).toEqual([fresh, middle, root]);
    expect([...store.changes(root.hash, null)]).toEqual([shared, fresh, middle, root]);
    expect([...store.changes(root.hash, 'a base that is gone')]).toEqual([shared, fresh, middle, root]);
    expect([...store.changes(root.hash, root.hash)]).toEqual([]);
  });
});

/** A root over up to four of the fragments that are already there, or over new ones. */
function grow(next: () => number, store: FragmentStore, pool: Fragment[]): Fragment {
  const children = Array.from({ length: 1 + Math.floor(next() * 4) }, () => {
    const usable = pool.filter(({ hash }) => store.get(hash) !== undefined);
    const fragment = usable.length > 0 && next() < 0.6 ? pick(next, usable) : node();
    store.put(fragment);
    return fragment;
  });
  const root = node(...children);
  store.put(root);
  pool.push(...children, root);
  return root;
}

it('keeps what is held reaches, no more, whatever is held and let go', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    const store = new FragmentStore();
    const pool: Fragment[] = [];
    const held: string[] = [];
    for (let batch = 0; batch < 40; batch++) {
      const { hash } = grow(next, store, pool);
      const holds = Math.floor(next() * 3);
      for (let i = 0; i < holds; i++) store.retain(hash);
      held.push(...Array.from({ length: holds }, () => hash));
      while (held.length > 0 && next() < 0.5) {
        const [gone = ''] = held.splice(Math.floor(next() * held.length), 1);
        store.release(gone);
      }
      store.sweep();
      expect(store.size, `seed ${seed}`).toBe(reachable(store, held).size);
    }
    for (const hash of held) store.release(hash);
    expect(store.size, `seed ${seed}`).toBe(0);
  }
});
