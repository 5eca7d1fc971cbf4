/**
 * The engine: facts in, changed configurations out. One step takes a batch through the whole path: normalise, leave
 * out what changes no meaning, number, fold, derive. It has no clock and does no I/O of its own; whoever drives it
 * (the controller, the simulator, a replay) passes the time in and writes the journal.
 */
import { canonical, type Json } from './canonical.ts';
import type { Fragment } from './config.ts';
import type { Derived } from './deriver.ts';
import { fold } from './fold.ts';
import type { AppliedEvent, Entry, Kind, MeshEvent, MeshSnapshot, Normalised, Unnumbered } from './model.ts';
import { normalise } from './normalise.ts';
import { entryOf } from './snapshot.ts';
import type { FragmentStore } from './store.ts';

/** What reaches the engine: an object as the Kubernetes API gave it, or a fact of the mesh's own. */
export type Fact =
  | {
      readonly type: 'applied';
      readonly kind: Kind;
      readonly key: string;
      readonly resourceVersion: string;
      readonly raw: unknown;
    }
  | { readonly type: 'deleted'; readonly kind: Kind; readonly key: string; readonly resourceVersion: string }
  | { readonly type: 'enrolled'; readonly key: string; readonly uid: string }
  | { readonly type: 'rootChanged'; readonly trustDomain: string; readonly roots: readonly string[] };

/** Where derivation happens: in this thread, or in shards. */
export interface Derivation {
  all(): Derived | Promise<Derived>;
  update(next: MeshSnapshot, events: readonly MeshEvent[]): Derived | Promise<Derived>;
}

/** What one step did. `events` is empty when nothing changed its meaning. */
export interface Step {
  readonly events: readonly MeshEvent[];
  readonly snapshot: MeshSnapshot;
  readonly derived: Derived;
}

const nothing: Derived = { roots: new Map(), conditions: new Map() };

export class Engine {
  readonly store: FragmentStore;
  /** Current root of every proxy that has one; each holds its fragments in the store. */
  readonly roots = new Map<string, Fragment>();
  /** Facts that changed no meaning and so went no further. */
  ignored = 0;
  #snapshot: MeshSnapshot;
  readonly #derivation: Derivation;

  /** @param derivation emits into the same `store` */
  constructor(snapshot: MeshSnapshot, store: FragmentStore, derivation: Derivation) {
    this.#snapshot = snapshot;
    this.store = store;
    this.#derivation = derivation;
  }

  get snapshot(): MeshSnapshot {
    return this.#snapshot;
  }

  /** Derives everything from the snapshot that the engine was made with; call it once, before the first step. */
  async start(): Promise<Derived> {
    const derived = await this.#derivation.all();
    this.#hold(derived);
    return derived;
  }

  /** Takes a batch through the path. Steps must not overlap: await one before the next. */
  async step(facts: readonly Fact[], at: number): Promise<Step> {
    const events = this.#eventsOf(facts, at);
    if (events.length === 0) return { events, snapshot: this.#snapshot, derived: nothing };
    this.#snapshot = fold(this.#snapshot, events);
    const derived = await this.#derivation.update(this.#snapshot, events);
    this.#hold(derived);
    return { events, snapshot: this.#snapshot, derived };
  }

  #eventsOf(facts: readonly Fact[], at: number): MeshEvent[] {
    const events: MeshEvent[] = [];
    for (const fact of newest(facts)) {
      const event = meaningOf(this.#snapshot, fact, at);
      if (event === null) this.ignored++;
      else events.push({ ...event, revision: this.#snapshot.revision + events.length + 1 } as MeshEvent);
    }
    return events;
  }

  /** New roots are held before old ones are let go: what they share must not fall out in between. */
  #hold({ roots }: Derived): void {
    const old: Fragment[] = [];
    for (const [key, fragment] of roots) {
      const before = this.roots.get(key);
      if (fragment !== null) this.store.retain(fragment.hash);
      if (before !== undefined) old.push(before);
      if (fragment === null) this.roots.delete(key);
      else this.roots.set(key, fragment);
    }
    for (const fragment of old) this.store.release(fragment.hash);
    this.store.sweep();
  }
}

/** Of several facts about one object, only the newest counts. */
function newest(facts: readonly Fact[]): Fact[] {
  const latest = new Map<string, Fact>();
  for (const fact of facts) {
    const id = subjectOf(fact);
    latest.delete(id);
    latest.set(id, fact);
  }
  return [...latest.values()];
}

function subjectOf(fact: Fact): string {
  if (fact.type === 'rootChanged') return '!trust';
  return fact.type === 'enrolled' ? `!enrolled ${fact.key}` : `${fact.kind} ${fact.key}`;
}

/** The event that a fact is, or null when the snapshot already says the same. */
function meaningOf(snapshot: MeshSnapshot, fact: Fact, at: number): Unnumbered | null {
  switch (fact.type) {
    case 'applied':
      return appliedEvent(snapshot, fact, at);
    case 'deleted':
      return entryOf(snapshot, fact.kind, fact.key) === undefined ? null : { ...fact, at };
    case 'enrolled':
      return snapshot.proxies[fact.key] === fact.uid ? null : { ...fact, at };
    case 'rootChanged': {
      const { trustDomain, roots } = fact;
      return same({ trustDomain, roots }, snapshot.trust) ? null : { ...fact, at };
    }
  }
}

function appliedEvent(
  snapshot: MeshSnapshot,
  fact: Fact & { type: 'applied' },
  at: number,
): Omit<AppliedEvent, 'revision'> | null {
  const { type, kind, key, resourceVersion } = fact;
  const object = normalise(kind, fact.raw);
  const before = entryOf(snapshot, kind, key);
  if (before !== undefined && sameMeaning(before, object)) return null;
  return { type, kind, key, resourceVersion, object, at };
}

/** Objects compare without their resourceVersion: an update that the mesh does not read is no news. */
function sameMeaning(before: Entry, now: Normalised): boolean {
  if (!now.ok) return before.problems !== undefined && same(before.problems, now.problems);
  return before.problems === undefined && same(before.object, now.object);
}

function same(a: unknown, b: unknown): boolean {
  return canonical(a as Json) === canonical(b as Json);
}
