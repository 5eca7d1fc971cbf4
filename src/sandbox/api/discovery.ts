/** Discovery: which groups, versions and resources there are, in the old shape and in the aggregated one. */
import type { JsonObject } from './objects.ts';
import type { Resource } from './resources.ts';
import { type Review, reviews } from './reviews.ts';

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const subVerbs = ['get', 'patch', 'update'];

/** One served thing with what lies under it. */
interface Entry {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly Sub[];
}

interface Sub {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
}

function entryOf(resource: Resource): Entry {
  const { group, version, kind } = resource;
  const subresources: Sub[] = [];
  if (resource.status) subresources.push({ name: 'status', verbs: subVerbs, kind: { group, version, kind } });
  if (resource.scale)
    subresources.push({ name: 'scale', verbs: subVerbs, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } });
  if (resource.id === 'pods') subresources.push({ name: 'log', verbs: ['get'], kind: { group, version, kind } });
  if (resource.id === 'serviceaccounts') {
    subresources.push({
      name: 'token',
      verbs: ['create'],
      kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    });
  }
  return { ...resource, verbs: allVerbs, subresources };
}

const reviewEntry = ({ group, version, kind, plural }: Review): Entry => ({
  ...{ group, version, kind, plural, singular: kind.toLowerCase() },
  ...{ namespaced: false, shortNames: [], categories: [], verbs: ['create'], subresources: [] },
});

const entriesOf = (resources: readonly Resource[]) => [...resources.map(entryOf), ...reviews.map(reviewEntry)];

type Groups = ReadonlyMap<string, ReadonlyMap<string, readonly Entry[]>>;

/** Entries by group and version, both in the order of their first entry; versions as the API orders them. */
function grouped(resources: readonly Resource[]): Groups {
  const groups = new Map<string, Map<string, Entry[]>>();
  for (const entry of entriesOf(resources)) {
    const versions = groups.get(entry.group) ?? new Map<string, Entry[]>();
    versions.set(entry.version, [...(versions.get(entry.version) ?? []), entry]);
    groups.set(entry.group, versions);
  }
  const sort = (versions: ReadonlyMap<string, Entry[]>) =>
    new Map([...versions].sort(([a], [b]) => compareVersions(a, b)));
  return new Map([...groups].map(([group, versions]) => [group, sort(versions)]));
}

/** Newer first: v2, v1, v1beta2, v1beta1, v1alpha1, anything else (apimachinery `version.CompareKubeAwareVersionStrings`). */
export function compareVersions(a: string, b: string): number {
  const rank = (text: string) => {
    const [, major = '0', stage = '', minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text) ?? [];
    const stages = { '': 2, beta: 1, alpha: 0 } as const;
    return [stages[stage as keyof typeof stages] ?? 0, Number(major), Number(minor)] as const;
  };
  const [left, right] = [rank(a), rank(b)];
  return right[0] - left[0] || right[1] - left[1] || right[2] - left[2] || (a < b ? -1 : 1);
}

function listEntries(entry: Entry): JsonObject[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = entry;
  const lists = { ...(shortNames.length && { shortNames }), ...(categories.length && { categories }) };
  const own = { name: plural, singularName: singular, namespaced, kind, verbs, ...lists };
  const subs = entry.subresources.map(sub => ({
    ...{ name: `${plural}/${sub.name}`, singularName: '', namespaced, kind: sub.kind.kind, verbs: sub.verbs },
    ...(sub.kind.group !== entry.group && { group: sub.kind.group, version: sub.kind.version }),
  }));
  return [own, ...subs];
}

const groupVersion = (group: string, version: string) => (group === '' ? version : `${group}/${version}`);

/** `/api/v1` and `/apis/<group>/<version>`; undefined when there is nothing. */
export function resourceList(resources: readonly Resource[], group: string, version: string): JsonObject | undefined {
  const entries = grouped(resources).get(group)?.get(version);
  if (!entries) return undefined;
  const head = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion(group, version) };
  return { ...head, resources: entries.flatMap(listEntries) };
}

function groupOf(name: string, versions: ReadonlyMap<string, unknown>): JsonObject {
  const list = [...versions.keys()].map(version => ({ groupVersion: groupVersion(name, version), version }));
  return { name, versions: list, preferredVersion: list[0] };
}

/** `/apis`. */
export function groupList(resources: readonly Resource[]): JsonObject {
  const groups = [...grouped(resources)]
    .filter(([name]) => name !== '')
    .map(([name, versions]) => groupOf(name, versions));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/<group>`; undefined when there is none. */
export function groupDescription(resources: readonly Resource[], name: string): JsonObject | undefined {
  const versions = grouped(resources).get(name);
  return versions && { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, versions) };
}

/** `/api`. */
export const coreVersions: JsonObject = { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };

function aggregatedEntry(entry: Entry): JsonObject {
  const { group, version, kind, plural, singular, namespaced, verbs, shortNames, categories, subresources } = entry;
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    shortNames,
    categories,
    subresources: subresources.map(sub => ({ subresource: sub.name, responseKind: sub.kind, verbs: sub.verbs })),
  };
}

/** `/api` or `/apis` as apidiscovery.k8s.io/v2 has it: everything in one answer. */
export function aggregated(resources: readonly Resource[], core: boolean): JsonObject {
  const items = [...grouped(resources)]
    .filter(([name]) => (name === '') === core)
    .map(([name, versions]) => ({
      metadata: { name, creationTimestamp: null },
      versions: [...versions].map(([version, entries]) => ({
        version,
        freshness: 'Current',
        resources: entries.map(aggregatedEntry),
      })),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

/** The media type of the aggregated answer, when the client accepts it. */
export function acceptsAggregated(accept: string): boolean {
  return accept.split(',').some(choice => /as=APIGroupDiscoveryList/.test(choice) && /v=v2(;|$)/.test(choice.trim()));
}

export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
