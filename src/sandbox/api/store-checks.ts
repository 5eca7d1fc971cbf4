/** What a write has to satisfy before it is stored. */
import { validateDefinition } from './crds.ts';
import type { ChangeLog } from './log.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import { checkBuiltin } from './rules/builtin.ts';
import { checkMetadata, checkName } from './rules/metadata.ts';
import { validate } from './schema.ts';
import { type Cause, conflict, forbidden, invalid, notFound, type Subject } from './status.ts';

/** Where failures point: plural and group. */
export function subjectOf({ group, plural }: Resource, name: string): Subject {
  return { group, kind: plural, name };
}

/** Schema and rules; `old` is what the object replaces. Throws 422. */
export function checkObject(resource: Resource, object: KubeObject, old?: KubeObject): void {
  const causes: readonly Cause[] = [
    ...(old ? [] : checkName(object)),
    ...checkMetadata(object),
    ...(resource.schema ? validate(object, resource.schema) : checkBuiltin(resource, object, old)),
    ...(resource.kind === 'CustomResourceDefinition' ? validateDefinition(object) : []),
  ];
  const { group, kind } = resource;
  if (causes.length > 0) throw invalid({ group, kind, name: object.metadata.name }, causes);
}

/** New objects need a namespace that is there (404) and stays (403). */
export function checkNamespace(log: ChangeLog, resource: Resource, object: KubeObject): void {
  if (!resource.namespaced) return;
  const name = object.metadata.namespace ?? '';
  const namespace = log.get('namespaces', name);
  if (!namespace) throw notFound({ group: '', kind: 'namespaces', name });
  if (!namespace.metadata.deletionTimestamp) return;
  const why = `unable to create new content in namespace ${name} because it is being terminated`;
  throw forbidden(`${resource.id} "${object.metadata.name}" is forbidden: ${why}`);
}

/** Optimistic concurrency: a uid or version that is given has to be the stored one. Throws 409. */
export function checkPreconditions(
  resource: Resource,
  { metadata }: KubeObject,
  uid: string | undefined,
  resourceVersion: string | undefined,
): void {
  const about = subjectOf(resource, metadata.name);
  if (uid && uid !== metadata.uid) {
    throw conflict(about, `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid})`);
  }
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    const why = 'the object has been modified; please apply your changes to the latest version and try again';
    throw conflict(about, why);
  }
}
