/**
 * The proxies of a mesh as tables that the policy can be asked: what each runs now, or what each should run by the newest
 * state of the mesh.
 */
import type { Because, Tables } from '../../dataplane/policy/types.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { Derived, VersionedOrigin } from './derived.ts';
import type { Sources } from './sources.ts';

/** How what a proxy runs stands to what it should run. */
export interface Standing {
  readonly connected: boolean;
  /**
   * `newest`: it runs what it should. `older`: it acknowledged something else last. `nothing`: it has no configuration
   * yet. `unknown`: nothing is known of it, so what it should run is shown in its place.
   */
  readonly runs: 'newest' | 'older' | 'nothing' | 'unknown';
  /** Revision that it acknowledged, `<journal>.<n>`, and when. */
  readonly rev?: string;
  readonly at?: number;
  /** Code of the problem for which it refused what it was sent last. */
  readonly problem?: string;
  readonly root: Hash | null;
}

/** The proxies of one of the two: as they are, or as they should be. */
export class World {
  readonly sources: Sources;
  readonly #asTheyAre: boolean;
  readonly #standings = new Map<string, Standing>();

  constructor(sources: Sources, asTheyAre: boolean) {
    this.sources = sources;
    this.#asTheyAre = asTheyAre;
  }

  /** Every proxy that was asked about. */
  get standings(): ReadonlyMap<string, Standing> {
    return this.#standings;
  }

  standing(podKey: string): Standing {
    const known = this.#standings.get(podKey) ?? this.#standingOf(podKey);
    this.#standings.set(podKey, known);
    return known;
  }

  #standingOf(podKey: string): Standing {
    const { mesh, newest } = this.sources;
    const wanted = newest.root(podKey);
    if (!this.#asTheyAre || mesh.running === undefined) return { connected: true, runs: 'newest', root: wanted };
    const running = mesh.running(newest.object('Pod', podKey)?.uid ?? '');
    if (running === undefined) return { connected: false, runs: 'unknown', root: wanted };
    const { connected, root, acked, problem } = running;
    const told = { ...(acked && { rev: acked.rev, at: acked.at }), ...(problem && { problem: problem.code }) };
    if (root === null) return { connected, runs: 'nothing', root: null };
    if (root === wanted) return { connected, runs: 'newest', root, ...told };
    if (this.sources.node(root) === undefined) return { connected, runs: 'unknown', root: wanted };
    return { connected, runs: 'older', root, ...told };
  }

  client(podKey: string): Tables | undefined {
    const { root } = this.standing(podKey);
    return root === null ? undefined : this.sources.client(root);
  }

  server(podKey: string): Tables | undefined {
    const { root } = this.standing(podKey);
    return root === null ? undefined : this.sources.server(root);
  }

  /**
   * A state of the mesh that tells the proxy of a pod the very nodes that it runs: the newest, else the one that it
   * acknowledged, where that is kept. Only such a state can say why they are as they are.
   */
  stateWith(because: readonly Because[], podKey: string): Derived | undefined {
    for (const state of this.#states(podKey)) if (because.every(each => state?.has(each, podKey))) return state;
    return undefined;
  }

  /** The objects that parts of a proxy's configuration come from. */
  originsOf(because: readonly Because[], podKey: string): readonly VersionedOrigin[] {
    return because.flatMap(each => this.stateWith([each], podKey)?.originsOf(each, podKey) ?? []);
  }

  *#states(podKey: string): Generator<Derived | undefined> {
    yield this.sources.newest;
    const { runs, rev } = this.standing(podKey);
    if (runs === 'older' && rev !== undefined) yield this.sources.at(rev);
  }
}
