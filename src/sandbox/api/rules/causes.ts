/** What can be wrong with a value, in the words of the real API server (apimachinery `util/validation`). */
import { isObject, type JsonObject, jsonEqual, objectAt } from '../objects.ts';
import type { Cause } from '../status.ts';

/** The value is missing. */
export const required = (field: string): Cause => ({
  reason: 'FieldValueRequired',
  message: 'Required value',
  field,
});

/** The value cannot be. */
export const wrong = (field: string, value: unknown, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  field,
});

/** The value may not change, or may not stand there. */
export const forbiddenValue = (field: string, why: string): Cause => ({
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${why}`,
  field,
});

/** The value is there already. */
export const duplicate = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${JSON.stringify(value)}`,
  field,
});

/** The value names something that is not there. */
export const unknownName = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueNotFound',
  message: `Not found: ${JSON.stringify(value)}`,
  field,
});

/** Nothing when a value is absent or one of a few, else the cause. */
export function oneOf(field: string, value: unknown, supported: readonly string[]): readonly Cause[] {
  if (value === undefined || supported.includes(String(value))) return [];
  const all = supported.map(one => JSON.stringify(one)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${all}`;
  return [{ reason: 'FieldValueNotSupported', message, field }];
}

/** The objects of a list. */
export const listOf = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.map(objectAt) : []);

/** Elements whose value (undefined: none) an earlier element has. */
export function duplicates(
  list: readonly JsonObject[],
  keyOf: (element: JsonObject) => unknown,
  fieldOf: (index: number) => string,
): readonly Cause[] {
  return list.flatMap((element, i) => {
    const value = keyOf(element);
    const before = list.slice(0, i).some(one => jsonEqual(keyOf(one), value));
    return value !== undefined && value !== '' && before ? [duplicate(fieldOf(i), value)] : [];
  });
}

const between = (example: string, expression: string) =>
  `(e.g. ${example}, regex used for validation is '${expression}')`;

/** Kinds of names: the expression, the length, the words. */
const names = {
  label: {
    expression: '[a-z0-9]([-a-z0-9]*[a-z0-9])?',
    most: 63,
    words: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`,
    example: `'my-name',  or '123-abc'`,
  },
  subdomain: {
    expression: '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*',
    most: 253,
    words: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
    example: `'example.com'`,
  },
  serviceName: {
    expression: '[a-z]([-a-z0-9]*[a-z0-9])?',
    most: 63,
    words: `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character`,
    example: `'my-name',  or 'abc-123'`,
  },
  portName: {
    expression: '(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?',
    most: 15,
    words: `must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), at least one letter, no two hyphens together`,
    example: `'http'`,
  },
  configKey: {
    expression: '[-._a-zA-Z0-9]+',
    most: 253,
    words: `a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
    example: `'key.name',  or 'KEY_NAME',  or 'key-name'`,
  },
  labelValue: {
    expression: '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?',
    most: 63,
    words: `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    example: `'MyValue',  or 'my_value',  or '12345'`,
  },
  qualified: {
    expression: '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]',
    most: 63,
    words: `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    example: `'MyName',  or 'my.name',  or '123-abc'`,
  },
  variable: {
    expression: '[^=]+',
    most: Number.POSITIVE_INFINITY,
    words: `a valid environment variable name must not contain '='`,
    example: `'MY_NAME'`,
  },
} as const;

/** Why a name is none of its kind; undefined when it is. */
export function whyNot(kind: keyof typeof names, name: string): string | undefined {
  const { expression, most, words, example } = names[kind];
  if (name.length > most) return `must be no more than ${most} characters`;
  if (new RegExp(`^${expression}$`).test(name)) return undefined;
  return `${words} ${between(example, expression)}`;
}

/** Nothing when a value is such a name, else the cause. */
export function named(kind: keyof typeof names, field: string, value: unknown): readonly Cause[] {
  const why = whyNot(kind, String(value));
  return why === undefined ? [] : [wrong(field, value, why)];
}

/** Keys of labels and annotations: a name with, perhaps, a DNS subdomain and a slash before it. */
export function qualifiedName(field: string, key: string): readonly Cause[] {
  const [name = '', prefix, ...more] = key.split('/').reverse();
  if (more.length > 0 || prefix === '')
    return [wrong(field, key, 'a qualified name is a name with an optional DNS subdomain prefix and "/"')];
  const prefixWhy = prefix === undefined ? undefined : whyNot('subdomain', prefix);
  const why = prefixWhy === undefined ? whyNot('qualified', name) : `prefix part ${prefixWhy}`;
  return why === undefined ? [] : [wrong(field, key, why)];
}

/** Nothing when a port number is absent or a port number, else the cause. */
export function portNumber(field: string, value: unknown): readonly Cause[] {
  const valid = Number.isInteger(value) && Number(value) > 0 && Number(value) < 65536;
  return value === undefined || valid ? [] : [wrong(field, value, 'must be between 1 and 65535, inclusive')];
}

/** Whether a value is a map with something in it. */
export const isFilled = (value: unknown): boolean => isObject(value) && Object.keys(value).length > 0;
