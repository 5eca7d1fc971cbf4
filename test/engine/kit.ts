/** What the tests of the engine share: objects as the Kubernetes API gives them, an engine around them, a seeded generator. */
import { Deriver } from '../../src/engine/deriver.ts';
import { Engine, type Fact } from '../../src/engine/engine.ts';
import type { Kind, MeshEvent } from '../../src/engine/model.ts';
import { normalise } from '../../src/engine/normalise.ts';
import { emptySnapshot, keyOf } from '../../src/engine/snapshot.ts';
import { FragmentStore } from '../../src/engine/store.ts';

export interface Raw {
  readonly apiVersion?: string;
  readonly kind: Kind;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

export function keyOfRaw({ metadata }: Raw): string {
  return keyOf({ namespace: metadata.namespace ?? '', name: metadata.name });
}

let version = 0;

export function applied(raw: Raw): Fact {
  const resourceVersion = raw.metadata.resourceVersion ?? String(++version);
  return { type: 'applied', kind: raw.kind, key: keyOfRaw(raw), resourceVersion, raw };
}

export function deleted(raw: Raw): Fact {
  return { type: 'deleted', kind: raw.kind, key: keyOfRaw(raw), resourceVersion: String(++version) };
}

export function enrolled(raw: Raw): Fact {
  return { type: 'enrolled', key: keyOfRaw(raw), uid: raw.metadata.uid ?? '' };
}

/** Events of facts, numbered from `first`, nothing left out. */
export function eventsOf(facts: readonly Fact[], first = 1): MeshEvent[] {
  return facts.map((fact, index) => {
    const numbers = { revision: first + index, at: 1000 + index };
    if (fact.type !== 'applied') return { ...fact, ...numbers };
    const { raw, ...rest } = fact;
    return { ...rest, ...numbers, object: normalise(fact.kind, raw) };
  });
}

export interface Rig {
  readonly engine: Engine;
  readonly deriver: Deriver;
  readonly store: FragmentStore;
}

/** An engine that derives in this thread. */
export async function rig(snapshot = emptySnapshot()): Promise<Rig> {
  const store = new FragmentStore();
  const deriver = new Deriver(snapshot, fragment => store.put(fragment));
  const engine = new Engine(snapshot, store, deriver);
  await engine.start();
  return { engine, deriver, store };
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(next: () => number, choices: readonly T[]): T {
  const chosen = choices[Math.floor(next() * choices.length)];
  if (chosen === undefined) throw new Error('nothing to choose from');
  return chosen;
}

export function shuffled<T>(next: () => number, list: readonly T[]): T[] {
  return list
    .map(item => ({ item, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
