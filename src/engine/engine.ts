/**
 * The engine: facts in, changed configurations out. One step takes a batch through the whole path: normalise, leave
 * out what changes no meaning, number, fold, derive. It has no clock and does no I/O of its own; whoever drives it
 * (the controller, the simulator, a replay) passes the time in and writes the journal.
 */
import type { Fragment } from './config.ts';
import type { Derived } from './deriver.ts';
import { equal } from './equal.ts';
import { fold } from './fold.ts';
import type { AppliedEvent, Entry, Kind, MeshEvent, MeshSnapshot, Normalised } from './model.ts';
import { normalise } from './normalise.ts';
import { entryOf, proxyUid } from './snapshot.ts';
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
  /** Fragments of configuration that were new. */
  readonly fragments: number;
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
    return this.take(this.#eventsOf(facts, at));
  }

  /** The rest of the path, for events that are numbered already: what a replay takes. */
  async take(events: readonly MeshEvent[]): Promise<Step> {
    if (events.length === 0) return { events, snapshot: this.#snapshot, derived: nothing, fragments: 0 };
    const snapshot = fold(this.#snapshot, events);
    const before = this.store.added;
    const derived = await this.#derivation.update(snapshot, events);
    // Both at once: roots are of the revision that the snapshot says.
    this.#hold(derived);
    this.#snapshot = snapshot;
    return { events, snapshot, derived, fragments: this.store.added - before };
  }

  /**
   * What comes second about an object in a batch is news: the snapshot does not know the first yet. But an enrolment
   * leaves the pod itself as it was, so an update of it is held against the snapshot all the same.
   */
  #eventsOf(facts: readonly Fact[], at: number): MeshEvent[] {
    const events: MeshEvent[] = [];
    const [changed, enrolled] = [new Set<string>(), new Set<string>()];
    for (const fact of newest(facts.map(normalised))) {
      const subject = subjectOf(fact);
      const isSecond = changed.has(subject) || (fact.type !== 'applied' && enrolled.has(subject));
      if (!isSecond && !isNews(this.#snapshot, fact)) {
        this.ignored++;
        continue;
      }
      (fact.type === 'enrolled' ? enrolled : changed).add(subject);
      events.push({ ...fact, at, revision: this.#snapshot.revision + events.length + 1 });
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

/** A fact as the mesh reads it. */
type News = Exclude<Fact, { type: 'applied' }> | Omit<AppliedEvent, 'revision' | 'at'>;

function normalised(fact: Fact): News {
  if (fact.type !== 'applied') return fact;
  const { type, kind, key, resourceVersion, raw } = fact;
  return { type, kind, key, resourceVersion, object: normalise(kind, raw) };
}

/**
 * Of several facts about one object only the newest counts, and before it those that it does not undo: a deletion,
 * for what comes after it is another object, and a valid version, for it stays in force beside an invalid one.
 */
function newest(facts: readonly News[]): News[] {
  const latest = new Map<string, News>();
  for (const fact of facts) {
    const [slot, ...undone] = slotsOf(fact);
    for (const id of [slot, ...undone]) latest.delete(id);
    latest.set(slot, fact);
  }
  return [...latest.values()];
}

/** The slot of a fact, and those of the facts that it undoes. */
function slotsOf(fact: News): [slot: string, ...undone: string[]] {
  const subject = subjectOf(fact);
  const [deleted, valid, invalid] = [`- ${subject}`, `+ ${subject}`, `! ${subject}`] as const;
  if (fact.type === 'deleted') return [deleted, valid, invalid];
  if (fact.type === 'applied') return fact.object.ok ? [valid, invalid] : [invalid];
  return [`${fact.type} ${subject}`];
}

/** An enrolment is about its pod: it goes with it. */
function subjectOf(fact: News): string {
  if (fact.type === 'rootChanged') return 'trust';
  return fact.type === 'enrolled' ? `Pod ${fact.key}` : `${fact.kind} ${fact.key}`;
}

/** Whether the snapshot does not say the same already. */
function isNews(snapshot: MeshSnapshot, fact: News): boolean {
  switch (fact.type) {
    case 'applied': {
      const before = entryOf(snapshot, fact.kind, fact.key);
      return before === undefined || !sameMeaning(before, fact.object);
    }
    case 'deleted':
      return entryOf(snapshot, fact.kind, fact.key) !== undefined;
    case 'enrolled':
      return proxyUid(snapshot, fact.key) !== fact.uid;
    case 'rootChanged': {
      const { trustDomain, roots } = fact;
      return !equal({ trustDomain, roots }, snapshot.trust);
    }
  }
}

/** Objects compare without their resourceVersion: an update that the mesh does not read is no news. */
function sameMeaning(before: Entry, now: Normalised): boolean {
  if (!now.ok) return before.problems !== undefined && equal(before.problems, now.problems);
  return before.problems === undefined && equal(before.object, now.object);
}
