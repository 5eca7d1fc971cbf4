/** Order for collections whose order means nothing, so that equal meaning is equal data. */
import { canonical, type Json } from '../canonical.ts';

/** By UTF-16 code units, as RFC 8785 sorts: never by locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The members of a set of texts or numbers, each once, in order. */
export function sortedSet<T extends string | number>(values: readonly T[]): T[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
}

/** The members of a set of records, each once, in the order of their canonical bytes. */
export function sortedRecords<T extends object>(records: readonly T[]): T[] {
  const unique = new Map(records.map(record => [canonical(record as unknown as Json), record]));
  return [...unique].sort(([a], [b]) => byText(a, b)).map(([, record]) => record);
}

type Present<T> = { [F in keyof T as undefined extends T[F] ? never : F]: T[F] } & {
  [F in keyof T as undefined extends T[F] ? F : never]?: Exclude<T[F], undefined>;
};

/** The record without the fields that are undefined. */
export function present<T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<T>;
}
