/** Baselines, one file for each class of machines and each target: `perf/baselines/<class>.<target>.json`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from '../bench/model.ts';
import type { Figure } from './rows.ts';

/** A row of a baseline: its figure in each of its runs. */
export interface BaselineRow {
  readonly row: string;
  readonly values: readonly number[];
}

/** What later runs are compared with. */
export interface Baseline {
  readonly class: string;
  /** The sidecars that it is of. */
  readonly target: string;
  /** ISO 8601. */
  readonly recordedAt: string;
  /** Why this is the new measure of things. */
  readonly reason: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Cores of each role, as in a result; null where nothing was pinned. */
  readonly pinning: Machine['pinning'];
  /** What is not ours and is measured beside it, in absolute figures: a machine on which they differ is another one. */
  readonly controls: readonly BaselineRow[];
  readonly rows: readonly BaselineRow[];
}

/** By how much a control may differ: more is another machine, or the same one in another hour. */
const controlMax = 0.15;

function pathOf(machineClass: string, target: string): URL {
  return new URL(`./baselines/${machineClass}.${target}.json`, import.meta.url);
}

/** Undefined when none was recorded for machines of this class. */
export function readBaseline(machineClass: string, target: string): Baseline | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(machineClass, target), 'utf8')) as Baseline;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * What is not ours and is another now, in words: a program's version, or who has which cores. What it changes would be taken
 * for a change of ours.
 */
export function otherThan(
  { versions, pinning }: Baseline,
  now: Baseline['versions'],
  nowPinning: Machine['pinning'],
): string | undefined {
  const layouts = [pinning, nowPinning].map(layout => JSON.stringify(layout ?? null));
  if (layouts[0] !== layouts[1]) return `the baseline is of cores ${layouts[0]}, here they are ${layouts[1]}`;
  const name = Object.keys(now).find(each => each !== 'fsm' && now[each] !== versions[each]);
  return name === undefined
    ? undefined
    : `the baseline is of ${name} ${versions[name] ?? 'nothing'}, here is ${now[name]}`;
}

/** Why figures of now cannot be set beside a baseline, in words; undefined when they can. */
export function strangeness({ controls }: Baseline, now: readonly Figure[]): string | undefined {
  for (const { row, values } of controls) {
    const value = now.find(each => each.row === row)?.value ?? Number.NaN;
    const then = Math.exp(values.reduce((sum, each) => sum + Math.log(each), 0) / values.length);
    if (!(Math.abs(Math.log(value / then)) <= Math.log1p(controlMax)))
      return `${row} is ${value.toPrecision(4)} µs and was ${then.toPrecision(4)}, and no change of ours can do that`;
  }
  return undefined;
}

/** A row a line, six digits: a new baseline is read in a diff. @returns its path */
export function writeBaseline({ controls, rows, ...head }: Baseline): string {
  const path = pathOf(head.class, head.target);
  mkdirSync(new URL('.', path), { recursive: true });
  const fields = JSON.stringify(head, null, 2).slice(0, -2);
  writeFileSync(path, `${fields},\n  "controls": ${listOf(controls)},\n  "rows": ${listOf(rows)}\n}\n`);
  return path.pathname;
}

function listOf(rows: readonly BaselineRow[]): string {
  const lines = rows.map(({ row, values }) =>
    JSON.stringify({ row, values: values.map(value => Number(value.toPrecision(6))) }),
  );
  return `[\n    ${lines.join(',\n    ')}\n  ]`;
}
