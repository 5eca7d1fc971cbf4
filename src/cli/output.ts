/** How results are written: tables for people, JSON and YAML for programs. */
import { stringify } from 'yaml';
import { foldLines, layTable, widthOf } from './layout.ts';
import { say, write } from './stdout.ts';

export type Format = 'table' | 'wide' | 'name' | 'json' | 'yaml';

/** What programs read: one whole document, whatever happens. */
const documents: ReadonlySet<string> = new Set(['json', 'yaml']);

let expected: Format = 'table';
let isPrinted = false;

/** Columns two spaces apart, as wide as their longest cell and no wider than the terminal; no newline at the end. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return layTable(header, rows, widthOf(process.stdout));
}

/** Prints a value as JSON or YAML, or what `people` makes of it. */
export function print(format: Format, value: unknown, people: () => string): void {
  isPrinted = true;
  if (format === 'json') say(JSON.stringify(value, null, 2));
  else if (format === 'yaml') write(stringify(value));
  else say(foldLines(people(), widthOf(process.stdout)));
}

/** What the command that runs was asked for. */
export function expectFormat(format: Format | undefined): void {
  expected = format ?? 'table';
}

/** The document of a command that failed: a program that asked for JSON or YAML still gets one. */
export function printFailure(value: unknown): void {
  if (documents.has(expected) && !isPrinted) print(expected, value, () => '');
}

/** Time since a moment, in its largest unit or the two largest: `42s`, `3m10s`, `5h`, `12d`. */
export function age(sinceMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
