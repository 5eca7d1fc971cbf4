/**
 * Server-side apply without ownership conflicts: what a manager applied last is remembered beside the object, and
 * what it no longer says goes, unless another manager says it. Nothing is written to `managedFields`.
 */

import { isSet, listKeys } from './list-keys.ts';
import { draftOf, isObject, type JsonObject, jsonEqual, objectAt } from './objects.ts';
import { duplicate } from './rules/causes.ts';
import type { Cause } from './status.ts';

/** Finds the key fields of a list: built-in kinds by their table, custom ones by their schema. */
interface Shape {
  readonly field: (name: string) => Shape;
  readonly item: () => Shape;
  readonly keys: () => readonly string[] | undefined;
  readonly set: () => boolean;
}

function builtinShape(holder: string, field: string): Shape {
  return {
    field: name => builtinShape(field, name),
    item: () => builtinShape(holder, field),
    keys: () => listKeys(holder, field),
    set: () => isSet(holder, field),
  };
}

function schemaShape(schema: JsonObject): Shape {
  const keys = schema['x-kubernetes-list-map-keys'];
  const type = schema['x-kubernetes-list-type'];
  return {
    field: name => schemaShape(objectAt(objectAt(schema.properties)[name] ?? schema.additionalProperties)),
    item: () => schemaShape(objectAt(schema.items)),
    keys: () => (type === 'map' && Array.isArray(keys) ? keys : undefined),
    set: () => type === 'set',
  };
}

/** `protocol` is the one key field of the built-in kinds that may be left out; its default is TCP. */
const keyField = (item: unknown, key: string) => objectAt(item)[key] ?? (key === 'protocol' ? 'TCP' : null);

const keyFields = (item: unknown, keys: readonly string[]) => JSON.stringify(keys.map(key => keyField(item, key)));

const find = (list: unknown, item: unknown, keys: readonly string[]) =>
  Array.isArray(list) ? list.find(one => keyFields(one, keys) === keyFields(item, keys)) : undefined;

function mergeList(live: unknown, applied: readonly unknown[], shape: Shape): unknown[] {
  const old = Array.isArray(live) ? live : [];
  const keys = shape.keys();
  if (shape.set()) return [...old, ...applied.filter(item => !old.some(one => jsonEqual(one, item)))];
  if (!keys) return draftOf([...applied]);
  const kept = old.map(item => {
    const wanted = find(applied, item, keys);
    return wanted === undefined ? item : merge(item, wanted, shape.item());
  });
  return [...kept, ...draftOf(applied.filter(item => find(old, item, keys) === undefined))];
}

function merge(live: unknown, applied: unknown, shape: Shape): unknown {
  if (Array.isArray(applied)) return mergeList(live, applied, shape);
  if (!isObject(applied)) return applied;
  const result: JsonObject = isObject(live) ? { ...live } : {};
  for (const [name, value] of Object.entries(applied)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value, shape.field(name));
  }
  return result;
}

/** Removes from `live` what `before` said and neither `after` nor any of `others` says. */
function prune(live: unknown, before: unknown, said: readonly unknown[], shape: Shape): unknown {
  if (isObject(live) && isObject(before)) {
    const result = { ...live };
    for (const [name, value] of Object.entries(before)) {
      const still = said.map(one => objectAt(one)[name]).filter(one => one !== undefined);
      if (still.length === 0) delete result[name];
      else if (Object.hasOwn(result, name)) result[name] = prune(result[name], value, still, shape.field(name));
    }
    return result;
  }
  const keys = shape.keys();
  if (!Array.isArray(live) || !Array.isArray(before) || (!keys && !shape.set())) return live;
  return live.flatMap(item => {
    const find_ = (list: unknown) =>
      keys ? find(list, item, keys) : Array.isArray(list) ? list.find(one => jsonEqual(one, item)) : undefined;
    const was = find_(before);
    const still = said.map(find_).filter(one => one !== undefined);
    if (was === undefined) return [item];
    return still.length === 0 ? [] : [prune(item, was, still, shape.item())];
  });
}

/** Elements that share their keys with an earlier one: of what is applied only one of them could stay. */
function repeated(applied: unknown, shape: Shape, path: string): readonly Cause[] {
  if (isObject(applied))
    return Object.entries(applied).flatMap(([name, value]) =>
      repeated(value, shape.field(name), path === '' ? name : `${path}.${name}`),
    );
  if (!Array.isArray(applied)) return [];
  const keys = shape.keys();
  const named = (item: unknown) => Object.fromEntries((keys ?? []).map(key => [key, keyField(item, key)]));
  return applied.flatMap((item, i) => [
    ...(keys && find(applied.slice(0, i), item, keys) !== undefined ? [duplicate(`${path}[${i}]`, named(item))] : []),
    ...repeated(item, shape.item(), `${path}[${i}]`),
  ]);
}

/** What a configuration says twice (`duplicate entries for key` of a real server). */
export function repeatedKeys(configuration: JsonObject, schema?: JsonObject): readonly Cause[] {
  return repeated(configuration, schema ? schemaShape(schema) : builtinShape('', ''), '');
}

const identity = ['apiVersion', 'kind'];

/** What is remembered of a configuration: without what names the object. */
function intentOf(configuration: JsonObject): JsonObject {
  const { name: _, namespace: __, ...metadata } = objectAt(configuration.metadata);
  const rest = Object.entries(configuration).filter(([field]) => !identity.includes(field));
  return { ...Object.fromEntries(rest), metadata };
}

export interface Appliers {
  /** The object after a manager applied a configuration, and the call that remembers it once that is stored. */
  apply(
    uid: string,
    manager: string,
    live: JsonObject,
    wanted: JsonObject,
    schema?: JsonObject,
  ): { result: JsonObject; remember(uid: string): void };
  forget(uid: string): void;
}

/** Remembers who applied what, by uid; in memory only. */
export function createAppliers(): Appliers {
  const intents = new Map<string, Map<string, JsonObject>>();
  return {
    apply(uid, manager, live, wanted, schema) {
      const shape = schema ? schemaShape(schema) : builtinShape('', '');
      const intent = intentOf(wanted);
      const known = intents.get(uid) ?? new Map<string, JsonObject>();
      const others = [...known].filter(([name]) => name !== manager).map(([, one]) => one);
      const pruned = prune(live, known.get(manager) ?? {}, [intent, ...others], shape);
      const result = merge(pruned, intent, shape) as JsonObject;
      const remember = (stored: string) => intents.set(stored, new Map(known).set(manager, intent));
      return { result, remember };
    },
    forget: uid => void intents.delete(uid),
  };
}
