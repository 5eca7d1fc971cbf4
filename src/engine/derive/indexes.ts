/** The declared indexes: the only way for a rule to find objects whose keys it does not know. */
import type { Kind, Objects } from '../model.ts';
import { keyOf } from '../snapshot.ts';
import { serviceKey } from './names.ts';

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

const indexNames = Object.keys(indexes) as IndexName[];

/** Indexes of a kind, looked up once. */
const indexesByKind = new Map<Kind, IndexName[]>();
for (const name of indexNames) {
  const { kind } = indexes[name];
  indexesByKind.set(kind, [...(indexesByKind.get(kind) ?? []), name]);
}

/** Not remembered: a value that nothing has any more must leave no trace. */
const none: readonly string[] = [];

/** Buckets of keys for every index, kept up to date object by object. */
export class IndexStore {
  readonly #buckets = new Map<string, Set<string>>();
  readonly #sorted = new Map<string, readonly string[]>();

  get size(): number {
    return this.#buckets.size + this.#sorted.size;
  }

  /** Keys under a value, sorted: never in order of arrival. */
  bucket(index: IndexName, value: string): readonly string[] {
    const id = bucketId(index, value);
    const known = this.#sorted.get(id);
    if (known) return known;
    const keys = this.#buckets.get(id);
    if (keys === undefined) return none;
    const sorted = [...keys].sort();
    this.#sorted.set(id, sorted);
    return sorted;
  }

  /** Moves an object from the values of its old version to those of its new one; returns the buckets that changed. */
  replace<K extends Kind>(
    kind: K,
    key: string,
    before: Objects[K] | undefined,
    after: Objects[K] | undefined,
  ): string[] {
    const changed: string[] = [];
    for (const name of indexesByKind.get(kind) ?? []) {
      const { values } = indexes[name] as unknown as IndexOf<K>;
      const old = new Set(before === undefined ? [] : values(before));
      const now = new Set(after === undefined ? [] : values(after));
      for (const value of old) if (!now.has(value)) changed.push(this.#remove(name, value, key));
      for (const value of now) if (!old.has(value)) changed.push(this.#add(name, value, key));
    }
    return changed;
  }

  #add(index: IndexName, value: string, key: string): string {
    const id = bucketId(index, value);
    const keys = this.#buckets.get(id) ?? new Set<string>();
    this.#buckets.set(id, keys.add(key));
    this.#sorted.delete(id);
    return id;
  }

  #remove(index: IndexName, value: string, key: string): string {
    const id = bucketId(index, value);
    const keys = this.#buckets.get(id);
    keys?.delete(key);
    if (keys?.size === 0) this.#buckets.delete(id);
    this.#sorted.delete(id);
    return id;
  }
}

/** How a bucket is named among the inputs of a rule. */
export function bucketId(index: IndexName, value: string): string {
  return `#${index} ${value}`;
}
