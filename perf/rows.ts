/** What the gate guards: the data plane beside its reference, and counts of the control plane. */
import { readFileSync } from 'node:fs';
import { median } from '../bench/statistics.ts';
import type { DuelStart, Side } from './duel.ts';
import type { MicroRow } from './micro.ts';

/** A guarded figure of one measurement. */
export interface Figure {
  readonly row: string;
  readonly value: number;
  /** Why nothing can be said of it here, in words. */
  readonly unknown?: string;
}

/** A figure before and now, in every run or start. */
export interface Row {
  readonly row: string;
  readonly before: readonly number[];
  readonly now: readonly number[];
  /** Values of the same number were measured beside each other. */
  readonly paired: boolean;
  /** Why nothing can be said of it here, in words. */
  readonly unknown?: string;
}

/** How far a kind of figure may get worse before that is a regression, and what noise it has at least. */
export interface Budget {
  /** Which way is good. */
  readonly better: 'lower' | 'higher';
  /** Share by which it may get worse. */
  readonly allowed: number;
  /** Standard deviation of one value (of a pair's difference, side by side), as a share: counts as some values more. */
  readonly noise: number;
  /** It is a count of what has to happen: none any more is a regression, whichever way is good. */
  readonly counts?: boolean;
}

/** Last word of a row's name: what kind of figure it is. */
export type FigureKind = 'p50' | 'requests/s' | 'CPU/answer' | 'RSS' | 'idle CPU' | 'allocated' | 'count' | 'work';

/** `perf/budgets.json`. */
export type Budgets = Readonly<Record<FigureKind, Budget>>;

/** The budgets of the project. */
export function loadBudgets(): Budgets {
  return JSON.parse(readFileSync(new URL('./budgets.json', import.meta.url), 'utf8')) as Budgets;
}

/** The budget of a row, by the kind of its figure. @throws Error when the name has no kind */
export function budgetOf(budgets: Budgets, row: string): Budget {
  const budget = budgets[row.slice(row.lastIndexOf(': ') + 2) as FigureKind];
  if (budget === undefined) throw new Error(`there is no budget for "${row}": add its kind to perf/budgets.json`);
  return budget;
}

/** What of a side is guarded, and the kind of figure it is. */
const sideFigures: readonly [FigureKind, keyof Side][] = [
  ['p50', 'p50Us'],
  ['requests/s', 'perSecond'],
  ['CPU/answer', 'cpuUsPerAnswer'],
  ['RSS', 'rssMiB'],
  ['idle CPU', 'idleMsPerSecond'],
];

/** What a target shows by itself, the same beside anything. */
const ownKinds: readonly FigureKind[] = ['RSS', 'idle CPU'];

const noSchedstat = 'no CPU time is counted here: schedstat';

/** Why a figure says nothing about a target; undefined when it does. */
function whyUnknown(kind: FigureKind, values: readonly number[], starts: readonly DuelStart[]): string | undefined {
  if (kind === 'requests/s' && starts.some(({ clientBound }) => clientBound)) return 'load and app were the limit';
  const uncounted = starts.some(({ target }) => target.cpuUsPerAnswer === 0);
  if (kind === 'CPU/answer' && (uncounted || values.some(value => value === 0))) return noSchedstat;
  if (kind === 'idle CPU' && uncounted) return noSchedstat;
  return undefined;
}

function known<T extends object>(figure: T, unknown: string | undefined): T & { readonly unknown?: string } {
  return unknown === undefined ? figure : { ...figure, unknown };
}

/** The same target of two checkouts, in every start. */
export function rowsOfDuel(target: string, starts: readonly DuelStart[]): Row[] {
  return sideFigures.map(([kind, field]) => {
    const before = starts.map(({ reference }) => reference[field]);
    const now = starts.map(({ target: side }) => side[field]);
    return known(
      { row: `http1 ${target}: ${kind}`, before, now, paired: true },
      whyUnknown(kind, [...before, ...now], starts),
    );
  });
}

/** A target to its reference, the middle of all starts; CPU time to a reference without a process is not. */
export function figuresOfDuel([reference, target]: readonly [string, string], starts: readonly DuelStart[]): Figure[] {
  return sideFigures.flatMap(([kind, field]) => {
    const own = starts.map(start => start.target[field]);
    if (ownKinds.includes(kind)) return { row: `http1 ${target}: ${kind}`, value: median(own) };
    const others = starts.map(start => start.reference[field]);
    if (kind === 'CPU/answer' && others.every(value => value === 0)) return [];
    const value = median(own.map((each, at) => each / (others[at] ?? Number.NaN)));
    return known({ row: `http1 ${target} / ${reference}: ${kind}`, value }, whyUnknown(kind, own, starts));
  });
}

/** What the reference itself showed, which no change of the project changes: by that a machine is known again. */
export function controlsOfDuel(reference: string, starts: readonly DuelStart[]): Figure[] {
  return sideFigures
    .filter(([kind]) => kind === 'p50' || kind === 'CPU/answer')
    .map(([kind, field]) => ({
      row: `http1 ${reference}: ${kind}`,
      value: median(starts.map(start => start.reference[field])),
    }))
    .filter(({ value }) => value > 0);
}

/** Counts of the control plane. */
export function figuresOfMicro(rows: readonly MicroRow[]): Figure[] {
  return rows.flatMap(({ name, counts, allocatedBytes, work }) => [
    ...Object.entries(counts).map(([what, value]) => ({ row: `${name}, ${what}: count`, value })),
    { row: `${name}: allocated`, value: allocatedBytes },
    { row: `${name}: work`, value: work },
  ]);
}

/** What was recorded, beside one measurement of now. */
export function beside(recorded: readonly { row: string; values: readonly number[] }[], now: readonly Figure[]): Row[] {
  return rowNames(recorded, now).map(row => {
    const before = recorded.find(each => each.row === row)?.values ?? [];
    const found = now.filter(each => each.row === row);
    return known({ row, before, now: found.map(({ value }) => value), paired: false }, found[0]?.unknown);
  });
}

/** One measurement of each of two trees, by turns. */
export function pairedRows(before: readonly (readonly Figure[])[], now: readonly (readonly Figure[])[]): Row[] {
  const valuesOf = (all: readonly (readonly Figure[])[], row: string): number[] =>
    all.flat().flatMap(each => (each.row === row ? [each.value] : []));
  return rowNames(before.flat(), now.flat()).map(row => ({
    row,
    before: valuesOf(before, row),
    now: valuesOf(now, row),
    paired: true,
  }));
}

function rowNames(...lists: readonly (readonly { readonly row: string }[])[]): string[] {
  return [...new Set(lists.flat().map(({ row }) => row))];
}
