/** Words for schemas and values, so that a message and the reference page say the same. */
import { longestText, type SchemaNode } from './schema.ts';

/** What a value of this schema is, as a noun: `a whole number from 0 to 1000000`. */
export function expected(node: SchemaNode): string {
  if (node['x-fsm-expects'] !== undefined) return node['x-fsm-expects'];
  if (node.enum !== undefined) return node.enum.length === 1 ? String(node.enum[0]) : `one of ${node.enum.join(', ')}`;
  const types = (typeof node.type === 'string' ? [node.type] : (node.type ?? [])).filter(type => type !== 'null');
  return types.map(type => nouns[type]?.(node) ?? type).join(' or ') || 'a value';
}

const nouns: Readonly<Record<string, (node: SchemaNode) => string>> = {
  integer: node => `a whole number${range(node.minimum, node.maximum)}`,
  number: node => `a number${range(node.minimum, node.maximum)}`,
  boolean: () => 'true or false',
  string: node => (node.pattern !== undefined ? `text like ${node.pattern}` : `text${textLength(node)}`),
  array: node => `a list${length(node.minItems, node.maxItems, 'entry')}`,
  object: () => 'a mapping',
};

function range(from: number | undefined, to: number | undefined): string {
  return `${from === undefined ? '' : ` from ${from}`}${to === undefined ? '' : ` to ${to}`}`;
}

/** The common bound of texts is left unsaid until a text breaks it. */
function textLength({ minLength, maxLength }: SchemaNode): string {
  return length(minLength, maxLength === longestText ? undefined : maxLength, 'character');
}

function length(least: number | undefined, most: number | undefined, unit: 'character' | 'entry'): string {
  const count = (n: number) => `${n} ${n === 1 ? unit : unit === 'entry' ? 'entries' : 'characters'}`;
  if (least !== undefined && least > 0)
    return ` of at least ${count(least)}${most === undefined ? '' : ` and at most ${most}`}`;
  return most === undefined ? '' : ` of at most ${count(most)}`;
}

const shownLength = 60;

/** A value as it stands in a message: at most 60 characters of JSON, and of a collection only its kind. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const json = JSON.stringify(value) ?? typeof value;
  return json.length > shownLength ? `${json.slice(0, shownLength)}…` : json;
}

/** The segments of a JSON pointer (RFC 6901). */
export function segments(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A JSON pointer with one more segment. */
export function below(pointer: string, segment: string | number): string {
  return `${pointer}/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What people call the field at a pointer: `weight`, `sources[1]`, `the object`. */
export function fieldName(pointer: string): string {
  const parts = segments(pointer);
  const last = parts.at(-1);
  if (last === undefined) return 'the object';
  return /^\d+$/.test(last) && parts.length > 1 ? `${parts.at(-2)}[${last}]` : last;
}

/** The value at a JSON pointer; undefined where there is none. */
export function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const segment of segments(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}
