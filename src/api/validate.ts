/** Validation of one object: first its schema, then what a schema cannot say (`rules.ts`). */

import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { below, expected, fieldName, shown, valueAt } from './describe.ts';
import type { ObjectRef, Problem } from './problem.ts';
import { apiVersionOf, type Resource, type ResourceKind, resourceOf } from './resources.ts';
import { type Finding, rulesOf } from './rules.ts';
import type { SchemaNode } from './schema.ts';

/** At most so many problems are told of one object; the rest shows when these are mended. */
const mostProblems = 8;

/**
 * What is wrong with an object, as the Kubernetes API gives it (parsed JSON or YAML). Empty when the mesh can use
 * it. Never throws, whatever the value is. References to other objects are not followed: that needs a snapshot.
 *
 * @param apiVersion `group/version` that the object is written in; the watched version when it is empty.
 */
export function validate(kind: ResourceKind, apiVersion: string, raw: unknown): Problem[] {
  const resource = resourceOf(kind);
  const ref = refOf(resource, raw);
  return findings(resource, apiVersion, raw)
    .slice(0, mostProblems)
    .map(({ code = 'FSM1001', ...finding }) => ({ code, object: ref, ...finding }));
}

function findings(resource: Resource, apiVersion: string, raw: unknown): Finding[] {
  const version = versionOf(resource, apiVersion);
  if (version === undefined) return [unserved(resource, apiVersion)];
  const schema = resource.otherSchemas[version] ?? resource.schema;
  const errors = schemaFindings(resource.kind, schema, raw);
  return errors.length > 0 ? errors : rulesOf(resource.kind, schema as SchemaNode, raw);
}

function versionOf(resource: Resource, apiVersion: string): string | undefined {
  if (apiVersion === '') return resource.version;
  return resource.versions.find(version => apiVersionOf(resource, version) === apiVersion);
}

function unserved(resource: Resource, apiVersion: string): Finding {
  const served = resource.versions.map(version => apiVersionOf(resource, version));
  return {
    path: '/apiVersion',
    what: `apiVersion is ${shown(apiVersion)}`,
    why: `${resource.kind} is served as ${served.join(', ')}`,
    fix: `write ${served[0]}`,
  };
}

const validators = new Map<TSchema, Validator>();

function validatorOf(schema: TSchema): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const made: Validator = Compile(schema);
  validators.set(schema, made);
  return made;
}

function schemaFindings(kind: string, schema: TSchema, raw: unknown): Finding[] {
  const validator = validatorOf(schema);
  if (validator.Check(raw)) return [];
  const found = validator.Errors(raw).flatMap(error => describe(kind, schema as SchemaNode, raw, error));
  return [...new Map(found.toReversed().map(finding => [finding.path, finding])).values()].toReversed();
}

function describe(kind: string, schema: SchemaNode, raw: unknown, error: TLocalizedValidationError): Finding[] {
  const node = nodeAt(schema, error.schemaPath);
  if (error.keyword === 'required')
    return error.params.requiredProperties.map(name => missing(kind, node, error, name));
  const path = error.instancePath;
  const wanted = error.keyword === 'maxLength' ? `text of at most ${error.params.limit} characters` : expected(node);
  return [
    {
      path,
      what: `${fieldName(path)} is ${shown(valueAt(raw, path))}`,
      why: `it has to be ${wanted}`,
      fix: node['x-fsm-fix'] ?? `write ${wanted}`,
    },
  ];
}

function missing(kind: string, node: SchemaNode, error: TLocalizedValidationError, name: string): Finding {
  const field = node.properties?.[name] ?? {};
  const place = error.instancePath === '' ? `a ${kind}` : fieldName(error.instancePath);
  return {
    path: below(error.instancePath, name),
    what: `${name} is missing`,
    why: `${place} needs it: ${field.description ?? name}`.replace(/\.$/, ''),
    fix: `add ${name}, ${expected(field)}`,
  };
}

/** The schema that an error speaks of; its path is a pointer into the schema behind a `#`. */
function nodeAt(schema: SchemaNode, schemaPath: string): SchemaNode {
  const node = valueAt(schema, schemaPath.replace(/^#/, ''));
  return typeof node === 'object' && node !== null ? (node as SchemaNode) : {};
}

/** Who an object is, as far as it says so. */
export function refOf(resource: Resource, raw: unknown): ObjectRef {
  const textAt = (pointer: string) => {
    const value = valueAt(raw, pointer);
    return typeof value === 'string' ? value.slice(0, 253) : '';
  };
  const namespace = resource.namespaced ? textAt('/metadata/namespace') : '';
  return { kind: resource.kind, namespace, name: textAt('/metadata/name') };
}
