/** Names a kind of object in the API: enough to build its paths. */
export interface ResourceInfo {
  readonly kind: string;
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  /** Every version that the mesh can read; tried in this order by a watch where `version` is not served. */
  readonly versions?: readonly string[];
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Path of a resource, of a namespace's objects, or of one object; without a query. */
export function apiPath(resource: ResourceInfo, namespace?: string, name?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const one = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${within}/${resource.plural}${one}`;
}

/** `v1` or `group/version`. */
export function apiVersionOf(resource: Pick<ResourceInfo, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
