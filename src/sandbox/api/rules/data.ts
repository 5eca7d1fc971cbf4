/** ConfigMaps and Secrets (kubernetes `pkg/apis/core/validation`), as far as people meet it. */
import { jsonEqual, type KubeObject, objectAt } from '../objects.ts';
import type { Cause } from '../status.ts';
import { duplicate, forbiddenValue, named, required, wrong } from './causes.ts';

/** All values of one object together. */
const sizeMaxBytes = 1024 * 1024;

function checkKeys(object: KubeObject, fields: readonly string[]): readonly Cause[] {
  const keys = fields.flatMap(field => Object.keys(objectAt(object[field])).map(key => ({ field, key })));
  const twice = keys.filter(({ key }, i) => keys.findIndex(one => one.key === key) < i);
  return [
    ...keys.flatMap(({ field, key }) => named('configKey', `${field}[${key}]`, key)),
    ...twice.map(({ field, key }) => duplicate(`${field}[${key}]`, key)),
  ];
}

function checkSize(object: KubeObject, fields: readonly string[]): readonly Cause[] {
  const values = fields.flatMap(field => Object.values(objectAt(object[field])).map(String));
  const sizeBytes = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  if (sizeBytes <= sizeMaxBytes) return [];
  return [{ reason: 'FieldValueTooLong', message: `Too long: may not be more than ${sizeMaxBytes} bytes`, field: '' }];
}

/** What was declared immutable stays so, and as it is. */
function checkImmutable(object: KubeObject, old: KubeObject | undefined, fields: readonly string[]): readonly Cause[] {
  if (old?.immutable !== true) return [];
  const changed = fields.filter(field => !jsonEqual(objectAt(object[field]), objectAt(old[field])));
  const undone = object.immutable === true ? [] : ['immutable'];
  return [...undone, ...changed].map(field => forbiddenValue(field, 'field is immutable when `immutable` is set'));
}

/** A ConfigMap; `old` is what it replaces. */
export function checkConfigMap(object: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const fields = ['data', 'binaryData'];
  return [...checkKeys(object, fields), ...checkSize(object, fields), ...checkImmutable(object, old, fields)];
}

/** What Secrets of a type must have. */
const needs: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

/** A Secret; `old` is what it replaces. */
export function checkSecret(object: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const data = objectAt(object.data);
  const missing = (needs[String(object.type)] ?? []).filter(key => !Object.hasOwn(data, key));
  const changed = old !== undefined && object.type !== old.type;
  return [
    ...checkKeys(object, ['data']),
    ...checkSize(object, ['data']),
    ...missing.map(key => required(`data[${key}]`)),
    ...(changed ? [wrong('type', object.type, 'field is immutable')] : []),
    ...checkImmutable(object, old, ['data']),
  ];
}
