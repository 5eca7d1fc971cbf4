/** What the gate guards: ratios of the data plane to its reference, and counts of the control plane. */
import { readFileSync } from 'node:fs';
import type { Result, Round, RowSummary, Suite } from '../bench/model.ts';
import { median } from '../bench/statistics.ts';
import type { MicroRow } from './micro.ts';

/** A guarded figure of one run. */
export interface Figure {
  readonly row: string;
  readonly value: number;
}

/** How far a kind of figure may get worse before that is a regression, and what noise it has at least. */
export interface Budget {
  /** Which way is good. */
  readonly better: 'lower' | 'higher';
  /** Share by which it may get worse. */
  readonly allowed: number;
  /** Standard deviation of one run, as a share: taken where the baseline's own runs show less. */
  readonly noise: number;
}

/** Last word of a row's name: what kind of figure it is. */
export type FigureKind = 'p50' | 'requests/s' | 'CPU/answer' | 'RSS' | 'allocated' | 'count' | 'work';

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

/** What the duels of a suite are between: every target and the first one of its experiment. */
export function duelsOf({ experiments }: Suite): [reference: string, target: string][] {
  return experiments.flatMap(({ targets: [reference = '', ...targets] }) =>
    targets.map((target): [string, string] => [reference, target]),
  );
}

/** The latency of one request, from the ratios of a duel's starts. */
export function figureOfDuel([reference, target]: readonly [string, string], ratios: readonly number[]): Figure {
  return { row: `http1 ${target} / ${reference}: p50`, value: median(ratios) };
}

/**
 * What a core can do, what an answer costs, and what is resident: of every target, to the first one of its experiment.
 * Requests/s are left out where the load was the limit: they say how fast the load is.
 *
 * @throws Error when rounds are missing or answers were wrong: of such a run nothing can be said
 */
export function figuresOfRun({ summary, suite, rounds }: Result): Figure[] {
  return suite.experiments.flatMap(({ name, protocol, targets: [reference = '', ...targets] }) => {
    const find = (target: string): RowSummary => wholeRow(summary, rounds, suite, name, target);
    const base = find(reference);
    return targets.flatMap(target => {
      const row = find(target);
      const prefix = `${protocol} ${target} / ${reference}`;
      const perSecond = { row: `${prefix}: requests/s`, value: row.ratios?.perSecond.value ?? Number.NaN };
      const cost = (row.cpuUsPerAnswer?.value ?? Number.NaN) / (base.cpuUsPerAnswer?.value ?? Number.NaN);
      return [
        ...(row.clientBound || base.clientBound ? [] : [perSecond]),
        ...(base.cpuUsPerAnswer === null ? [] : [{ row: `${prefix}: CPU/answer`, value: cost }]),
        { row: `${protocol} ${target}: RSS`, value: row.rssMiB ?? Number.NaN },
      ];
    });
  });
}

function wholeRow(
  summary: readonly RowSummary[],
  rounds: readonly Round[],
  suite: Suite,
  experiment: string,
  target: string,
): RowSummary {
  const row = summary.find(each => each.experiment === experiment && each.target === target);
  const flaw = rounds.find(each => each.experiment === experiment && each.target === target && each.void !== null);
  if (row === undefined || row.rounds < suite.rounds)
    throw new Error(
      `${target}: ${row?.rounds ?? 0} of ${suite.rounds} rounds count: ${flaw?.void ?? 'it was not measured'}`,
    );
  if (row.wrong > 0) throw new Error(`${target}: ${row.wrong} answers were not as they should be`);
  return row;
}

/** Counts of the control plane. */
export function figuresOfMicro(rows: readonly MicroRow[]): Figure[] {
  return rows.flatMap(({ name, counts, allocatedBytes, work }) => [
    ...Object.entries(counts).map(([what, value]) => ({ row: `${name}, ${what}: count`, value })),
    { row: `${name}: allocated`, value: allocatedBytes },
    { row: `${name}: work`, value: work },
  ]);
}
