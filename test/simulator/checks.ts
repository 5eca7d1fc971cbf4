/** The invariants that are asked about one replica: its events, its derivation, its store, its journal. */

import type { Core } from '../../src/controller/core.ts';
import { canonical, type Json } from '../../src/engine/canonical.ts';
import { rootHashes } from '../../src/engine/deriver.ts';
import { type Kind, kinds, type MeshEvent } from '../../src/engine/model.ts';
import { normalise } from '../../src/engine/normalise.ts';
import { replay } from '../../src/engine/replay.ts';
import { eachEntry, entryOf, snapshotHash } from '../../src/engine/snapshot.ts';
import { fromScratch, reachable } from '../engine/view.ts';
import type { Cluster } from './cluster.ts';
import type { Truth } from './truth.ts';
import type { Violations } from './violations.ts';

/** How far a replica is with every object: `<kind> <key>` → changes of meaning that it has seen, as `Truth` counts them. */
export type Epochs = ReadonlyMap<string, number>;

/** Follows what one replica journals. */
export class EventCheck {
  readonly #cluster: Cluster;
  readonly #truth: Truth;
  readonly #violations: Violations;
  #core: Core | null = null;
  #revision = 0;
  #versions = new Map<string, number>();
  #epochs = new Map<string, number>();
  readonly #meanings = new Map<string, string>();
  /** `<kind> <key>` → the last valid version, which stays in force beside an invalid one. */
  readonly #valid = new Map<string, string>();
  readonly #touched: [Kind, string][] = [];
  /** revision → how far the replica was. */
  readonly history = new Map<string, Epochs>();

  constructor(cluster: Cluster, truth: Truth, violations: Violations) {
    this.#cluster = cluster;
    this.#truth = truth;
    this.#violations = violations;
  }

