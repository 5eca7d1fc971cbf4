/** From an HTTP request to what it asks of which resource. */
import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import type { Catalog } from './catalog.ts';
import { isObject, type JsonObject } from './objects.ts';
import { decodeProtobuf } from './protobuf.ts';
import type { Resource } from './resources.ts';
import { ApiFailure, badRequest, notInSandbox } from './status.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request for a resource, as an authoriser sees it. */
export interface ResourceRequest {
  readonly verb: Verb;
  readonly resource: Resource;
  /** `status`, `scale`, `log`, `token`, … or empty. */
  readonly subresource: string;
  /** Empty: cluster-scoped, or all namespaces. */
  readonly namespace: string;
  /** Empty for collections. */
  readonly name: string;
  readonly query: URLSearchParams;
}

interface Place {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`the path has a part that is not percent-encoded UTF-8: ${part}`);
  }
}

/** `/api/v1/…` and `/apis/<group>/<version>/…` as the API conventions have it; undefined for other paths. */
export function placeOf(path: string): Place | undefined {
  const parts = path.split('/').filter(Boolean).map(decode);
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : (parts.shift() ?? '');
  const version = parts.shift();
  if (version === undefined || parts.length === 0) return undefined;
  const [first = '', second = '', third, fourth = '', ...rest] = parts;
  const inside = first === 'namespaces' && third !== undefined && third !== 'status' && third !== 'finalize';
  const place = inside
    ? { plural: third, namespace: second, name: fourth, subresource: rest.join('/') }
    : { plural: first, namespace: '', name: second, subresource: [third, fourth, ...rest].filter(Boolean).join('/') };
  return { group, version, ...place };
}

const collectionVerbs: Readonly<Record<string, Verb>> = { GET: 'list', POST: 'create', DELETE: 'deletecollection' };
const objectVerbs: Readonly<Record<string, Verb>> = {
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function verbOf(method: string, place: Place, query: URLSearchParams): Verb {
  const watching = method === 'GET' && ['true', '1'].includes(query.get('watch') ?? '');
  if (watching && place.name === '') return 'watch';
  const posts = method === 'POST' && place.subresource !== '';
  const verb = posts ? 'create' : (place.name === '' ? collectionVerbs : objectVerbs)[method];
  if (verb === undefined) throw notInSandbox(405, `${method} on ${place.plural}`);
  return verb;
}

/** What a request asks for; an unknown resource is a 404, an impossible method a 405. */
export function resourceRequest(catalog: Catalog, method: string, url: URL): ResourceRequest {
  const place = placeOf(url.pathname);
  if (place === undefined) throw notInSandbox(404, url.pathname);
  const resource = catalog.find(place.group, place.version, place.plural);
  if (resource === undefined)
    throw notInSandbox(404, `the resource ${[place.plural, place.group].filter(Boolean).join('.')} ${place.version}`);
  const { namespace, name, subresource } = place;
  if (resource.namespaced && namespace === '' && name !== '')
    throw notInSandbox(404, `${url.pathname} without a namespace`);
  return {
    verb: verbOf(method, place, url.searchParams),
    resource,
    subresource,
    namespace,
    name,
    query: url.searchParams,
  };
}

/** The media type without its parameters, in lower case. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
}

async function bytesOf(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > limitBytes) throw new ApiFailure(413, 'RequestEntityTooLarge', `limit is ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** 3 MiB, the limit of the real server for a request. */
const bodyLimitBytes = 3 * 1024 * 1024;

/** The body from JSON, YAML or protobuf; undefined when there is none. Other media types are 415. */
export async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const type = mediaType(request);
  const bytes = await bytesOf(request, bodyLimitBytes);
  if (bytes.length === 0) return undefined;
  if (type === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(bytes);
  if (!/(json|yaml)$/.test(type)) throw notInSandbox(415, `the media type ${type}`);
  try {
    const text = bytes.toString('utf8');
    return type.endsWith('yaml') ? parse(text) : JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** The body where it has to be one object. */
export async function objectBodyOf(request: IncomingMessage): Promise<JsonObject> {
  const body = await bodyOf(request);
  if (!isObject(body)) throw badRequest('the body is not an object');
  return body;
}
