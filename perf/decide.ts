/**
 * Whether a figure got worse. What was is compared with what is on a logarithmic scale, since ratios multiply. It is a
 * regression when it is worse by more than its budget and noise does not explain even that it is worse at all, with a
 * confidence of 99 %.
 *
 * Few values tell their own noise badly. So what the budget says of it counts as `priorValues` more of them, and Student's
 * distribution takes the place of the normal one.
 */
import { type Budgets, budgetOf, type Row } from './rows.ts';

/** Confidence below which nothing is called a regression. */
export const confidenceMin = 0.99;

/** The noise in the budget counts as if it came from so many values more. */
const priorValues = 4;

/** What is said of one row. */
export interface Verdict {
  readonly row: string;
  readonly before: number;
  readonly now: number;
  /** Share by which it is worse; negative when it is better. */
  readonly worse: number;
  /** That it is worse at all, 0 to 1. */
  readonly confidence: number;
  readonly allowed: number;
  /** Share from which it would be called worse: more than is allowed where noise is large. */
  readonly threshold: number;
  /**
   * `new`: it was not there before. `lost`: it was, and now it was not measured or is no number. `unknown`: nothing can be
   * said of it on this machine, for the reason given.
   */
  readonly state: 'same' | 'worse' | 'better' | 'new' | 'lost' | 'unknown';
  readonly reason?: string;
}

/** A verdict on every row. */
export function decide(rows: readonly Row[], budgets: Budgets): Verdict[] {
  return rows.map(row => verdict(row, budgets));
}

function verdict({ row, before, now, paired, unknown: reason }: Row, budgets: Budgets): Verdict {
  const { better, allowed, noise, counts } = budgetOf(budgets, row);
  const logs = [before, now].map(values => values.map(value => Math.log(Math.max(value, tiny))));
  const [then = [], latest = []] = logs;
  const middle = { before: Math.exp(mean(then)), now: Math.exp(mean(latest)) };
  const known = { row, before: middle.before || 0, now: middle.now || 0, allowed };
  const unjudged = { ...known, worse: 0, confidence: 0, threshold: allowed };
  const usable =
    now.length > 0 && [...before, ...now].every(Number.isFinite) && (!paired || now.length === before.length);
  if (reason !== undefined) return { ...unjudged, state: 'unknown', reason };
  if (before.length === 0) return { ...unjudged, state: 'new' };
  if (!usable) return { ...unjudged, state: 'lost' };
  const { difference, error, freedom } = (paired ? pairedChange : change)(then, latest, noise);
  // A count that is nothing now is no gain: what was counted does not happen any more.
  const isGone = counts === true && now.every(value => value === 0) && mean(then) > Math.log(tiny);
  const loss = better === 'lower' && !isGone ? difference : -difference;
  const confidence = student(loss / error, freedom);
  const threshold = Math.max(allowed, Math.expm1(error * surePoint(freedom)));
  const worse = Math.expm1(loss);
  const isBetter = worse < -allowed && confidence <= 1 - confidenceMin;
  const state = worse > threshold ? 'worse' : isBetter ? 'better' : 'same';
  return { ...known, worse, confidence, threshold, state };
}

/** A difference of logarithms, its standard error, and on how many values the error rests. */
interface Change {
  readonly difference: number;
  readonly error: number;
  readonly freedom: number;
}

/** Runs of before and runs of now, which have nothing to do with each other but the noise. */
function change(before: readonly number[], now: readonly number[], noise: number): Change {
  const freedom = priorValues + before.length + now.length - 2;
  const variance = (priorValues * noise ** 2 + squares(before) + squares(now)) / freedom;
  const error = Math.sqrt(variance * (1 / before.length + 1 / now.length));
  return { difference: mean(now) - mean(before), error, freedom };
}

/** What was measured side by side: each pair has a difference of its own. */
function pairedChange(before: readonly number[], now: readonly number[], noise: number): Change {
  const differences = before.map((value, at) => (now[at] ?? Number.NaN) - value);
  const freedom = priorValues + differences.length - 1;
  const variance = (priorValues * noise ** 2 + squares(differences)) / freedom;
  return { difference: mean(differences), error: Math.sqrt(variance / differences.length), freedom };
}

/** Counts of nothing are compared too: nothing to something is worse without end. */
const tiny = 1e-9;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the distances to the mean. */
function squares(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
}

/**
 * Measures once more when something is worse: chance seldom strikes the same row twice. A row that was worse and of which
 * the second look says nothing is lost.
 */
export async function confirmed(look: () => Promise<Verdict[]>, onDoubt: (rows: string[]) => void): Promise<Verdict[]> {
  const first = await look();
  const suspects = first.filter(({ state }) => state === 'worse').map(({ row }) => row);
  if (suspects.length === 0) return first;
  onDoubt(suspects);
  const second = await look();
  const vanished = first.filter(({ row }) => suspects.includes(row) && !second.some(each => each.row === row));
  const again = second.map((verdict): Verdict => {
    const suspect = suspects.includes(verdict.row);
    if (verdict.state === 'worse' && !suspect) return { ...verdict, state: 'same' };
    return suspect && verdict.state === 'unknown' ? { ...verdict, state: 'lost' } : verdict;
  });
  return [...again, ...vanished.map((verdict): Verdict => ({ ...verdict, state: 'lost' }))];
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