  /** Looks at what came since the last look. */
  look(core: Core): void {
    if (core !== this.#core) this.#begin(core);
    if (core.engine.snapshot.revision === this.#revision) return;
    for (const event of core.journal.events(this.#revision)) {
      this.#check(event);
      this.#remember(core, event.revision);
    }
    for (const [kind, key] of this.#touched.splice(0)) this.#checkInForce(core, kind, key);
    this.#revision = core.engine.snapshot.revision;
  }

  /** Another process: it stands where its journal stood. */
  #begin(core: Core): void {
    this.#core = core;
    this.#revision = core.engine.snapshot.revision;
    this.#meanings.clear();
    this.#valid.clear();
    this.#versions = new Map();
    this.#epochs = new Map();
    for (const kind of kinds)
      eachEntry(core.engine.snapshot, kind, (key, { resourceVersion, object }) => {
        if (object !== undefined) this.#valid.set(`${kind} ${key}`, canonical(object as unknown as Json));
        this.#move(
          `${kind} ${key}`,
          Number(resourceVersion),
          this.#truth.epochOf(kind, key, Number(resourceVersion)) ?? 0,
        );
      });
    this.#remember(core, this.#revision);
  }

  #remember({ journal }: Core, revision: number): void {
    this.history.set(`${journal.id}.${revision}`, new Map(this.#epochs));
  }

  #move(id: string, version: number, epoch: number): void {
    this.#versions.set(id, version);
    this.#epochs.set(id, epoch);
  }

  #check(event: MeshEvent): void {
    if (event.type === 'applied') this.#applied(event);
    if (event.type === 'deleted') this.#deleted(event);
  }

  #applied({ kind, key, resourceVersion, object }: Extract<MeshEvent, { type: 'applied' }>): void {
    const id = `${kind} ${key}`;
    const version = Number(resourceVersion);
    const meaning = canonical(object as unknown as Json);
    const change = this.#cluster
      .versions(kind, key)
      .find(({ revision, type }) => revision === version && type !== 'DELETED');
    const name = `${id} at ${resourceVersion}`;
    if (change === undefined) return this.#violations.report(6, `${name} was never there`);
    if (canonical(normalise(kind, change.object) as unknown as Json) !== meaning)
      this.#violations.report(6, `${name} says something else than it did at the API server`);
    if (version < (this.#versions.get(id) ?? 0))
      this.#violations.report(6, `${name} came after ${this.#versions.get(id)}`);
    if (this.#meanings.get(id) === meaning)
      this.#violations.report(4, `${name} became an event and means what it meant`);
    this.#meanings.set(id, meaning);
    if (object.ok) this.#valid.set(id, canonical(object.object as unknown as Json));
    this.#touched.push([kind, key]);
    this.#move(id, version, this.#truth.epochOf(kind, key, version) ?? 0);
  }

  #checkInForce(core: Core, kind: Kind, key: string): void {
    const object = entryOf(core.engine.snapshot, kind, key)?.object;
    const found = object === undefined ? undefined : canonical(object as unknown as Json);
    const expected = this.#valid.get(`${kind} ${key}`);
    if (found !== expected) this.#violations.report(6, `${kind} ${key} is in force as ${found} instead of ${expected}`);
  }

  #deleted({ kind, key }: Extract<MeshEvent, { type: 'deleted' }>): void {
    const id = `${kind} ${key}`;
    const before = this.#versions.get(id) ?? 0;
    const change = this.#cluster
      .versions(kind, key)
      .find(({ revision, type }) => type === 'DELETED' && revision > before);
    if (change === undefined) return this.#violations.report(6, `${id} was told deleted and was not`);
    this.#meanings.delete(id);
    this.#valid.delete(id);
    this.#touched.push([kind, key]);
    this.#move(id, change.revision, this.#truth.epochOf(kind, key, change.revision) ?? 0);
  }
}

/** What the process derived step by step against what its snapshot gives from nothing. */
export function checkDerivation(name: string, { engine, conditions }: Core, violations: Violations): void {
  const expected = fromScratch(engine.snapshot);
  const found = { roots: rootHashes(engine.roots), conditions: Object.fromEntries(conditions) };
  for (const part of ['roots', 'conditions'] as const) {
    const [a, b] = [sortedText(expected[part]), sortedText(found[part])];
    if (a !== b) violations.report(2, `${part} of ${name}: ${firstDifference(expected[part], found[part])}`);
  }
}

function sortedText(record: object): string {
  return canonical(record as Json);
}

function textOf(value: unknown): string {
  return value === undefined ? '' : canonical(value as Json);
}

/** Names the first member that two records differ in. */
export function firstDifference(expected: object, found: object): string | undefined {
  const [a, b] = [expected, found] as Record<string, unknown>[];
  const key = Object.keys({ ...a, ...b })
    .sort()
    .find(each => textOf(a?.[each]) !== textOf(b?.[each]));
  return key === undefined
    ? undefined
    : `${key} should be ${JSON.stringify(a?.[key])} and is ${JSON.stringify(b?.[key])}`;
}

/** The store holds what current roots reach, and nothing that neither they nor a stream's roots do. */
export function checkStore(name: string, core: Core, streamRoots: Iterable<string>, violations: Violations): void {
  const { store, roots } = core.engine;
  const current = [...roots.values()].map(({ hash }) => hash);
  const needed = reachable(store, current).size;
  const held = [...streamRoots].filter(hash => store.get(hash) !== undefined);
  const most = reachable(store, [...current, ...held]).size;
  if (store.size < needed || store.size > most)
    violations.report(
      7,
      `${name} keeps ${store.size} fragments; current roots reach ${needed}, with those of streams ${most}`,
    );
}

/** The journal, read by another process, gives what this one runs on. */
export async function checkReplay(name: string, file: string, core: Core, violations: Violations): Promise<void> {
  const found = await replay(file, { threads: 0 });
  const live = { snapshot: snapshotHash(core.engine.snapshot), roots: rootHashes(core.engine.roots) };
  if (found.snapshot !== live.snapshot)
    violations.report(3, `${name}: snapshot ${live.snapshot} is replayed as ${found.snapshot}`);
  else if (sortedText(found.roots) !== sortedText(live.roots))
    violations.report(3, `roots of ${name}: ${firstDifference(live.roots, found.roots)}`);
}
