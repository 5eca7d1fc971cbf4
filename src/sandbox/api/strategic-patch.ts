/**
 * Strategic merge patch for the built-in kinds (apimachinery `strategicpatch`): a merge patch in which lists of
 * `list-keys.ts` merge by their first key, with the directives `$patch`, `$retainKeys`, `$setElementOrder/…` and
 * `$deleteFromPrimitiveList/…`.
 */

import { isSet, listKeys } from './list-keys.ts';
import { draftOf, isObject, type JsonObject } from './objects.ts';
import { badRequest } from './status.ts';

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

/** Elements named by the order first come in that order; the others keep their place behind what they followed. */
function sortBy<T>(items: readonly T[], order: readonly unknown[], keyOf: (item: unknown) => unknown): T[] {
  const rank = new Map(order.map((item, i) => [keyOf(item), i]));
  let last = -1;
  const placed = items.map((item, i) => {
    last = rank.get(keyOf(item)) ?? last;
    return { item, rank: last, known: rank.has(keyOf(item)), i };
  });
  placed.sort((a, b) => a.rank - b.rank || Number(b.known) - Number(a.known) || a.i - b.i);
  return placed.map(({ item }) => item);
}

function patchElements(current: readonly unknown[], patch: readonly unknown[], key: string, field: string): unknown[] {
  if (patch.some(item => isObject(item) && item.$patch === 'replace')) {
    return patch.filter(item => !(isObject(item) && item.$patch === 'replace')).map(draftOf);
  }
  const items = [...current];
  for (const item of patch) {
    if (!isObject(item) || item[key] === undefined) throw badRequest(`${field}: each element needs ${key}`);
    const at = items.findIndex(one => isObject(one) && one[key] === item[key]);
    if (item.$patch === 'delete') {
      if (at >= 0) items.splice(at, 1);
    } else if (at < 0) items.push(patchObject({}, item, field));
    else items[at] = patchObject(items[at] as JsonObject, item, field);
  }
  return items;
}

function patchList(current: unknown, patch: readonly unknown[], holder: string, field: string): unknown {
  const list = Array.isArray(current) ? current : [];
  const key = listKeys(holder, field)?.[0];
  if (key !== undefined) return patchElements(list, patch, key, field);
  if (isSet(holder, field)) return [...list, ...patch.filter(item => !list.includes(item))];
  return draftOf(patch);
}

function applyDirectives(result: JsonObject, patch: JsonObject, holder: string) {
  for (const [directive, value] of Object.entries(patch)) {
    if (!Array.isArray(value)) continue;
    if (directive.startsWith(deletePrefix)) {
      const field = directive.slice(deletePrefix.length);
      const list = result[field];
      if (Array.isArray(list)) result[field] = list.filter(item => !value.includes(item));
    }
    if (directive.startsWith(orderPrefix)) {
      const field = directive.slice(orderPrefix.length);
      const key = listKeys(holder, field)?.[0];
      const list = result[field];
      if (Array.isArray(list)) result[field] = sortBy(list, value, item => (key && isObject(item) ? item[key] : item));
    }
  }
  const { $retainKeys: retained } = patch;
  if (!Array.isArray(retained)) return;
  for (const field of Object.keys(result)) if (!retained.includes(field)) delete result[field];
}

function patchObject(current: JsonObject, patch: JsonObject, holder: string): JsonObject {
  const fields = Object.entries(patch).filter(([field]) => !field.startsWith('$'));
  if (patch.$patch === 'delete') return {};
  const result: JsonObject = patch.$patch === 'replace' ? {} : { ...current };
  for (const [field, value] of fields) {
    const old = result[field];
    if (value === null) delete result[field];
    else if (Array.isArray(value)) result[field] = patchList(old, value, holder, field);
    else if (isObject(value)) result[field] = patchObject(isObject(old) ? old : {}, value, field);
    else result[field] = value;
  }
  applyDirectives(result, patch, holder);
  return result;
}

/** Merges a patch into an object of a built-in kind; neither argument changes. */
export function strategicPatch(target: unknown, patch: unknown): unknown {
  if (!isObject(target) || !isObject(patch)) throw badRequest('a strategic merge patch is an object');
  return patchObject(target, patch, '');
}
