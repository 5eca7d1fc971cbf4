/** What ServiceAccounts may do. The sandbox has no RBAC objects: one function decides. */
import type { ResourceRequest } from './request.ts';
import type { User } from './tokens.ts';

/** True when the user may. The admin is not asked. */
export type Authorize = (user: User, request: ResourceRequest) => boolean;

const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const meshGroups = /(^|\.)(flomesh\.io|smi-spec\.io|openservicemesh\.io)$/;

/** Of what the controller writes: the verbs, by resource id. Bootstrap objects are created, Leases are held. */
const writes: Readonly<Record<string, readonly string[]>> = {
  events: ['create', 'patch', 'update'],
  secrets: ['create', 'update', 'patch'],
  configmaps: ['create', 'update', 'patch'],
  'leases.coordination.k8s.io': ['create', 'update', 'patch'],
};

/**
 * What the FSM controller needs: it reads everything, writes the status of the mesh's kinds, its own bootstrap
 * objects, Leases and Events. Any ServiceAccount called `fsm-controller` is one; nobody else may do anything.
 */
export const controllerOnly: Authorize = (user, { verb, resource, subresource }) => {
  if (!/^system:serviceaccount:[^:]+:fsm-controller$/.test(user.username)) return false;
  if (reads.has(verb)) return true;
  if (meshGroups.test(resource.group)) return subresource === 'status' || verb === 'create' || verb === 'patch';
  return subresource === '' && (writes[resource.id]?.includes(verb) ?? false);
};

/** The message of a 403, as the real server words it. */
export function forbiddenMessage(
  user: User,
  { verb, resource, subresource, namespace, name }: ResourceRequest,
): string {
  const what = `resource "${[resource.plural, subresource].filter(Boolean).join('/')}" in API group "${resource.group}"`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const about = `${resource.id}${name && ` "${name}"`} is forbidden`;
  return `${about}: User "${user.username}" cannot ${verb} ${what} ${where}`;
}
