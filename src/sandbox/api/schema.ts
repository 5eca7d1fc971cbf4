/**
 * Structural schemas of CustomResourceDefinitions: validation with the causes that the real server lists, and
 * defaults. Understood: type, required, enum, bounds, pattern, items, properties, additionalProperties, nullable,
 * int-or-string and allOf/anyOf/oneOf/not. CEL rules and formats are not evaluated, and nothing is pruned.
 */
import { draftOf, isObject, type JsonObject, jsonEqual } from './objects.ts';
import type { Cause } from './status.ts';

/** At most this many causes are listed. */
const maxCauses = 50;

type Report = (reason: Cause['reason'], message: string) => void;

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasType(value: unknown, schema: JsonObject): boolean {
  const actual = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) return actual === 'integer' || actual === 'string';
  const wanted = schema.type;
  return typeof wanted !== 'string' || actual === wanted || (wanted === 'number' && actual === 'integer');
}

function checkNumber(value: number, schema: JsonObject, report: Report) {
  const { minimum, maximum } = schema;
  const below = typeof minimum === 'number' && (schema.exclusiveMinimum ? value <= minimum : value < minimum);
  const above = typeof maximum === 'number' && (schema.exclusiveMaximum ? value >= maximum : value > maximum);
  if (below) report('FieldValueInvalid', `should be greater than or equal to ${minimum}`);
  if (above) report('FieldValueInvalid', `should be less than or equal to ${maximum}`);
}

function checkString(value: string, schema: JsonObject, report: Report) {
  const { minLength, maxLength, pattern } = schema;
  const length = [...value].length;
  if (typeof minLength === 'number' && length < minLength)
    report('FieldValueInvalid', `should be at least ${minLength} chars long`);
  if (typeof maxLength === 'number' && length > maxLength)
    report('FieldValueInvalid', `may not be longer than ${maxLength}`);
  if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) {
    report('FieldValueInvalid', `should match '${pattern}'`);
  }
}

function checkArray(value: readonly unknown[], schema: JsonObject, path: string, causes: Cause[], report: Report) {
  const { minItems, maxItems, items } = schema;
  if (typeof minItems === 'number' && value.length < minItems)
    report('FieldValueInvalid', `should have at least ${minItems} items`);
  if (typeof maxItems === 'number' && value.length > maxItems)
    report('FieldValueInvalid', `must have at most ${maxItems} items`);
  if (isObject(items)) value.forEach((item, i) => void check(item, items, `${path}[${i}]`, causes));
}

const join = (path: string, field: string) => (path === '' ? field : `${path}.${field}`);

function checkObject(value: JsonObject, schema: JsonObject, path: string, causes: Cause[]) {
  for (const field of Array.isArray(schema.required) ? schema.required : []) {
    if (Object.hasOwn(value, field)) continue;
    causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: join(path, field) });
  }
  const properties = isObject(schema.properties) ? schema.properties : {};
  for (const [field, child] of Object.entries(value)) {
    const own = Object.hasOwn(properties, field) ? properties[field] : schema.additionalProperties;
    if (isObject(own)) check(child, own, join(path, field), causes);
  }
}

const matches = (value: unknown, schema: unknown) => !isObject(schema) || check(value, schema, '', []).length === 0;

function checkCombinations(value: unknown, schema: JsonObject, path: string, causes: Cause[], report: Report) {
  const { allOf, anyOf, oneOf, not } = schema;
  if (Array.isArray(allOf)) for (const one of allOf) if (isObject(one)) check(value, one, path, causes);
  if (Array.isArray(anyOf) && !anyOf.some(one => matches(value, one))) {
    report('FieldValueInvalid', 'must validate at least one schema (anyOf)');
  }
  if (Array.isArray(oneOf) && oneOf.filter(one => matches(value, one)).length !== 1) {
    report('FieldValueInvalid', 'must validate one and only one schema (oneOf)');
  }
  if (isObject(not) && matches(value, not)) report('FieldValueInvalid', 'must not validate the schema (not)');
}

function check(value: unknown, schema: JsonObject, path: string, causes: Cause[]): Cause[] {
  if (causes.length >= maxCauses || (value === null && schema.nullable === true)) return causes;
  const report: Report = (reason, detail) => {
    causes.push({ reason, message: `Invalid value: ${JSON.stringify(value)}: ${detail}`, field: path });
  };
  if (!hasType(value, schema)) {
    report('FieldValueTypeInvalid', `must be of type ${schema.type ?? 'integer or string'}: "${typeOf(value)}"`);
    return causes;
  }
  if (Array.isArray(schema.enum) && !schema.enum.some(one => jsonEqual(one, value))) {
    const supported = schema.enum.map(one => JSON.stringify(one)).join(', ');
    const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
    causes.push({ reason: 'FieldValueNotSupported', message, field: path });
  }
  if (typeof value === 'number') checkNumber(value, schema, report);
  else if (typeof value === 'string') checkString(value, schema, report);
  else if (Array.isArray(value)) checkArray(value, schema, path, causes, report);
  else if (isObject(value)) checkObject(value, schema, path, causes);
  checkCombinations(value, schema, path, causes, report);
  return causes;
}

/** What is wrong with a value, at most 50 causes, in the order of its fields; empty when it is valid. */
export function validate(value: unknown, schema: Readonly<JsonObject>): readonly Cause[] {
  return check(value, schema, '', []).slice(0, maxCauses);
}

/** Fills in the schema's `default`s, in place, where a field is absent. */
export function applyDefaults(value: unknown, schema: unknown): void {
  if (!isObject(schema)) return;
  if (Array.isArray(value)) {
    for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  const properties = isObject(schema.properties) ? schema.properties : {};
  for (const [field, child] of Object.entries(properties)) {
    if (!Object.hasOwn(value, field) && isObject(child) && child.default !== undefined)
      value[field] = draftOf(child.default);
  }
  for (const [field, child] of Object.entries(value)) {
    applyDefaults(child, Object.hasOwn(properties, field) ? properties[field] : schema.additionalProperties);
  }
}
