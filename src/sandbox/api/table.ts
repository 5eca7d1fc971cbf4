/** Objects as rows: what `kubectl get` asks for with `as=Table` (`meta/v1` Table). */
import { age, type Printer, plainPrinter, printers } from './columns.ts';
import { isObject, type JsonObject, type KubeObject } from './objects.ts';
import type { Column, Resource } from './resources.ts';

/** `{.a.b}`, `.a['b.c']`, `.items[0].x`, `.conditions[?(@.type=="Ready")].status` and `[*]`: what printer columns use. */
const steps = /\.([\w-]+(?:\\\.[\w-]+)*)|\['([^']+)'\]|\[(\d+|\*)\]|\[\?\(@\.([\w.]+)\s*==\s*["']([^"']*)["']\)\]/gy;

function step(value: unknown, [, field, quoted, index, key = '', wanted]: RegExpExecArray): readonly unknown[] {
  const name = field?.replaceAll('\\.', '.') ?? quoted;
  if (name !== undefined) return isObject(value) && value[name] !== undefined ? [value[name]] : [];
  if (!Array.isArray(value)) return [];
  if (index === '*') return value;
  if (index !== undefined) return value.slice(Number(index), Number(index) + 1);
  return value.filter(item => isObject(item) && String(item[key]) === wanted);
}

/** Values that a simple JSONPath finds in an object; none when it finds nothing or is more than the subset above. */
export function jsonPath(object: unknown, path: string): readonly unknown[] {
  const text = path.replace(/^\{(.*)\}$/, '$1').replace(/^\$/, '');
  let values: readonly unknown[] = [object];
  steps.lastIndex = 0;
  while (steps.lastIndex < text.length) {
    const match = steps.exec(text);
    if (match === null) return [];
    values = values.flatMap(value => step(value, match));
  }
  return values;
}

function cellOf(values: readonly unknown[], column: Column, nowMs: number): unknown {
  const [first] = values;
  if (first === undefined) return column.type === 'date' ? '<unknown>' : null;
  if (column.type === 'date') return age(first, nowMs);
  if (column.type !== 'string') return first;
  return values.map(value => (typeof value === 'string' ? value : JSON.stringify(value))).join(',');
}

function customPrinter(columns: readonly Column[]): Printer {
  const name: Column = { name: 'Name', type: 'string', format: 'name' };
  return {
    columns: [name, ...columns],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...columns.map(column => cellOf(jsonPath(object, column.jsonPath ?? ''), column, nowMs)),
    ],
  };
}

function printerOf(resource: Resource): Printer {
  if (resource.columns) return customPrinter(resource.columns);
  return printers[resource.id] ?? plainPrinter;
}

/** What of the object goes beside the cells. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** An object's metadata alone (`meta/v1` PartialObjectMetadata). */
export const metadataOf = ({ metadata }: KubeObject) => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

/** A Table of objects of one resource; `metadata` is the list's. */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  include: IncludeObject,
  nowMs: number,
): JsonObject {
  const { columns, cells } = printerOf(resource);
  const rowObject = (object: KubeObject) => (include === 'Object' ? object : metadataOf(object));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ jsonPath: _, ...rest }) => ({
      format: '',
      description: '',
      priority: 0,
      ...rest,
    })),
    rows: objects.map(object => ({
      cells: cells(object, nowMs),
      ...(include !== 'None' && { object: rowObject(object) }),
    })),
  };
}
