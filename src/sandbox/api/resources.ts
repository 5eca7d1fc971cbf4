/** The resources that the sandbox serves without being told: the built-in kinds of docs/sandbox.md. */

/** A column of `kubectl get` (`meta/v1` TableColumnDefinition), with the JSONPath of its value for custom kinds. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath?: string;
}

/** One version of one resource. Versions of a resource share their objects: `id` is what they are stored under. */
export interface Resource {
  /** `plural` or `plural.group`, as kubectl writes it. */
  readonly id: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Has `/status`, so the main path leaves the status alone. */
  readonly status: boolean;
  readonly scale: boolean;
  /** `metadata.generation` counts changes of what is neither metadata nor status. */
  readonly generation: boolean;
  /** Of custom resources: columns and schema of this version. */
  readonly columns?: readonly Column[];
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly custom: boolean;
}

/** `v1` or `group/version`. */
export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

type Builtin = Partial<Resource> & Pick<Resource, 'kind' | 'plural'>;

function builtin(group: string, version: string, given: Builtin): Resource {
  return {
    id: group === '' ? given.plural : `${given.plural}.${group}`,
    group,
    version,
    singular: given.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    status: false,
    scale: false,
    generation: false,
    custom: false,
    ...given,
  };
}

/** Every built-in resource, in the order of discovery. */
export const builtins: readonly Resource[] = [
  builtin('', 'v1', { kind: 'Namespace', plural: 'namespaces', shortNames: ['ns'], namespaced: false, status: true }),
  builtin('', 'v1', {
    kind: 'Pod',
    plural: 'pods',
    shortNames: ['po'],
    categories: ['all'],
    status: true,
    generation: true,
  }),
  builtin('', 'v1', { kind: 'Service', plural: 'services', shortNames: ['svc'], categories: ['all'], status: true }),
  builtin('', 'v1', { kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: ['sa'] }),
  builtin('', 'v1', { kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'] }),
  builtin('', 'v1', { kind: 'Secret', plural: 'secrets' }),
  builtin('', 'v1', { kind: 'Event', plural: 'events', shortNames: ['ev'] }),
  builtin('apps', 'v1', {
    kind: 'Deployment',
    plural: 'deployments',
    shortNames: ['deploy'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
  }),
  builtin('discovery.k8s.io', 'v1', { kind: 'EndpointSlice', plural: 'endpointslices', generation: true }),
  builtin('coordination.k8s.io', 'v1', { kind: 'Lease', plural: 'leases' }),
  builtin('apiextensions.k8s.io', 'v1', {
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    status: true,
    generation: true,
  }),
];
