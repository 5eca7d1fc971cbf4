/**
 * Whether a figure got worse. A run is compared with the runs of the baseline on a logarithmic scale, since ratios
 * multiply. It is a regression when it is worse by more than its budget and the noise of single runs does not explain
 * even that it is worse at all, with a confidence of 99 %.
 *
 * Few runs tell their own noise badly. So what the budget says of it counts as `priorRuns` more of them, and Student's
 * distribution takes the place of the normal one.
 */
import { type Budgets, budgetOf, type Figure } from './rows.ts';

/** Confidence below which nothing is called a regression. */
export const confidenceMin = 0.99;

/** The noise in the budget counts as if it came from so many runs more. */
const priorRuns = 4;

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
  /** Share from which it would be called worse: more than is allowed where noise is large. */
  readonly threshold: number;
  /** `new`: the baseline has no such row. `lost`: it has, and now it was not measured or is no number. */
  readonly state: 'same' | 'worse' | 'better' | 'new' | 'lost';
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
  const unknown = {
    row,
    baseline: values[0] ?? 0,
    now: now ?? 0,
    worse: 0,
    confidence: 0,
    allowed,
    threshold: allowed,
  };
  if (!usable) return { ...unknown, state: values.length > 0 ? 'lost' : 'new' };
  const logs = values.map(value => Math.log(Math.max(value, tiny)));
  const middle = mean(logs);
  const difference = Math.log(Math.max(now, tiny)) - middle;
  // A count that is nothing now is no gain: what was counted does not happen any more.
  const isGone = now === 0 && middle > Math.log(tiny);
  const change = better === 'lower' && !isGone ? difference : -difference;
  const freedom = priorRuns + values.length - 1;
  const variance = (priorRuns * noise ** 2 + squares(logs, middle)) / freedom;
  const error = Math.sqrt(variance * (1 + 1 / values.length));
  const confidence = student(change / error, freedom);
  const threshold = Math.max(allowed, Math.expm1(error * surePoint(freedom)));
  const worse = Math.expm1(change);
  const isBetter = worse < -allowed && confidence <= 1 - confidenceMin;
  const state = worse > threshold ? 'worse' : isBetter ? 'better' : 'same';
  return { row, baseline: Math.exp(middle), now, worse, confidence, allowed, threshold, state };
}

/** Counts of nothing are compared too: nothing to something is worse without end. */
const tiny = 1e-9;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function squares(values: readonly number[], middle: number): number {
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
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

/** Share of Student's distribution below t, for whole freedoms (Abramowitz and Stegun 26.7.3 and 26.7.4). */
export function student(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = freedom % 2 === 1;
  let [term, sum] = isOdd ? [cosine, freedom > 1 ? cosine : 0] : [1, 1];
  for (let at = isOdd ? 3 : 2; at < freedom; at += 2) {
    term *= ((at - 1) / at) * cosine ** 2;
    sum += term;
  }
  const within = isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
  return (1 + within) / 2;
}

const surePoints = new Map<number, number>();

/** From which t on one is sure enough. */
function surePoint(freedom: number): number {
  const known = surePoints.get(freedom);
  if (known !== undefined) return known;
  let [low, high] = [0, 50];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (student(middle, freedom) < confidenceMin) low = middle;
    else high = middle;
  }
  surePoints.set(freedom, high);
  return high;
}
