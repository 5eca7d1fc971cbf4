/**
 * The proxies of a mesh as tables that the policy can be asked: what each runs now, or what each should run by the newest
 * state of the mesh.
 */
import { compile } from '../dataplane/policy/policy.js';
import type { Because, Host, Tables } from '../dataplane/policy/types.ts';
import type { Running } from '../dataplane/push/departed.ts';
import type { Hash } from '../engine/canonical.ts';
import { type AnyNode, fragmentOf } from '../engine/config.ts';
import type { MeshSnapshot } from '../engine/model.ts';
import { eachEntry, keyOf } from '../engine/snapshot.ts';
import { treeUnder } from './asking.ts';
import { Derived, type VersionedOrigin } from './derived.ts';

/** What is known of a mesh. Without what proxies run, every one counts as running what it should. */
export interface MeshView {
  readonly snapshot: MeshSnapshot;
  /** What the proxy of the pod with a uid runs. */
  running?(podUid: string): Running | undefined;
  /** Any node of what proxies run. */
  node?(hash: Hash): AnyNode | undefined;
  /** The state as of `<journal>.<revision>`; undefined when it is not kept any more. */
  snapshotAt?(rev: string): MeshSnapshot | undefined;
}

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

/** An explanation does not toss a coin. */
const host: Host = { random: () => 0, now: () => 0, hash: () => 0 };

/** Earlier states that are derived for one explanation, for the origins of what proxies run that lag behind. */
const pastMax = 3;

/** A proxy that serves only: what it may call has no part in what it admits, and is left out to save its compilation. */
const noServices = fragmentOf({ kind: 'index', data: {}, refs: {} });
const callsNobody = fragmentOf({ kind: 'outbound', data: {}, refs: { services: noServices.hash } });

/** What both worlds of one explanation look at. */
export class Sources {
  readonly mesh: MeshView;
  readonly newest: Derived;
  readonly #past = new Map<string, Derived | undefined>();
  readonly #nodes = new Map<Hash, AnyNode>();
  readonly #servers = new Map<string, Tables>();
  #pods: ReadonlyMap<string, string> | undefined;

  constructor(mesh: MeshView) {
    this.mesh = mesh;
    this.newest = new Derived(mesh.snapshot);
  }

  /** The state of a revision, derived once; undefined when it is not kept, or too many were asked for. */
  at(rev: string): Derived | undefined {
    if (this.#past.has(rev)) return this.#past.get(rev);
    if (this.#past.size >= pastMax) return undefined;
    const snapshot = this.mesh.snapshotAt?.(rev);
    const derived = snapshot && new Derived(snapshot);
    this.#past.set(rev, derived);
    return derived;
  }

  node(hash: Hash): AnyNode | undefined {
    const known = this.#nodes.get(hash) ?? this.newest.node(hash) ?? this.mesh.node?.(hash);
    if (known !== undefined) this.#nodes.set(hash, known);
    return known;
  }

  client(root: Hash): Tables {
    return compile(
      treeUnder(root, hash => this.node(hash)),
      root,
      host,
      null,
    );
  }

  /** Tables to ask about what a root admits; those that admit alike are made once. */
  server(root: Hash): Tables | undefined {
    const top = this.node(root);
    const self = this.node(top?.refs.self ?? '');
    if (top === undefined || self?.kind !== 'self') return undefined;
    const { inbound, trust, settings } = top.refs;
    const id = [inbound, trust, settings, self.data.principal].join(' ');
    const known = this.#servers.get(id) ?? this.#serving(root, top);
    this.#servers.set(id, known);
    return known;
  }

  #serving(root: Hash, top: AnyNode): Tables {
    const alone = { ...top, refs: { ...top.refs, outbound: callsNobody.hash } } as AnyNode;
    const own: Record<Hash, AnyNode> = {
      [root]: alone,
      [callsNobody.hash]: callsNobody.node,
      [noServices.hash]: noServices.node,
    };
    return compile(
      treeUnder(root, hash => own[hash] ?? this.node(hash)),
      root,
      host,
      null,
    );
  }

  /** The pod at an address of a service now: the one that the slices name, else one that has the address. */
  podAt(service: string, address: string): string | undefined {
    this.#pods ??= podsByAddress(this.newest.snapshot);
    return this.#pods.get(`${service} ${address}`) ?? this.#pods.get(address);
  }
}

function podsByAddress(snapshot: MeshSnapshot): Map<string, string> {
  const pods = new Map<string, string>();
  eachEntry(snapshot, 'Pod', (key, { object }) => {
    if (object?.ip !== undefined && object.proxy !== undefined && !object.terminating) pods.set(object.ip, key);
  });
  eachEntry(snapshot, 'EndpointSlice', (_, { object }) => {
    for (const { pod, addresses } of object?.endpoints ?? [])
      for (const address of addresses)
        if (object !== undefined && pod !== undefined)
          pods.set(`${object.namespace}/${object.service} ${address}`, `${object.namespace}/${pod}`);
  });
  return pods;
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

  /** A state of the mesh that gives a pod's proxy just what it runs. */
  stateOf(podKey: string): Derived | undefined {
    const { root } = this.standing(podKey);
    for (const state of this.#states(podKey)) if (state?.root(podKey) === root) return state;
    return undefined;
  }

  /** The objects that parts of a proxy's configuration come from: of a state that derives the very same node. */
  originsOf(because: readonly Because[], podKey: string): readonly VersionedOrigin[] {
    return because.flatMap(each => {
      for (const state of this.#states(podKey)) {
        const origins = state?.originsOf(each, podKey);
        if (origins !== undefined) return origins;
      }
      return [];
    });
  }

  *#states(podKey: string): Generator<Derived | undefined> {
    yield this.sources.newest;
    const { runs, rev } = this.standing(podKey);
    if (runs === 'older' && rev !== undefined) yield this.sources.at(rev);
  }
}

/** Key of a backend's service: `namespace/name` of `namespace/name:port`. */
export function serviceOf(backend: string): string {
  return backend.slice(0, backend.lastIndexOf(':'));
}

/** `namespace/serviceaccount` of a pod; empty for one that is not there. */
export function accountOf(state: Derived, podKey: string): string {
  const pod = state.object('Pod', podKey);
  return pod === undefined ? '' : keyOf({ namespace: pod.namespace, name: pod.serviceAccount });
}
