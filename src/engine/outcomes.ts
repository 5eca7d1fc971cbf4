/**
 * What a recorded history led to: made when it is exported, compared when it is replayed. Both go through the journal
 * batch by batch with an engine of their own, as the live process did.
 */
import { canonical, type Hash, type Json } from './canonical.ts';
import type { AnyNode } from './config.ts';
import { rootHashes } from './deriver.ts';
import type { Divergence } from './divergence.ts';
import { Engine } from './engine.ts';
import type { Ask, Decision, Outcome } from './history.ts';
import type { Journal } from './journal.ts';
import type { MeshEvent, MeshSnapshot } from './model.ts';
import { createDerivation } from './shards/pool.ts';
import { snapshotHash } from './snapshot.ts';
import { FragmentStore } from './store.ts';

/** The mesh after some events, as its proxies would be told. */
export interface State {
  readonly snapshot: MeshSnapshot;
  /** `namespace/pod` → hash of its configuration. */
  readonly roots: Readonly<Record<string, Hash>>;
  node(hash: Hash): AnyNode | undefined;
}

/** Knows what proxies would do; a later room has the policy that they run, and passes it in. */
export interface Oracle {
  /** Requests worth asking about, a bounded number, in an order that depends on the state alone. */
  questions(state: State): readonly Ask[];
  /** What becomes of each request, in words that do not change from version to version; in the order of `asks`. */
  answers(state: State, asks: readonly Ask[]): readonly string[];
}

/** How to go through a journal. */
export interface Way {
  /** File of the journal, for worker threads. */
  readonly file: string;
  /** Worker threads that derive; 0 derives in this one. */
  readonly threads: number;
  readonly oracle: Oracle;
}

/** Outcomes that an export writes at most: more batches than these share one. */
const outcomesMax = 200;

/** Differences that one comparison tells of. */
const divergencesMax = 100;

/** Goes on from a state that the journal has, and stops after each of these revisions. */
async function* statesOf(journal: Journal, from: number, stops: readonly number[], way: Way): AsyncGenerator<State> {
  const [snapshot, events] = [journal.snapshotAt(from), [...journal.events(from)]];
  const store = new FragmentStore();
  const derivation = await createDerivation(snapshot, store, { threads: way.threads, journal: way.file });
  try {
    const engine = new Engine(snapshot, store, derivation);
    await engine.start();
    let next = 0;
    for (const stop of stops) {
      const first = next;
      while ((events[next]?.revision ?? Number.POSITIVE_INFINITY) <= stop) next++;
      await engine.take(events.slice(first, next));
      yield { snapshot: engine.snapshot, roots: rootHashes(engine.roots), node: hash => store.get(hash)?.node };
    }
  } finally {
    await derivation.close();
  }
}

/** Last revisions of the batches: events of one batch have one time. Many batches are thinned evenly. */
function stopsOf(events: readonly MeshEvent[]): number[] {
  const ends = events.filter((event, index) => event.at !== events[index + 1]?.at).map(({ revision }) => revision);
  const every = Math.ceil(ends.length / outcomesMax);
  return ends.filter((_, index) => (ends.length - 1 - index) % every === 0);
}

/** Decisions by their request. */
type Decisions = ReadonlyMap<string, Decision & { readonly is: string }>;

const idOf = (ask: Ask): string => canonical(ask as unknown as Json);

function decide(oracle: Oracle, state: State, asks: readonly Ask[]): Decisions {
  const answers = oracle.answers(state, asks);
  return new Map(asks.map((ask, index) => [idOf(ask), { ask, is: answers[index] ?? '' }]));
}

/** The outcomes of a journal from one of its states on. */
export async function outcomesOf(journal: Journal, from: number, way: Way): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let roots: Readonly<Record<string, Hash>> = {};
  let decisions: Decisions = new Map();
  for await (const state of statesOf(journal, from, stopsOf([...journal.events(from)]), way)) {
    const now = decide(way.oracle, state, way.oracle.questions(state));
    outcomes.push({
      after: state.snapshot.revision,
      snapshot: snapshotHash(state.snapshot),
      roots: changedRoots(roots, state.roots),
      decisions: changedDecisions(decisions, now),
    });
    [roots, decisions] = [state.roots, now];
  }
  return outcomes;
}

