/** What the outside sees of an engine, to compare one with another. */
import type { Problem } from '../../src/api/problem.ts';
import type { Hash } from '../../src/engine/canonical.ts';
import { type Derived, Deriver, rootHashes } from '../../src/engine/deriver.ts';
import type { Engine, Fact, Step } from '../../src/engine/engine.ts';
import type { Entry, MeshEvent, MeshSnapshot } from '../../src/engine/model.ts';
import { kinds } from '../../src/engine/model.ts';
import { eachEntry } from '../../src/engine/snapshot.ts';
import type { FragmentStore } from '../../src/engine/store.ts';

export interface View {
  readonly roots: Readonly<Record<string, Hash>>;
  readonly conditions: Readonly<Record<string, readonly Problem[]>>;
}

/** A map as a record in order of its keys. */
export function sorted<V>(map: ReadonlyMap<string, V>): Record<string, V> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Follows the conditions that an engine's steps tell of. */
export class Watcher {
  readonly #engine: Engine;
  readonly #conditions = new Map<string, readonly Problem[]>();
  #at = 1000;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  take({ conditions }: Derived): void {
    for (const [key, problems] of conditions)
      if (problems === null) this.#conditions.delete(key);
      else this.#conditions.set(key, problems);
  }

  async step(facts: readonly Fact[]) {
    return this.#seen(await this.#engine.step(facts, ++this.#at));
  }

  /** Events that somebody recorded, instead of facts. */
  async follow(events: readonly MeshEvent[]) {
    return this.#seen(await this.#engine.take(events));
  }

  #seen(step: Step): Step {
    this.take(step.derived);
    return step;
  }

  view(): View {
    return { roots: rootHashes(this.#engine.roots), conditions: sorted(this.#conditions) };
  }
}

/** What a deriver that is made for this snapshot alone says. */
export function fromScratch(snapshot: MeshSnapshot): View {
  const { roots, conditions } = new Deriver(snapshot, () => {}).all();
  const known = new Map([...conditions].map(([key, problems]) => [key, problems ?? []]));
  return { roots: rootHashes(roots), conditions: sorted(known) };
}

/** Hashes that these roots reach; throws for one that the store does not have. */
export function reachable(store: FragmentStore, roots: Iterable<Hash>): Set<Hash> {
  const found = new Set<Hash>();
  const visit = (hash: Hash): void => {
    const fragment = store.get(hash);
    if (fragment === undefined) throw new Error(`${hash} is not in the store`);
    found.add(hash);
    Object.values(fragment.node.refs).forEach(visit);
  };
  for (const root of roots) visit(root);
  return found;
}

/** What objects mean, without their versions: those tell how many updates were left out on the way. */
export function meaningOf(snapshot: MeshSnapshot): Record<string, unknown> {
  const found = new Map<string, unknown>();
  for (const kind of kinds)
    eachEntry(snapshot, kind, (key, { object, problems }: Entry) => {
      found.set(`${kind} ${key}`, { object, problems });
    });
  return { ...sorted(found), proxies: snapshot.proxies, trust: snapshot.trust };
}
