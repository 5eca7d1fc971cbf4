/** Configurations derived from a snapshot when they are asked for, and the objects that each part of them comes from. */
import type { Because } from '../../dataplane/policy/types.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { AnyNode, Fragment } from '../../engine/config.ts';
import { Graph } from '../../engine/derive/graph.ts';
import type { Origin, Rule } from '../../engine/derive/rule.ts';
import { access } from '../../engine/derive/rules/access.ts';
import { settings } from '../../engine/derive/rules/mesh.ts';
import { inbound, outbound, root } from '../../engine/derive/rules/proxy.ts';
import { service } from '../../engine/derive/rules/service.ts';
import { fold } from '../../engine/fold.ts';
import { type EnrolledEvent, type Kind, kinds, type MeshSnapshot, type Objects } from '../../engine/model.ts';
import { eachEntry, entryOf, keyOf, objectOf } from '../../engine/snapshot.ts';

/** An origin with the version of the object that is in force. */
export interface VersionedOrigin extends Origin {
  readonly resourceVersion: string;
}

/** Every pod of the mesh counts as enrolled here: the question is what its proxy would do. */
export class Derived {
  readonly snapshot: MeshSnapshot;
  readonly #graph: Graph;
  readonly #fragments = new Map<Hash, Fragment>();

  constructor(snapshot: MeshSnapshot) {
    this.snapshot = everybodyEnrolled(snapshot);
    this.#graph = new Graph(this.snapshot, fragment => this.#fragments.set(fragment.hash, fragment));
    for (const kind of kinds) eachEntry(snapshot, kind, (key, entry) => this.#graph.index(kind, key, entry.object));
  }

  /** Hash of what a pod's proxy should run; null when it has no configuration. */
  root(podKey: string): Hash | null {
    const hasProxy = this.object('Pod', podKey)?.proxy !== undefined;
    return hasProxy ? (this.value(root, podKey)?.hash ?? null) : null;
  }

  /** A node that was derived here. */
  node(hash: Hash): AnyNode | undefined {
    return this.#fragments.get(hash)?.node;
  }

  value<V>(rule: Rule<V>, key: string): V {
    return this.#graph.demand(rule, key);
  }

  object<K extends Kind>(kind: K, key: string): Objects[K] | undefined {
    return objectOf(this.snapshot, kind, key);
  }

  /** Valid objects of a kind that a test holds for, sorted by key. */
  objects<K extends Kind>(kind: K, holds: (object: Objects[K]) => boolean): Objects[K][] {
    const found: [string, Objects[K]][] = [];
    eachEntry(this.snapshot, kind, (key, { object }) => {
      if (object !== undefined && holds(object)) found.push([key, object]);
    });
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Whether the proxy of a pod would be told this very node here. */
  has(because: Because, podKey: string): boolean {
    return this.#hashOf(because, podKey) === because.hash;
  }

  #hashOf({ node, key }: Because, podKey: string): Hash | undefined {
    if (node === 'service') return this.value(service, key)?.hash;
    const top = this.value(root, podKey)?.refs;
    return node === 'access' ? this.#fragments.get(top?.inbound ?? '')?.refs.access : top?.[node];
  }

  /** Where parts of a node come from that the proxy of a pod is told here. */
  originsOf(because: Because, podKey: string): readonly VersionedOrigin[] {
    const [rule, key] = this.#ruleOf(because, podKey);
    const origins = this.#graph.origins(rule, key) ?? [];
    return this.versioned(origins.filter(({ pointer }) => because.pointers.includes(pointer)));
  }

  /** The origins whose objects there are, each once, with the version that is in force. */
  versioned(origins: readonly Origin[]): VersionedOrigin[] {
    const unique = new Map(
      origins.map(origin => [`${origin.object.kind} ${keyOf(origin.object)} ${origin.rule}`, origin]),
    );
    return [...unique.values()].flatMap(origin => {
      const entry = entryOf(this.snapshot, origin.object.kind as Kind, keyOf(origin.object));
      return entry === undefined ? [] : [{ ...origin, resourceVersion: entry.validVersion ?? entry.resourceVersion }];
    });
  }

  #ruleOf({ node, key }: Because, podKey: string): [rule: Rule<Fragment | null>, key: string] {
    if (node === 'service') return [service, key];
    if (node === 'inbound') return [inbound, podKey];
    if (node === 'settings') return [settings, ''];
    return [node === 'access' ? access : outbound, accountOf(this, podKey)];
  }
}

/** The same mesh with every pod enrolled. */
function everybodyEnrolled(snapshot: MeshSnapshot): MeshSnapshot {
  const events: EnrolledEvent[] = [];
  eachEntry(snapshot, 'Pod', (key, { object }) => {
    if (object !== undefined)
      events.push({ type: 'enrolled', key, uid: object.uid, revision: snapshot.revision, at: 0 });
  });
  return fold(snapshot, events);
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
