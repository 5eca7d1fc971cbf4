/** Answers: the representation that the client accepts, written as JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject, KubeObject } from './objects.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import { type Subject, statusOf } from './status.ts';
import { type IncludeObject, metadataOf, tableOf } from './table.ts';

/** How objects are shown: as they are, as table rows, or their metadata alone. */
export type View = 'object' | 'table' | 'metadata';

/** The first acceptable of the list in `Accept`; what asks for protobuf only gets JSON, as its clients fall back. */
export function viewOf(request: IncomingMessage): View {
  for (const choice of (request.headers.accept ?? '').split(',')) {
    const [type = '', ...parameters] = choice.split(';').map(part => part.trim());
    if (type !== 'application/json' && type !== '*/*') continue;
    const as = parameters.find(parameter => parameter.startsWith('as='))?.slice(3);
    const modern = parameters.includes('v=v1') && parameters.includes('g=meta.k8s.io');
    if (as === undefined) return 'object';
    if (as === 'Table' && modern) return 'table';
    if (as.startsWith('PartialObjectMetadata') && modern) return 'metadata';
  }
  return 'object';
}

/** Writes a JSON answer, unless the client has gone. */
export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(`${text}\n`);
}

/** Writes an error as a Status. Once an answer has begun, it can only be cut off. */
export function sendFailure(
  response: ServerResponse,
  error: unknown,
  about: Subject | undefined,
  headers: Record<string, string> = {},
): void {
  const status = statusOf(error, about);
  if (response.headersSent) response.destroy();
  else sendJson(response, status.code, status, headers);
}

/** The object in the version that was asked for. Versions differ in name only. */
export function inVersion(object: KubeObject, resource: Resource): KubeObject {
  const apiVersion = apiVersionOf(resource);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

export interface Format {
  readonly view: View;
  readonly resource: Resource;
  readonly include: IncludeObject;
  readonly nowMs: number;
}

/** What a request wants to see of a resource's objects. */
export function formatOf(request: IncomingMessage, resource: Resource, query: URLSearchParams, nowMs: number): Format {
  const asked = query.get('includeObject');
  const include = asked === 'None' || asked === 'Object' ? asked : 'Metadata';
  return { view: viewOf(request), resource, include, nowMs };
}

/** One object in a view. */
export function showObject(object: KubeObject, { view, resource, include, nowMs }: Format): JsonObject {
  const shown = inVersion(object, resource);
  if (view === 'metadata') return metadataOf(shown);
  if (view === 'object') return shown;
  return tableOf(resource, [shown], { resourceVersion: shown.metadata.resourceVersion }, include, nowMs);
}

/** A list in a view; `metadata` is the list's: resourceVersion, continue, remainingItemCount. */
export function showList(objects: readonly KubeObject[], metadata: JsonObject, format: Format): JsonObject {
  const { view, resource, include, nowMs } = format;
  const items = objects.map(object => inVersion(object, resource));
  if (view === 'table') return tableOf(resource, items, metadata, include, nowMs);
  if (view === 'metadata') {
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: items.map(metadataOf) };
  }
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items };
}
