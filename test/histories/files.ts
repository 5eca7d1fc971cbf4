/** The committed histories. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type History, historyText, parseHistory } from '../../src/engine/history.ts';

/** `1` rewrites what each history led to, `record` records all of them anew. */
export const update = process.env.UPDATE_HISTORIES;

/** Names of the committed histories. */
export const recorded = readdirSync(import.meta.dirname).flatMap(file =>
  file.endsWith('.jsonl') ? [file.slice(0, -6)] : [],
);

const fileOf = (name: string): string => join(import.meta.dirname, `${name}.jsonl`);

export function textOf(name: string): string {
  return readFileSync(fileOf(name), 'utf8');
}

export function historyOf(name: string): History {
  return parseHistory(textOf(name));
}

export function write(name: string, history: History): void {
  writeFileSync(fileOf(name), historyText(history));
}