function changedRoots(
  before: Readonly<Record<string, Hash>>,
  now: Readonly<Record<string, Hash>>,
): Record<string, Hash | null> {
  const changed = Object.entries(now).filter(([key, hash]) => before[key] !== hash);
  const gone = Object.keys(before).filter(key => !Object.hasOwn(now, key));
  return Object.fromEntries([...changed, ...gone.map(key => [key, null] as const)]);
}

function changedDecisions(before: Decisions, now: Decisions): Decision[] {
  const changed = [...now].filter(([id, { is }]) => before.get(id)?.is !== is).map(([, decision]) => decision);
  const gone = [...before].filter(([id]) => !now.has(id)).map(([, { ask }]) => ({ ask, is: null }));
  return [...changed, ...gone];
}

/** Everything that the outcomes up to one of them say together. */
class Expected {
  snapshot = '';
  readonly roots = new Map<string, Hash>();
  readonly decisions = new Map<string, Decision & { readonly is: string }>();

  take({ snapshot, roots, decisions }: Outcome): void {
    this.snapshot = snapshot;
    for (const [key, hash] of Object.entries(roots))
      if (hash === null) this.roots.delete(key);
      else this.roots.set(key, hash);
    for (const { ask, is } of decisions)
      if (is === null) this.decisions.delete(idOf(ask));
      else this.decisions.set(idOf(ask), { ask, is });
  }
}

/**
 * Holds a journal against outcomes, from one of its states on. Hashes are compared when they are of this derive
 * version, and then the first revision that differs is the last that is looked at; decisions always.
 *
 * @returns at most 100 differences, in order of revisions
 */
export async function divergences(
  journal: Journal,
  from: number,
  { outcomes, byHash }: { readonly outcomes: readonly Outcome[]; readonly byHash: boolean },
  way: Way,
): Promise<Divergence[]> {
  const [expected, found, told] = [new Expected(), [] as Divergence[], new Map<string, string>()];
  const ahead = outcomes.filter(({ after }) => after >= from);
  for (const passed of outcomes.slice(0, outcomes.length - ahead.length)) expected.take(passed);
  const stops = ahead.map(({ after }) => after);
  for await (const state of statesOf(journal, from, stops, way)) {
    const outcome = ahead.shift();
    if (outcome !== undefined) expected.take(outcome);
    const at = { revision: state.snapshot.revision, from };
    if (byHash) found.push(...differentHashes(expected, state, at));
    found.push(...differentDecisions(expected, state, way.oracle, at, told));
    if (found.length >= divergencesMax || (byHash && found.length > 0)) break;
  }
  return found.slice(0, divergencesMax);
}

type At = Pick<Divergence, 'revision' | 'from'>;

function differentHashes(expected: Expected, state: State, at: At): Divergence[] {
  const snapshot = snapshotHash(state.snapshot);
  const pods = [...new Set([...expected.roots.keys(), ...Object.keys(state.roots)])].sort();
  const roots = pods
    .map(proxy => ({ proxy, expected: expected.roots.get(proxy) ?? null, found: state.roots[proxy] ?? null }))
    .filter(root => root.expected !== root.found)
    .map((root): Divergence => ({ part: 'root', ...at, ...root }));
  if (snapshot === expected.snapshot) return roots;
  return [{ part: 'snapshot', ...at, expected: expected.snapshot, found: snapshot }, ...roots];
}

/** `told` remembers by request what was said: a difference that lasts is told once. */
function differentDecisions(
  { decisions }: Expected,
  state: State,
  oracle: Oracle,
  at: At,
  told: Map<string, string>,
): Divergence[] {
  const known = [...decisions];
  const asks = known.map(([, { ask }]) => ask);
  const answers = oracle.answers(state, asks);
  return known.flatMap(([id, { ask, is }], index): Divergence[] => {
    const found = answers[index] ?? null;
    const [before, now] = [told.get(id), found === is ? '' : `${is}\n${found}`];
    told.set(id, now);
    return now === '' || now === before ? [] : [{ part: 'decision', ...at, ask, expected: is, found }];
  });
}
