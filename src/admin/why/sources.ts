/** What an explanation looks at: the newest state of the mesh, earlier ones, and tables of what proxies run. */
import { compile } from '../../dataplane/policy/policy.js';
import type { Host, Tables } from '../../dataplane/policy/types.ts';
import type { Running } from '../../dataplane/push/departed.ts';
import type { Hash } from '../../engine/canonical.ts';
import { type AnyNode, fragmentOf } from '../../engine/config.ts';
import type { MeshSnapshot } from '../../engine/model.ts';
import { eachEntry } from '../../engine/snapshot.ts';
import { treeUnder } from './asking.ts';
import { Derived } from './derived.ts';

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

/** An explanation does not toss a coin. */
const host: Host = { random: () => 0, now: () => 0, hash: () => 0 };

/** Earlier states that are derived for one explanation, for the origins of what proxies run that lag behind. */
const pastMax = 3;

/** A proxy that serves only: what it may call has no part in what it admits, and is left out to save its compilation. */
const noServices = fragmentOf({ kind: 'index', data: {}, refs: {} });

/** What both worlds of one explanation look at. */
export class Sources {
  readonly mesh: MeshView;
  readonly newest: Derived;
  readonly #past = new Map<string, Derived | undefined>();
  readonly #nodes = new Map<Hash, AnyNode>();
  readonly #clients = new Map<Hash, Tables>();
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

  /** Tables of all that a root says. */
  client(root: Hash): Tables {
    const tree = () => treeUnder(root, hash => this.node(hash));
    const known = this.#clients.get(root) ?? compile(tree(), root, host, null);
    this.#clients.set(root, known);
    return known;
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

  #serving(root: Hash, { refs: { outbound = '' } }: AnyNode): Tables {
    const told = this.node(outbound);
    const callsNobody = told && ({ ...told, refs: { services: noServices.hash } } as AnyNode);
    const others = new Map([[noServices.hash, noServices.node]]);
    if (callsNobody !== undefined) others.set(outbound, callsNobody);
    const nodes = treeUnder(root, hash => others.get(hash) ?? this.node(hash));
    return compile(nodes, root, host, null);
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
