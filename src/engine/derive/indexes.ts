/** The declared indexes: the only way for a rule to find objects whose keys it does not know. */
import type { Kind, Objects } from '../model.ts';
import { keyOf } from '../snapshot.ts';
import { serviceKey } from './names.ts';
import { protocolOf } from './protocols.ts';

interface IndexOf<K extends Kind> {
  readonly kind: K;
  /** Values that an object is found under. */
  readonly values: (object: Objects[K]) => readonly string[];
}

function indexOf<K extends Kind>(kind: K, values: (object: Objects[K]) => readonly string[]): IndexOf<K> {
  return { kind, values };
}

/** Every index: name → kind and the values that an object of it is found under. */
export const indexes = {
  /** by `namespace/service` */
  slicesByService: indexOf('EndpointSlice', slice =>
    slice.service === '' ? [] : [`${slice.namespace}/${slice.service}`],
  ),
  /** by `namespace/pod` */
  slicesByPod: indexOf('EndpointSlice', slice => [
    ...new Set(slice.endpoints.flatMap(endpoint => (endpoint.pod ? [`${slice.namespace}/${endpoint.pod}`] : []))),
  ]),
  /** by `namespace/serviceaccount` */
  podsByServiceAccount: indexOf('Pod', pod => [`${pod.namespace}/${pod.serviceAccount}`]),
  /** by namespace */
  servicesByNamespace: indexOf('Service', service => [service.namespace]),
  /** by namespace; only services with a port where the server speaks first */
  serverFirstServices: indexOf('Service', service =>
    service.ports.some(port => protocolOf(port) === 'tcp-server-first') ? [service.namespace] : [],
  ),
  /** by mesh name; only enrolled namespaces */
  namespacesByMesh: indexOf('Namespace', namespace => (namespace.mesh && !namespace.ignored ? [namespace.mesh] : [])),
  /** by `namespace/service` of the apex */
  splitsByApex: indexOf('TrafficSplit', split => [serviceKey(split.service, split.namespace)]),
  /** by `namespace/service` of each backend */
  splitsByBackend: indexOf('TrafficSplit', split => [
    ...new Set(split.backends.map(backend => serviceKey(backend.service, split.namespace))),
  ]),
  /** by `namespace/serviceaccount` of the destination */
  targetsByDestination: indexOf('TrafficTarget', target => [keyOf(target.destination)]),
  /** by `namespace/serviceaccount` of each source */
  targetsBySource: indexOf('TrafficTarget', target => [...new Set(target.sources.map(keyOf))]),
} as const;

export type IndexName = keyof typeof indexes;

/** Names of all indexes. */
export const indexNames = Object.keys(indexes) as IndexName[];

/** Indexes of a kind, looked up once. */
const indexesByKind = new Map<Kind, IndexName[]>();
for (const name of indexNames) {
  const { kind } = indexes[name];
  indexesByKind.set(kind, [...(indexesByKind.get(kind) ?? []), name]);
}

/** Not remembered: a value that nothing has any more must leave no trace. */
const none: readonly string[] = [];

/** A bucket whose keys are others now. */
export interface ChangedBucket {
  readonly index: IndexName;
  readonly value: string;
}

/** Buckets of keys for every index, kept up to date object by object. A list that was given out is never changed. */
export class IndexStore {
  readonly #buckets = new Map<IndexName, Map<string, readonly string[]>>(indexNames.map(name => [name, new Map()]));

  get size(): number {
    return [...this.#buckets.values()].reduce((sum, buckets) => sum + buckets.size, 0);
  }

  /** Keys under a value, sorted: never in order of arrival. */
  bucket(index: IndexName, value: string): readonly string[] {
    return this.#buckets.get(index)?.get(value) ?? none;
  }

  /** Moves an object from the values of its old version to those of its new one; returns the buckets that changed. */
  replace<K extends Kind>(
    kind: K,
    key: string,
    before: Objects[K] | undefined,
    after: Objects[K] | undefined,
  ): ChangedBucket[] {
    const changed: ChangedBucket[] = [];
    for (const index of indexesByKind.get(kind) ?? []) {
      const { values } = indexes[index] as unknown as IndexOf<K>;
      const old = new Set(before === undefined ? [] : values(before));
      for (const value of after === undefined ? [] : values(after))
        if (!old.delete(value) && this.#put(index, value, added(this.bucket(index, value), key)))
          changed.push({ index, value });
      for (const value of old)
        if (this.#put(index, value, removed(this.bucket(index, value), key))) changed.push({ index, value });
    }
    return changed;
  }

  /** @returns whether that is another list */
  #put(index: IndexName, value: string, keys: readonly string[]): boolean {
    const buckets = this.#buckets.get(index);
    if (buckets === undefined || keys === this.bucket(index, value)) return false;
    if (keys.length === 0) buckets.delete(value);
    else buckets.set(value, keys);
    return true;
  }
}

/** Where a key stands in a sorted list, or would. */
function placeOf(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The list itself when the key is in it. */
function added(keys: readonly string[], key: string): readonly string[] {
  const at = placeOf(keys, key);
  return keys[at] === key ? keys : keys.toSpliced(at, 0, key);
}

/** The list itself when the key is not in it. */
function removed(keys: readonly string[], key: string): readonly string[] {
  const at = placeOf(keys, key);
  return keys[at] === key ? keys.toSpliced(at, 1) : keys;
}
