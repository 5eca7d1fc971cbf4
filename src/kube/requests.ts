import type { DeleteOptions, ListPage, ObjectPath, PatchOptions, PatchType, RawRequest } from './client.ts';
import { type RequestSubject, refused } from './errors.ts';
import { isRecord, type KubeObject } from './object.ts';
import { apiPath, apiVersionOf, type ResourceInfo } from './resource.ts';

/** Media types of PATCH: RFC 7386, RFC 6902, strategic merge (built-in kinds only) and server-side apply. */
export const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** A request about one object that exists. */
export function objectRequest(method: RawRequest['method'], resource: ResourceInfo, path: ObjectPath): RawRequest {
  return { method, path: pathOf(resource, path), subject: subjectOf(verbs[method], resource, path) };
}

/** A new object, POSTed to its collection. */
export function createRequest(resource: ResourceInfo, object: KubeObject): RawRequest {
  const { name, namespace } = object.metadata;
  const subject = subjectOf('create', resource, { name, namespace });
  return { method: 'POST', path: apiPath(resource, namespace), body: typed(resource, object), subject };
}

/** The whole of an object, PUT where it is. */
export function replaceRequest(resource: ResourceInfo, object: KubeObject, subresource?: string): RawRequest {
  const { name, namespace } = object.metadata;
  const path = { name, namespace, ...(subresource !== undefined && { subresource }) };
  return { ...objectRequest('PUT', resource, path), body: typed(resource, object) };
}

export function patchRequest(
  resource: ResourceInfo,
  path: ObjectPath,
  type: PatchType,
  body: unknown,
  { fieldManager, force, ...options }: PatchOptions,
): RawRequest {
  const request = objectRequest('PATCH', resource, path);
  // JSON is YAML, so an apply patch is sent as it is.
  return {
    ...request,
    path: request.path + queryString({ fieldManager, force }),
    contentType: patchTypes[type],
    body,
    ...options,
  };
}

/** DeleteOptions of meta/v1 go in the body. */
export function deleteRequest(
  resource: ResourceInfo,
  path: ObjectPath,
  { propagationPolicy, uid, ...options }: DeleteOptions,
): RawRequest {
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    ...(uid !== undefined && { preconditions: { uid } }),
  };
  return { ...objectRequest('DELETE', resource, path), body, ...options };
}

/** `?a=1&b=2`, or '' when every value is undefined. */
export function queryString(values: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query}`;
}

/** @throws KubeError FSM4001 when the answer is not JSON. */
export function parseAnswer(body: string, subject: RequestSubject): unknown {
  try {
    return body === '' ? {} : JSON.parse(body);
  } catch {
    throw refused(subject, 200, { message: `an answer that is not JSON: ${body.slice(0, 100)}` });
  }
}

/** @throws KubeError FSM4001 when the answer is no list. */
export function parsePage(body: string, subject: RequestSubject): ListPage {
  const list = parseAnswer(body, subject);
  if (!isRecord(list) || !Array.isArray(list.items) || !isRecord(list.metadata)) {
    throw refused(subject, 200, { message: 'an answer that is not a list' });
  }
  const { resourceVersion, continue: next } = list.metadata;
  return {
    items: list.items as KubeObject[],
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    ...(typeof next === 'string' && next !== '' && { continue: next }),
  };
}

/** @throws KubeError FSM4001 when the answer is no object. */
export function parseObject(body: string, subject: RequestSubject): KubeObject {
  const object = parseAnswer(body, subject);
  if (isRecord(object) && isRecord(object.metadata)) return object as KubeObject;
  throw refused(subject, 200, { message: 'an answer that is not an object' });
}

const verbs = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;

function pathOf(resource: ResourceInfo, { namespace, name, subresource }: ObjectPath): string {
  return apiPath(resource, namespace, name) + (subresource === undefined ? '' : `/${subresource}`);
}

function subjectOf(verb: string, resource: ResourceInfo, path: ObjectPath): RequestSubject {
  const object = { kind: resource.kind, namespace: path.namespace ?? '', name: path.name };
  const key = object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
  const of = `${resource.kind} ${key}${path.subresource === undefined ? '' : `, its ${path.subresource}`}`;
  return { verb, of, object };
}

/** The server wants kind and apiVersion in every body; objects taken from a list have none. */
function typed(resource: ResourceInfo, object: KubeObject): KubeObject {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}
