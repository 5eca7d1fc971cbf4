/** What is true at the API server at every moment, and what a mesh without any delay would make of it. */

import { canonical, type Json } from '../../src/engine/canonical.ts';
import type { AnyNode, Fragment } from '../../src/engine/config.ts';
import { Deriver } from '../../src/engine/deriver.ts';
import { fold } from '../../src/engine/fold.ts';
import { type Kind, kinds, type MeshEvent, type MeshSnapshot } from '../../src/engine/model.ts';
import { normalise } from '../../src/engine/normalise.ts';
import { emptySnapshot, entryOf, proxyUid } from '../../src/engine/snapshot.ts';
import { keyOfObject } from '../../src/kube/object.ts';
import type { Change, Cluster } from './cluster.ts';
import { trust } from './control-plane.ts';
import type { VirtualTime } from './time.ts';

/** An endpoint as a proxy may hold it: `backend address:port principal`. */
export type EndpointName = string;

/** The meaning of an object that is not there. */
const absent = 'null';

/** Every meaning that an object had, one after the other; epoch 0 is before it was there. */
interface Meanings {
  /** resourceVersion → epoch. */
  readonly epochs: Map<number, number>;
  readonly byEpoch: string[];
}

/** Follows every write at the moment in which it happens. */
export class Truth {
  readonly #time: VirtualTime;
  readonly #nodes = new Map<string, AnyNode>();
  readonly #deriver: Deriver;
  #snapshot: MeshSnapshot = fold(emptySnapshot(), [
    { type: 'rootChanged', revision: 1, at: 0, ...trust, roots: [...trust.roots] },
  ]);
  /** pod key → uid and endpoints that its proxy should know; null when the pod takes no part. */
  readonly #endpoints = new Map<string, Set<EndpointName> | null>();
  /** `pod uid endpoint` → since when it should not be known any more. */
  readonly #goneSince = new Map<string, number>();
  readonly #meanings = new Map<string, Meanings>();

  constructor(cluster: Cluster, time: VirtualTime) {
    this.#time = time;
    this.#deriver = new Deriver(this.#snapshot, fragment => void this.#nodes.set(fragment.hash, fragment.node));
    cluster.onChange(change => this.#follow(change));
  }

  /** Counts the changes of an object's meaning up to one of its versions, a deletion among them; 0 before the first. */
  epochOf(kind: Kind, key: string, revision: number): number | undefined {
    return this.#meanings.get(`${kind} ${key}`)?.epochs.get(revision);
  }

  /**
   * Whether an object had the meaning that it had at epoch `now` at epoch `since` or later, too: what comes back to an
   * earlier meaning is not news, so nobody who was away can tell the two. Without `now` it was not there; `id` is
   * `<kind> <key>`.
   */
  meantTheSame(id: string, now: number | undefined, since: number): boolean {
    const meanings = this.#meanings.get(id)?.byEpoch ?? [];
    const meaning = now === undefined ? absent : meanings[now];
    return meanings.slice(since).includes(meaning ?? absent);
  }

  /** Since when a proxy should not know an endpoint; undefined when it should, or when its pod takes no part. */
  goneSince(podKey: string, uid: string, endpoint: EndpointName): number | undefined {
    const known = this.#endpoints.get(podKey);
    if (known === undefined || known === null || known.has(endpoint)) return undefined;
    return this.#goneSince.get(`${uid} ${endpoint}`);
  }

  #follow(change: Change): void {
    const object = change.type === 'DELETED' ? null : normalise(change.kind, change.object);
    this.#count(change, canonical(object as unknown as Json));
    const events = this.#eventsOf(change);
    this.#snapshot = fold(this.#snapshot, events);
    const { roots } = this.#deriver.update(this.#snapshot, events);
    for (const [podKey, root] of roots) this.#renew(podKey, root);
  }

  #count({ kind, key, revision }: Change, meaning: string): void {
    const id = `${kind} ${key}`;
    const known = this.#meanings.get(id) ?? { epochs: new Map<number, number>(), byEpoch: [absent] };
    this.#meanings.set(id, known);
    if (meaning !== known.byEpoch.at(-1)) known.byEpoch.push(meaning);
    known.epochs.set(revision, known.byEpoch.length - 1);
  }

  #eventsOf({ type, kind, key, object }: Change): MeshEvent[] {
    const base = { revision: this.#snapshot.revision + 1, at: 0 };
    const { resourceVersion, uid } = object.metadata;
    if (type === 'DELETED') return [{ ...base, type: 'deleted', kind, key, resourceVersion }];
    const events: MeshEvent[] = [
      { ...base, type: 'applied', kind, key, resourceVersion, object: normalise(kind, object) },
    ];
    if (kind === 'Pod') events.push({ revision: base.revision + 1, at: 0, type: 'enrolled', key, uid: String(uid) });
    return events;
  }

  #renew(podKey: string, root: Fragment | null): void {
    const before = this.#endpoints.get(podKey);
    if (root === null) return void this.#endpoints.set(podKey, null);
    const now = this.#endpointsUnder(root.hash);
    const uid = proxyUid(this.#snapshot, podKey);
    this.#endpoints.set(podKey, now);
    for (const endpoint of before ?? [])
      if (!now.has(endpoint)) this.#goneSince.set(`${uid} ${endpoint}`, this.#time.nowMs);
    for (const endpoint of now) this.#goneSince.delete(`${uid} ${endpoint}`);
  }

  #endpointsUnder(root: string): Set<EndpointName> {
    const found = new Set<EndpointName>();
    const visit = (hash: string, ref: string): void => {
      const node = this.#nodes.get(hash);
      if (node?.kind === 'endpoints')
        for (const { address, port, principal } of node.data.endpoints)
          found.add(`${ref} ${address}:${port} ${principal}`);
      for (const [name, child] of Object.entries(node?.refs ?? {})) visit(child, name);
    };
    visit(root, '');
    return found;
  }
}

/**
 * The snapshot of a replica that has just seen the whole cluster. Of an object that is invalid now the last valid version
 * is what this replica happened to see of it.
 */
export function wholeSnapshot(
  cluster: Cluster,
  replica: MeshSnapshot,
  proxies: Readonly<Record<string, string>>,
): MeshSnapshot {
  const events: MeshEvent[] = [];
  const at = 0;
  for (const kind of kinds)
    for (const object of cluster.all(kind)) {
      const [key, { resourceVersion }] = [keyOfObject(object), object.metadata];
      const now = normalise(kind, object);
      const lastValid = now.ok ? undefined : entryOf(replica, kind, key)?.object;
      const base = { type: 'applied', kind, key, resourceVersion, at } as const;
      if (lastValid !== undefined)
        events.push({ ...base, revision: events.length + 1, object: { ok: true, object: lastValid } } as MeshEvent);
      events.push({ ...base, revision: events.length + 1, object: now });
    }
  events.push({ type: 'rootChanged', revision: events.length + 1, at, ...trust });
  for (const [key, uid] of Object.entries(proxies))
    events.push({ type: 'enrolled', revision: events.length + 1, at, key, uid });
  return fold(emptySnapshot(), events);
}
