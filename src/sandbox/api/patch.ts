/** JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902). Neither changes its arguments. */
import { draftOf, isObject, type JsonObject, jsonEqual } from './objects.ts';
import { ApiFailure, badRequest } from './status.ts';

/** Most operations in one JSON patch, as in the real server. */
const maxOperations = 10_000;

/** RFC 7396: null removes, objects merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return draftOf(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

const failed = (why: string) =>
  new ApiFailure(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`);

function pointer(text: unknown): string[] {
  if (text === '') return [];
  if (typeof text !== 'string' || !text.startsWith('/'))
    throw badRequest(`not a JSON pointer: ${JSON.stringify(text)}`);
  return text
    .slice(1)
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function indexIn(list: readonly unknown[], key: string, end: number): number {
  const index = key === '-' ? list.length : Number(key);
  if (!Number.isInteger(index) || index < 0 || index > end) throw failed(`index out of bounds: ${key}`);
  return index;
}

function read(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value[indexIn(value, key, value.length - 1)];
    if (isObject(value) && Object.hasOwn(value, key)) return value[key];
    throw failed(`path does not exist: /${path.join('/')}`);
  }, root);
}

/** Replaces the container at a path's parent by a changed copy. */
function withParent(
  root: unknown,
  path: readonly string[],
  change: (parent: JsonObject | unknown[], key: string) => void,
): unknown {
  const copy = draftOf(root);
  const parent = read(copy, path.slice(0, -1));
  if (!isObject(parent) && !Array.isArray(parent)) throw failed(`no container at /${path.slice(0, -1).join('/')}`);
  change(parent, path.at(-1) ?? '');
  return copy;
}

function add(root: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value;
  return withParent(root, path, (parent, key) => {
    if (Array.isArray(parent)) parent.splice(indexIn(parent, key, parent.length), 0, value);
    else parent[key] = value;
  });
}

function remove(root: unknown, path: readonly string[]): unknown {
  read(root, path);
  return withParent(root, path, (parent, key) => {
    if (Array.isArray(parent)) parent.splice(indexIn(parent, key, parent.length - 1), 1);
    else delete parent[key];
  });
}

function replace(root: unknown, path: readonly string[], value: unknown): unknown {
  read(root, path);
  if (path.length === 0) return value;
  return withParent(root, path, (parent, key) => {
    if (Array.isArray(parent)) parent[indexIn(parent, key, parent.length - 1)] = value;
    else parent[key] = value;
  });
}

function operate(root: unknown, { op, path: to, from, value }: JsonObject): unknown {
  const path = pointer(to);
  switch (op) {
    case 'add':
      return add(root, path, value);
    case 'remove':
      return remove(root, path);
    case 'replace':
      return replace(root, path, value);
    case 'copy':
      return add(root, path, draftOf(read(root, pointer(from))));
    case 'move':
      return add(remove(root, pointer(from)), path, read(root, pointer(from)));
    case 'test':
      if (jsonEqual(read(root, path), value)) return root;
      throw failed(`testing value ${String(to)} failed`);
    default:
      throw badRequest(`unknown JSON patch operation ${JSON.stringify(op)}`);
  }
}

/** RFC 6902; a failing operation is an `ApiFailure` and nothing is changed. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch) || !patch.every(isObject)) throw badRequest('a JSON patch is an array of operations');
  if (patch.length > maxOperations)
    throw new ApiFailure(413, 'RequestEntityTooLarge', `at most ${maxOperations} operations`);
  return patch.reduce<unknown>((root, operation) => operate(root, operation), target);
}
