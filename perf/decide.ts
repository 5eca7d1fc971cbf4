/**
 * Whether a figure got worse. A run is compared with the runs of the baseline on a logarithmic scale, since ratios
 * multiply. It is a regression when it is worse by more than its budget and the noise of single runs does not explain
 * even that it is worse at all, with a confidence of 99 %.
 */
import { type Budgets, budgetOf, type Figure } from './rows.ts';

/** Confidence below which nothing is called a regression. */
export const confidenceMin = 0.99;

/** A row of the baseline: its figure in each of its runs. */
export interface BaselineRow {
  readonly row: string;
  readonly values: readonly number[];
}

/** What is said of one row. */
export interface Verdict {
  readonly row: string;
  readonly baseline: number;
  readonly now: number;
  /** Share by which it is worse; negative when it is better. */
  readonly worse: number;
  /** That it is worse at all, 0 to 1. */
  readonly confidence: number;
  readonly allowed: number;
  /** `unknown`: one of the two has no such row. */
  readonly state: 'same' | 'worse' | 'better' | 'unknown';
}

/** A verdict on every row that the baseline or the run has. */
export function decide(baseline: readonly BaselineRow[], now: readonly Figure[], budgets: Budgets): Verdict[] {
  const names = new Set([...baseline.map(({ row }) => row), ...now.map(({ row }) => row)]);
  return [...names].map(row =>
    verdict(
      row,
      baseline.find(each => each.row === row)?.values ?? [],
      now.find(each => each.row === row)?.value,
      budgets,
    ),
  );
}

function verdict(row: string, values: readonly number[], now: number | undefined, budgets: Budgets): Verdict {
  const { better, allowed, noise } = budgetOf(budgets, row);
  const usable = now !== undefined && Number.isFinite(now) && values.length > 0;
  if (!usable)
    return { row, baseline: values[0] ?? 0, now: now ?? 0, worse: 0, confidence: 0, allowed, state: 'unknown' };
  const logs = values.map(value => Math.log(Math.max(value, tiny)));
  const middle = mean(logs);
  const difference = Math.log(Math.max(now, tiny)) - middle;
  const change = better === 'lower' ? difference : -difference;
  const error = Math.max(noise, deviation(logs, middle)) * Math.sqrt(1 + 1 / values.length);
  const confidence = normal(change / error);
  const worse = Math.exp(change) - 1;
  const isSure = confidence >= confidenceMin;
  const state =
    worse > allowed && isSure ? 'worse' : worse < -allowed && confidence <= 1 - confidenceMin ? 'better' : 'same';
  return { row, baseline: Math.exp(middle), now, worse, confidence, allowed, state };
}

/** Counts of nothing are compared too: nothing to something is worse without end. */
const tiny = 1e-9;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[], middle: number): number {
  if (values.length < 2) return 0;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** Measures once more when something is worse: chance seldom strikes the same row twice. */
export async function confirmed(look: () => Promise<Verdict[]>): Promise<Verdict[]> {
  const first = await look();
  const suspects = first.filter(({ state }) => state === 'worse').map(({ row }) => row);
  if (suspects.length === 0) return first;
  process.stderr.write(`worse at first sight: ${suspects.join('; ')}. Once more, to be sure.\n`);
  const second = await look();
  return second.map(verdict =>
    verdict.state === 'worse' && !suspects.includes(verdict.row) ? { ...verdict, state: 'same' as const } : verdict,
  );
}

/** The normal distribution's share below z (Abramowitz and Stegun 26.2.17; error under 1e-7). */
export function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const above = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
  return z >= 0 ? 1 - above : above;
}
