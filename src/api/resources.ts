/** Every kind that the mesh watches: where it is in the Kubernetes API, what people call it, and its schema. */
import type { TSchema } from 'typebox';
import { EndpointSlice, Namespace, Pod, Service, ServiceAccount } from './kubernetes.ts';
import { MeshConfig } from './mesh-config.ts';
import { TrafficTarget } from './smi-access.ts';
import { HTTPRouteGroup, TCPRoute } from './smi-specs.ts';
import { TrafficSplit, TrafficSplitV1alpha2 } from './smi-split.ts';

/** The schema of each kind in the version that the mesh watches. */
export const schemas = {
  Namespace,
  Pod,
  Service,
  EndpointSlice,
  ServiceAccount,
  MeshConfig,
  TrafficTarget,
  HTTPRouteGroup,
  TCPRoute,
  TrafficSplit,
} satisfies Record<string, TSchema>;

export type ResourceKind = keyof typeof schemas;

export interface Resource {
  readonly kind: ResourceKind;
  /** API group; empty for core kinds. */
  readonly group: string;
  /** The version that is stored and watched. */
  readonly version: string;
  /** Every version that is served, the watched one first. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** The mesh writes conditions into the status subresource. */
  readonly status: boolean;
  /** A kind of ours or of SMI's: the chart brings its CRD. */
  readonly custom: boolean;
  readonly schema: TSchema;
  /** Versions whose shape differs from `schema`. */
  readonly otherSchemas: Readonly<Record<string, TSchema>>;
}

type Row = Pick<Resource, 'group' | 'versions' | 'plural' | 'shortNames'> & Partial<Resource>;

function resource(kind: ResourceKind, row: Row): Resource {
  const common = { namespaced: true, status: row.custom === true, custom: false, otherSchemas: {} };
  return {
    kind,
    singular: kind.toLowerCase(),
    version: row.versions[0] ?? '',
    schema: schemas[kind],
    ...common,
    ...row,
  };
}

const core = (plural: string, shortNames: string[]) => ({ group: '', versions: ['v1'], plural, shortNames });
const custom = (group: string, versions: string[], plural: string, shortNames: string[]) => ({
  group,
  versions,
  plural,
  shortNames,
  custom: true,
});

/** In the order in which they are listed to people. */
export const resources: readonly Resource[] = [
  resource('Namespace', { ...core('namespaces', ['ns']), namespaced: false }),
  resource('Pod', core('pods', ['po'])),
  resource('Service', core('services', ['svc'])),
  resource('EndpointSlice', {
    group: 'discovery.k8s.io',
    versions: ['v1'],
    plural: 'endpointslices',
    shortNames: [],
  }),
  resource('ServiceAccount', core('serviceaccounts', ['sa'])),
  resource(
    'MeshConfig',
    custom('config.flomesh.io', ['v1alpha3', 'v1alpha2', 'v1alpha1'], 'meshconfigs', ['meshconfig']),
  ),
  resource('TrafficTarget', custom('access.smi-spec.io', ['v1alpha3'], 'traffictargets', ['tt'])),
  resource('HTTPRouteGroup', custom('specs.smi-spec.io', ['v1alpha4'], 'httproutegroups', ['htr'])),
  resource('TCPRoute', custom('specs.smi-spec.io', ['v1alpha4'], 'tcproutes', ['tr'])),
  resource('TrafficSplit', {
    ...custom('split.smi-spec.io', ['v1alpha4', 'v1alpha2'], 'trafficsplits', ['ts']),
    otherSchemas: { v1alpha2: TrafficSplitV1alpha2 },
  }),
];

const byKind = new Map<string, Resource>(resources.map(each => [each.kind, each]));

export function resourceOf(kind: ResourceKind): Resource;
/** The resource of a kind; undefined for a kind that the mesh does not watch. */
export function resourceOf(kind: string): Resource | undefined;
export function resourceOf(kind: string): Resource | undefined {
  return byKind.get(kind);
}

/** The resource that a person means by `kind`, plural, singular or short name, in any case. */
export function resourceNamed(name: string): Resource | undefined {
  const wanted = name.toLowerCase();
  return resources.find(({ plural, singular, shortNames }) => [plural, singular, ...shortNames].includes(wanted));
}

/** `group/version`, or the bare version for core kinds. */
export function apiVersionOf(resource: Pick<Resource, 'group' | 'version'>, version = resource.version): string {
  return resource.group === '' ? version : `${resource.group}/${version}`;
}

/** What a path is made of. */
export type PathOf = Pick<Resource, 'group' | 'version' | 'plural' | 'namespaced'>;

/**
 * Path in the Kubernetes API: `/api/v1/pods`, `/apis/split.smi-spec.io/v1alpha4/namespaces/x/trafficsplits/y`.
 * Without a namespace the collection of the whole cluster.
 */
export function apiPath(resource: PathOf, namespace?: string, name?: string): string {
  const root = `${resource.group === '' ? '/api' : '/apis'}/${apiVersionOf(resource)}`;
  const within = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${resource.plural}${name ? `/${encodeURIComponent(name)}` : ''}`;
}
