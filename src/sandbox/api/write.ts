/** Create, update, patch and delete: from a request's body to a call of the store. */
import type { IncomingMessage } from 'node:http';
import type { Context } from './context.ts';
import { dependentsOf, disown } from './dependents.ts';
import { isObject, type JsonObject, type KubeObject, objectAt } from './objects.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import { bodyOf, mediaType, objectBodyOf, type ResourceRequest } from './request.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import { inVersion } from './respond.ts';
import { repeatedKeys } from './server-apply.ts';
import { ApiFailure, badRequest, invalid, notFound, notInSandbox } from './status.ts';
import type { DeleteOptions } from './store.ts';
import { subjectOf } from './store-checks.ts';
import { strategicPatch } from './strategic-patch.ts';

export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
}

const dryRunOf = (query: URLSearchParams) => query.get('dryRun') === 'All';

const mismatch = (what: string, given: unknown, expected: string) =>
  badRequest(`the ${what} in the data (${given}) does not match the expected ${what} (${expected})`);

const isTextMap = (value: unknown) =>
  value == null || (isObject(value) && Object.values(value).every(one => typeof one === 'string'));

/** Empty maps and lists in metadata are absent, as they are in the Go structs of the real server. */
const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** A body as an object of the requested resource: kind, version, namespace and name have to agree with the path. */
export function objectOf(body: unknown, { resource, namespace, name }: ResourceRequest): KubeObject {
  if (!isObject(body) || !isObject(body.metadata)) throw badRequest('the body is not an object with metadata');
  const apiVersion = apiVersionOf(resource);
  const { kind = resource.kind, apiVersion: given = apiVersion, metadata } = body;
  if (kind !== resource.kind) throw mismatch('kind', kind, resource.kind);
  if (given !== apiVersion) throw mismatch('API version', given, apiVersion);
  if (!isTextMap(metadata.labels) || !isTextMap(metadata.annotations))
    throw badRequest('labels and annotations map strings to strings');
  const place = metadata.namespace || namespace;
  if (resource.namespaced && namespace && place !== namespace) throw mismatch('namespace', place, namespace);
  if (name && metadata.name !== undefined && metadata.name !== name) throw mismatch('name', metadata.name, name);
  const { managedFields: _, selfLink: __, namespace: ___, ...rest } = metadata;
  const known = { ...rest, ...(name && { name }), ...(resource.namespaced && { namespace: place }) };
  const fields = Object.entries(known).filter(([, value]) => value !== null && !isEmpty(value));
  return {
    ...body,
    apiVersion,
    kind: resource.kind,
    metadata: Object.fromEntries(fields) as unknown as KubeObject['metadata'],
  };
}

/** POST on a collection. */
export async function create({ store }: Context, request: ResourceRequest, message: IncomingMessage): Promise<Written> {
  const object = objectOf(await objectBodyOf(message), request);
  return { object: store.create(request.resource, object, { dryRun: dryRunOf(request.query) }), created: true };
}

const updateOptions = ({ query, subresource }: ResourceRequest) => ({
  status: subresource === 'status',
  dryRun: dryRunOf(query),
});

/** PUT on an object or its status. */
export async function update({ store }: Context, request: ResourceRequest, message: IncomingMessage): Promise<Written> {
  const { resource, namespace, name } = request;
  const object = objectOf(await objectBodyOf(message), request);
  return { object: store.update(resource, namespace, name, () => object, updateOptions(request)), created: false };
}

/** Server-side apply: creates what is not there. */
function apply(context: Context, request: ResourceRequest, body: unknown): Written {
  const { store, appliers } = context;
  const { resource, namespace, name, query, subresource } = request;
  const manager = query.get('fieldManager');
  if (!manager)
    throw new ApiFailure(422, 'Invalid', 'PatchOptions is invalid: fieldManager: is required for apply patch');
  if (!isObject(body) || !isObject(body.metadata))
    throw badRequest('an applied configuration is an object with metadata');
  const wanted = objectOf({ ...body, metadata: { ...body.metadata, name } }, request);
  const causes = repeatedKeys(wanted, resource.schema);
  if (causes.length > 0) throw invalid({ group: resource.group, kind: resource.kind, name }, causes);
  const old = store.get(resource.id, namespace, name);
  if (!old && subresource !== '') throw notFound(subjectOf(resource, name));
  const live: JsonObject = old ? inVersion(old, resource) : wanted;
  const who = `${manager}/${subresource}`;
  const { result, remember } = appliers.apply(old?.metadata.uid ?? '', who, live, wanted, resource.schema);
  const next = objectOf(result, request);
  const options = updateOptions(request);
  const object = old
    ? store.update(resource, namespace, name, () => next, options)
    : store.create(resource, next, options);
  if (!options.dryRun) remember(object.metadata.uid ?? '');
  return { object, created: !old };
}

const patchers: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/merge-patch+json': mergePatch,
  'application/json-patch+json': jsonPatch,
  'application/strategic-merge-patch+json': strategicPatch,
};

