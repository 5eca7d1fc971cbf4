import type { ProblemError } from '../../api/problem.ts';
import { refused, unreadable } from '../errors.ts';
import { isRecord, isStoredObject, type StoredObject } from '../object.ts';

/** What one line of a watch stream says. */
export type WatchLine =
  | { readonly type: 'applied' | 'deleted'; readonly object: StoredObject }
  | { readonly type: 'bookmark'; readonly resourceVersion: string };

/**
 * Reads a line (WatchEvent, apimachinery meta/v1).
 *
 * @throws ProblemError FSM4003 for what is none, KubeError FSM4001 for an ERROR event.
 */
export function readWatchLine(line: string, kind: string, plural: string): WatchLine {
  const event = parse(line, kind);
  const object = event.object;
  if (event.type === 'ERROR') throw refused({ verb: 'watch', of: plural }, statusOf(object), object);
  if (event.type === 'BOOKMARK') return { type: 'bookmark', resourceVersion: bookmarkOf(object, kind) };
  const type = objectTypes.get(event.type);
  if (type === undefined) throw unreadable(kind, `an event of type ${quote(event.type)}`);
  if (!isStoredObject(object)) throw unreadable(kind, 'an object without name or resourceVersion');
  return { type, object };
}

const objectTypes: ReadonlyMap<unknown, 'applied' | 'deleted'> = new Map([
  ['ADDED', 'applied'],
  ['MODIFIED', 'applied'],
  ['DELETED', 'deleted'],
]);

function parse(line: string, kind: string): Record<string, unknown> {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw unreadable(kind, `${line.length} characters that are not JSON`, error);
  }
  if (isRecord(event)) return event;
  throw unreadable(kind, 'JSON that is not an event');
}

function bookmarkOf(object: unknown, kind: string): string {
  const metadata = isRecord(object) ? object.metadata : undefined;
  const resourceVersion = isRecord(metadata) ? metadata.resourceVersion : undefined;
  if (typeof resourceVersion === 'string' && resourceVersion !== '') return resourceVersion;
  throw unreadable(kind, 'a bookmark without a resourceVersion') satisfies ProblemError;
}

function statusOf(object: unknown): number {
  return isRecord(object) && typeof object.code === 'number' ? object.code : 500;
}

function quote(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 40);
}
