/** `/openapi/v3`: enough for kubectl to validate on the server, to apply and to explain. */
import { createHash } from 'node:crypto';
import { isObject, type JsonObject } from './objects.ts';
import { apiVersionOf, type Resource } from './resources.ts';

const pathOf = (resource: Resource) =>
  resource.group === '' ? `api/${resource.version}` : `apis/${apiVersionOf(resource)}`;

const text = (description: string): JsonObject => ({ type: 'string', description });
const anything = (description: string): JsonObject => ({
  type: 'object',
  description,
  'x-kubernetes-preserve-unknown-fields': true,
});

const common: JsonObject = {
  apiVersion: text('APIVersion defines the versioned schema of this representation of an object.'),
  kind: text('Kind is a string value representing the REST resource this object represents.'),
  metadata: anything('Standard object metadata.'),
};

/** Custom kinds show their own schema; of built-in kinds the sandbox has only the outline. */
function schemaOf(resource: Resource): JsonObject {
  const { group, version, kind } = resource;
  const own = isObject(resource.schema) ? resource.schema : undefined;
  const outline = {
    spec: anything(`What is wanted of the ${kind}.`),
    status: anything(`What was last seen of the ${kind}.`),
  };
  return {
    description: `${kind} as the sandbox serves it; it has no full schema of built-in kinds.`,
    type: 'object',
    ...own,
    properties: { ...common, ...(own ? (own.properties as JsonObject) : outline) },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}

const query = (name: string) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
const json = (schema: JsonObject) => ({ content: { 'application/json': { schema } } });

/** Without strategic merge among the patch types, kubectl computes such patches from the types it has built in. */
function operationsOf(resource: Resource, ref: JsonObject): JsonObject {
  const gvk = { group: resource.group, version: resource.version, kind: resource.kind };
  const head = { 'x-kubernetes-group-version-kind': gvk, responses: { 200: { description: 'OK', ...json(ref) } } };
  const parameters = [query('dryRun'), query('fieldManager'), query('fieldValidation')];
  const body = { requestBody: json(ref), parameters };
  const patch = {
    ...body,
    requestBody: { content: { 'application/merge-patch+json': { schema: { type: 'object' } } } },
  };
  return {
    get: { ...head, 'x-kubernetes-action': 'get' },
    put: { ...head, ...body, 'x-kubernetes-action': 'put' },
    patch: { ...head, ...patch, 'x-kubernetes-action': 'patch' },
    delete: { ...head, parameters: [query('dryRun')], 'x-kubernetes-action': 'delete' },
  };
}

/** The document of one group and version; undefined when there is none. */
export function openApiDocument(resources: readonly Resource[], path: string): JsonObject | undefined {
  const own = resources.filter(resource => pathOf(resource) === path);
  if (own.length === 0) return undefined;
  const nameOf = ({ group, version, kind }: Resource) =>
    [...group.split('.').reverse(), version, kind].filter(Boolean).join('.');
  const schemas = own.map(resource => [nameOf(resource), schemaOf(resource)]);
  const paths = own.map(resource => {
    const inside = resource.namespaced ? 'namespaces/{namespace}/' : '';
    const ref = { $ref: `#/components/schemas/${nameOf(resource)}` };
    return [`/${path}/${inside}${resource.plural}/{name}`, operationsOf(resource, ref)];
  });
  return {
    openapi: '3.0.0',
    info: { title: 'FSM sandbox', version: 'v1' },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

/**
 * `/openapi/v2`: a document of nothing. kubectl reads it for kinds that are not in v3, finds that they are not there
 * either, and goes on to say so; without it a file with one unknown kind would be refused whole.
 */
export const openApiV2: JsonObject = {
  swagger: '2.0',
  info: { title: 'FSM sandbox', version: 'v1' },
  paths: {},
  definitions: {},
};

/** The same as kubectl wants it: gnostic's Document in protobuf, with field 1, `swagger`. */
export const openApiV2Protobuf = {
  type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  body: Buffer.from('\n\x032.0', 'latin1'),
} as const;

/** The index, with a hash per document so that clients may cache them. */
export function openApiIndex(resources: readonly Resource[]): JsonObject {
  const paths = [...new Set(resources.map(pathOf))].map(path => {
    const hash = createHash('sha256')
      .update(JSON.stringify(openApiDocument(resources, path)))
      .digest('hex')
      .slice(0, 32);
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}
