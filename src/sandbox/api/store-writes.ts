/** Create, update and delete, as functions of the store's parts. */
import { randomBytes, randomUUID } from 'node:crypto';
import { defaultBuiltin } from './builtin-defaults.ts';
import type { Catalog } from './catalog.ts';
import { establish, storageVersion } from './crds.ts';
import type { Change, ChangeLog } from './log.ts';
import { draftOf, jsonEqual, type KubeObject, keyOf, type ObjectMeta, objectAt, timestamp } from './objects.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import { checkTypes } from './rules/types.ts';
import { applyDefaults } from './schema.ts';
import { alreadyExists, badRequest, notFound } from './status.ts';
import type { Admit, DeleteOptions, UpdateOptions, WriteOptions } from './store.ts';
import { checkNamespace, checkObject, checkPreconditions, subjectOf } from './store-checks.ts';

export interface Core {
  readonly log: ChangeLog;
  readonly catalog: Catalog;
  readonly admit: Admit;
  readonly now: () => number;
  /** A ClusterIP that is free. */
  readonly assignIp: () => string | undefined;
}

const definitions = 'customresourcedefinitions.apiextensions.k8s.io';

/** Takes a definition into the catalog, or takes it out with all of its objects. */
function define(core: Core, type: Change['type'], crd: KubeObject) {
  const { name } = crd.metadata;
  if (type !== 'DELETED') return core.catalog.define(name, crd);
  for (const object of [...core.log.all(name).values()]) core.log.append(name, 'DELETED', object);
  core.catalog.define(name, undefined);
}

/** Objects of all versions lie in the storage version; there is no conversion. */
function commit(core: Core, resource: Resource, type: Change['type'], object: KubeObject): KubeObject {
  const definition = resource.custom ? core.log.get(definitions, resource.id) : undefined;
  const version = definition ? storageVersion(definition) : resource.version;
  const apiVersion = apiVersionOf({ group: resource.group, version });
  const stored = core.log.append(resource.id, type, { ...object, apiVersion });
  if (resource.id === definitions) define(core, type, stored);
  return stored;
}

/** Defaults, then validation; a definition is established on the way. */
function complete(core: Core, resource: Resource, object: KubeObject, old?: KubeObject) {
  if (resource.schema) applyDefaults(object, resource.schema);
  else {
    checkTypes(object);
    defaultBuiltin(object, core.assignIp);
  }
  checkObject(resource, object, old);
  if (resource.id === definitions) establish(object, core.now());
}

const randomSuffix = () => randomBytes(3).toString('hex').slice(0, 5);

function nameOf({ name, generateName }: ObjectMeta): string {
  if (name) return name;
  if (!generateName) throw badRequest('name or generateName is required');
  return `${generateName}${randomSuffix()}`;
}

/** Stores a new object: 409 when its name is taken, 404 or 403 for its namespace, 422 when it is invalid. */
export function createObject(
  core: Core,
  resource: Resource,
  object: KubeObject,
  { dryRun = false }: WriteOptions = {},
): KubeObject {
  const draft = draftOf(object);
  if (!resource.schema) checkTypes(draft);
  draft.metadata.name = nameOf(draft.metadata);
  const { name, namespace } = draft.metadata;
  checkNamespace(core.log, resource, draft);
  if (core.log.get(resource.id, keyOf(namespace, name))) throw alreadyExists(subjectOf(resource, name));
  if (resource.status) delete draft.status;
  const next = draftOf(core.admit(resource.kind, draft));
  if (resource.kind === 'Namespace') next.spec = { finalizers: ['kubernetes'] };
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...given } = next.metadata;
  const generation = resource.generation && { generation: 1 };
  next.metadata = { ...given, uid: randomUUID(), creationTimestamp: timestamp(core.now()), ...generation };
  complete(core, resource, next);
  return dryRun ? next : commit(core, resource, 'ADDED', next);
}

function required({ log }: Core, resource: Resource, namespace: string, name: string): KubeObject {
  const found = log.get(resource.id, keyOf(namespace, name));
  if (!found) throw notFound(subjectOf(resource, name));
  return found;
}