/** PATCH by media type; strategic merge is for built-in kinds only. */
export async function patch(context: Context, request: ResourceRequest, message: IncomingMessage): Promise<Written> {
  const type = mediaType(message);
  const body = await bodyOf(message);
  if (type === 'application/apply-patch+yaml') return apply(context, request, body);
  const { resource, namespace, name } = request;
  const patcher = patchers[type];
  if (!patcher || (resource.custom && patcher === strategicPatch))
    throw notInSandbox(415, `the patch type ${type} for ${resource.id}`);
  const change = (draft: KubeObject) => objectOf(patcher(inVersion(draft, resource), body), request);
  return { object: context.store.update(resource, namespace, name, change, updateOptions(request)), created: false };
}

/** What a DELETE asks for; `orphan` leaves the dependents alone, every other propagation is in the background. */
interface Deletion extends DeleteOptions {
  readonly orphan: boolean;
}

async function deleteOptions({ query }: ResourceRequest, message: IncomingMessage): Promise<Deletion> {
  const body = objectAt(await bodyOf(message));
  const { uid, resourceVersion } = objectAt(body.preconditions);
  const grace = body.gracePeriodSeconds ?? query.get('gracePeriodSeconds') ?? undefined;
  const dryRun = dryRunOf(query) || (Array.isArray(body.dryRun) && body.dryRun.includes('All'));
  return {
    dryRun,
    orphan: (body.propagationPolicy ?? query.get('propagationPolicy')) === 'Orphan',
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
    gracePeriodSeconds: grace === undefined ? undefined : Number(grace),
  };
}

/** Deletes one object, and lets go of what belongs to it first if that is to stay. */
function deleteOne(
  { store, appliers }: Context,
  resource: Resource,
  { metadata }: KubeObject,
  options: Deletion,
): KubeObject {
  const { namespace = '', name, uid = '' } = metadata;
  if (options.orphan && !options.dryRun) {
    for (const dependent of dependentsOf(store, uid)) disown(store, dependent, uid);
  }
  const object = store.delete(resource, namespace, name, options);
  if (!options.dryRun && !store.get(resource.id, namespace, name)) appliers.forget(uid);
  return object;
}

/** DELETE of one object: a Status when it is gone, the object while something still has to finish. */
export async function remove(
  context: Context,
  request: ResourceRequest,
  message: IncomingMessage,
): Promise<JsonObject> {
  const { resource, namespace, name } = request;
  const options = await deleteOptions(request, message);
  const current = context.store.get(resource.id, namespace, name);
  if (!current) throw notFound(subjectOf(resource, name));
  const object = deleteOne(context, resource, current, options);
  const stays = context.store.get(resource.id, namespace, name) !== undefined;
  if (stays && !options.dryRun) return inVersion(object, resource);
  const details = { ...subjectOf(resource, name), uid: object.metadata.uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

/** DELETE of what a selector finds. */
export async function removeAll(
  context: Context,
  request: ResourceRequest,
  objects: readonly KubeObject[],
  message: IncomingMessage,
): Promise<readonly KubeObject[]> {
  const { resource, namespace } = request;
  const options = await deleteOptions(request, message);
  if (resource.namespaced && namespace === '') throw notInSandbox(405, 'deleting a collection across namespaces');
  return objects.map(object => deleteOne(context, resource, object, options));
}

const scaleOf = (object: KubeObject): JsonObject => {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = Object.entries(objectAt(objectAt(objectAt(object.spec).selector).matchLabels));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: objectAt(object.spec).replicas ?? 0 },
    status: { replicas: objectAt(object.status).replicas ?? 0, selector: labels.map(pair => pair.join('=')).join(',') },
  };
};

/** GET, PUT and PATCH of `/scale` (autoscaling/v1). */
export async function scale(
  { store }: Context,
  request: ResourceRequest,
  message: IncomingMessage,
): Promise<JsonObject> {
  const { resource, namespace, name, verb, query } = request;
  const current = store.get(resource.id, namespace, name);
  if (!current) throw notFound(subjectOf(resource, name));
  if (verb === 'get') return scaleOf(current);
  const body = await bodyOf(message);
  const patcher = verb === 'patch' ? patchers[mediaType(message)] : undefined;
  if (verb === 'patch' && !patcher) throw notInSandbox(415, `the patch type ${mediaType(message)} for scale`);
  const wanted = objectAt(patcher ? patcher(scaleOf(current), body) : body);
  const { replicas } = objectAt(wanted.spec);
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    throw new ApiFailure(422, 'Invalid', `Scale.autoscaling "${name}" is invalid: spec.replicas: must be zero or more`);
  }
  const { resourceVersion } = objectAt(wanted.metadata);
  const change = (draft: KubeObject) => {
    const metadata = { ...draft.metadata, ...(typeof resourceVersion === 'string' && { resourceVersion }) };
    return { ...draft, metadata, spec: { ...objectAt(draft.spec), replicas } };
  };
  return scaleOf(store.update(resource, namespace, name, change, { dryRun: dryRunOf(query) }));
}
