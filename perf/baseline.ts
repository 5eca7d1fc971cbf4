/** Baselines, one file for each class of machines and each suite: `perf/baselines/<class>.<suite>.json`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { findPipy } from '../src/dataplane/pipy/driver.ts';
import type { BaselineRow } from './decide.ts';

/** What later runs are compared with. */
export interface Baseline {
  readonly class: string;
  readonly suite: string;
  /** ISO 8601. */
  readonly recordedAt: string;
  /** Why this is the new measure of things. */
  readonly reason: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly BaselineRow[];
}

/** The suite that guards the data plane here: Pipy's, or the Node shell's where there is no Pipy. */
export function suiteHere(): string {
  return findPipy() === undefined ? 'gate-node' : 'gate';
}

function pathOf(machineClass: string, suite: string): URL {
  return new URL(`./baselines/${machineClass}.${suite}.json`, import.meta.url);
}

/** Undefined when none was recorded for machines of this class. */
export function readBaseline(machineClass: string, suite: string): Baseline | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(machineClass, suite), 'utf8')) as Baseline;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A row a line, six digits: a new baseline is read in a diff. @returns its path */
export function writeBaseline({ rows, ...head }: Baseline): string {
  const path = pathOf(head.class, head.suite);
  mkdirSync(new URL('.', path), { recursive: true });
  const lines = rows.map(({ row, values }) =>
    JSON.stringify({ row, values: values.map(value => Number(value.toPrecision(6))) }),
  );
  const fields = JSON.stringify(head, null, 2).slice(0, -2);
  writeFileSync(path, `${fields},\n  "rows": [\n    ${lines.join(',\n    ')}\n  ]\n}\n`);
  return path.pathname;
}