/** Metadata that an update cannot change. */
const fixed = [
  'name',
  'namespace',
  'generateName',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

function keepIdentity(given: ObjectMeta, current: ObjectMeta): ObjectMeta {
  const free = Object.entries(given).filter(([field]) => !fixed.includes(field as (typeof fixed)[number]));
  const kept = fixed.map(field => [field, current[field]] as const).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(free), ...Object.fromEntries(kept) } as unknown as ObjectMeta;
}

const hasFinalizers = ({ kind, spec, metadata }: KubeObject) => {
  const own = kind === 'Namespace' ? objectAt(spec).finalizers : undefined;
  return Boolean(metadata.finalizers?.length || (Array.isArray(own) && own.length));
};

/** What counts for `metadata.generation`: everything but metadata and status. */
const specOf = ({ metadata: _, status: __, ...rest }: KubeObject) => rest;

/** What is to be stored: the changed object, or the current one with the changed status. */
function mergeUpdate(resource: Resource, current: KubeObject, changed: KubeObject, status: boolean): KubeObject {
  const next: KubeObject = { ...draftOf(status ? current : changed), apiVersion: changed.apiVersion };
  next.metadata = keepIdentity(next.metadata, current.metadata);
  const kept = status || !resource.status ? changed.status : current.status;
  if (kept === undefined) delete next.status;
  else next.status = draftOf(kept);
  if (resource.id === 'services') objectAt(next.spec).clusterIP ??= objectAt(current.spec).clusterIP;
  return next;
}

/** Stores a changed object: 404, 409 when its version is not the stored one, 422. Without a change it writes nothing. */
export function updateObject(
  core: Core,
  resource: Resource,
  namespace: string,
  name: string,
  change: (draft: KubeObject) => KubeObject,
  { status = false, dryRun = false }: UpdateOptions = {},
): KubeObject {
  const current = required(core, resource, namespace, name);
  const changed = change(draftOf(current));
  checkPreconditions(resource, current, changed.metadata.uid, changed.metadata.resourceVersion);
  const next = mergeUpdate(resource, current, changed, status);
  // With a status nothing changes that the rules of built-in kinds look at.
  if (!status || resource.schema || resource.id === definitions) complete(core, resource, next, current);
  next.apiVersion = current.apiVersion;
  if (jsonEqual(next, current)) return current;
  const moved = resource.generation && !jsonEqual(specOf(next), specOf(current));
  if (moved) next.metadata.generation = (current.metadata.generation ?? 0) + 1;
  if (dryRun) return next;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = next.metadata;
  const over = deletionTimestamp && deletionGracePeriodSeconds === 0 && !hasFinalizers(next);
  return commit(core, resource, over ? 'DELETED' : 'MODIFIED', next);
}

/** A bound pod that is not over: its end is the kubelet's to say. */
function isRunning({ kind, spec, status }: KubeObject): boolean {
  const over = ['Failed', 'Succeeded'].includes(String(objectAt(status).phase));
  return kind === 'Pod' && Boolean(objectAt(spec).nodeName) && !over;
}

/** Seconds that a deletion leaves to the kubelet. */
function graceOf(object: KubeObject, wanted: number | undefined): number {
  if (!isRunning(object)) return 0;
  return wanted ?? Number(objectAt(object.spec).terminationGracePeriodSeconds ?? 30);
}

/** Deletes an object, or marks it when finalizers or a kubelet have something to do first. */
export function deleteObject(
  core: Core,
  resource: Resource,
  namespace: string,
  name: string,
  given: DeleteOptions = {},
): KubeObject {
  const current = required(core, resource, namespace, name);
  checkPreconditions(resource, current, given.uid, given.resourceVersion);
  if (given.dryRun) return current;
  const grace = graceOf(current, given.gracePeriodSeconds);
  if (grace === 0 && !hasFinalizers(current)) return commit(core, resource, 'DELETED', current);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = current.metadata;
  if (deletionTimestamp && grace >= deletionGracePeriodSeconds) return current;
  const draft = draftOf(current);
  draft.metadata.deletionTimestamp = timestamp(core.now() + grace * 1000);
  draft.metadata.deletionGracePeriodSeconds = grace;
  if (resource.kind === 'Namespace') draft.status = { ...objectAt(draft.status), phase: 'Terminating' };
  return commit(core, resource, 'MODIFIED', draft);
}
