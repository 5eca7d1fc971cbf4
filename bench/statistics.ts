/**
 * What is computed from rounds. A figure is the median over the rounds that count, with the interval of a percentile
 * bootstrap; a ratio is of two rounds of the same number, for these ran beside each other. Equal rounds give equal
 * figures: the bootstrap draws from a seed.
 */
import type { Estimate, Experiment, LoadResult, Round, RowSummary, Suite } from './model.ts';

/** Ratios of one target to another, each the median over pairs of rounds. */
export type Ratios = NonNullable<RowSummary['ratios']>;

/** What a ratio can be of. */
export type Figure = Exclude<keyof Ratios, 'pairs'>;

/** The target that is `direct` a second time: how far it is from `direct` is the noise of the machine. */
export const again = { target: 'direct-again', of: 'direct' } as const;

/** What each measure is run for comes first; the rest of its figures follows. */
export const figuresOf: Readonly<Record<Experiment['measure'], readonly [Figure, ...Figure[]]>> = {
  latency: ['p99', 'p50', 'perSecond'],
  throughput: ['perSecond', 'p50', 'p99'],
};

const resamples = 4000;

/** Nearest rank: the least value that at least this share of the values does not pass. NaN of no values. */
export function quantile(values: readonly number[], share: number): number {
  return ranked(Float64Array.from(values).sort(), share);
}

/** Mean of the middle half of the values (interquartile mean). NaN of no values. */
export function midmean(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const cut = Math.floor(sorted.length / 4);
  const middle = sorted.subarray(cut, sorted.length - cut);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

function ranked(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle. NaN of no values. */
export function median(values: readonly number[]): number {
  return middle(Float64Array.from(values).sort());
}

function middle(sorted: Float64Array): number {
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2;
}

/** Numbers from 0 to 1, without 1: mulberry32. Good enough to draw rounds with; the same seed gives the same numbers. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The median with its 95 % interval, by percentile bootstrap. One value is its own interval. No values give zeros, which
 * a result file can hold as it cannot hold NaN: whoever shows an estimate looks at the number of rounds first.
 *
 * Few values bound what an interval can promise: from the least to the greatest of n it holds the true median with
 * 1 - 2^(1 - n), which is 94 % for 5 and 75 % for 3.
 */
export function estimate(values: readonly number[], seed = 1): Estimate {
  const [only = 0] = values;
  if (values.length < 2) return { value: only, low: only, high: only };
  const next = random(seed);
  const drawn = new Float64Array(values.length);
  const medians = Float64Array.from({ length: resamples }, () => {
    for (let at = 0; at < drawn.length; at++) drawn[at] = values[Math.floor(next() * values.length)] ?? 0;
    return middle(drawn.sort());
  }).sort();
  return { value: median(values), low: ranked(medians, 0.025), high: ranked(medians, 0.975) };
}

/** A round that counts. */
export type Counted = Round & { readonly load: LoadResult };

/** Rounds that are not void and saw an answer: of none there is neither latency nor cost. */
export function isCounted(round: Round): round is Counted {
  return round.void === null && round.load !== null && round.load.answers > 0;
}

/** Why a round is void though its target did nothing wrong. */
const faultOfOthers = /^the sender was late/;

/** Rounds of a target that are void through its own fault: what is left of its rounds shows it better than it is. */
export function failuresOf(rounds: readonly Round[], target: string): readonly Round[] {
  return rounds.filter(each => each.target === target && each.void !== null && !faultOfOthers.test(each.void));
}

/** With how much confidence, in per cent, an interval over so many values holds the true one, at the most; see `estimate`. */
export function confidenceOf(values: number): number {
  return Math.min(95, Math.floor(100 * (1 - 2 ** (1 - values))));
}

const figures: Readonly<Record<Figure, (load: LoadResult) => number>> = {
  perSecond: load => (load.inTime ?? load.answers) / load.seconds,
  p50: load => load.latency.p50Us,
  p99: load => load.latency.p99Us,
};

const isDivisor = (load: LoadResult): boolean => Object.values(figures).every(read => read(load) > 0);

/** Ratios of one target to another in one experiment; null when no two rounds of the same number count. */
export function pairedRatios(
  rounds: readonly Round[],
  experiment: string,
  of: string,
  to: string,
): Required<Ratios> | null {
  const own = rounds.filter(round => round.experiment === experiment).filter(isCounted);
  const others = new Map(own.filter(({ target }) => target === to).map(({ round, load }) => [round, load]));
  const pairs = own.flatMap(({ target, round, load }) => {
    const other = others.get(round);
    return target === of && other !== undefined && isDivisor(other) ? [[load, other] as const] : [];
  });
  if (pairs.length === 0) return null;
  const ratio = (figure: Figure): Estimate => {
    const read = figures[figure];
    return estimate(pairs.map(([a, b]) => read(a) / read(b)));
  };
  return { perSecond: ratio('perSecond'), p50: ratio('p50'), p99: ratio('p99'), pairs: pairs.length };
}

/** `direct-again` to `direct`; null where the experiment has not both. */
export function noiseOf(experiment: string, rounds: readonly Round[]): Ratios | null {
  return pairedRatios(rounds, experiment, again.target, again.of);
}

/** The share by which a figure differs though nothing does: how far from 1 the interval of the noise reaches. Null: not known. */
export function noiseShare(noise: Ratios | null, figure: Figure): number | null {
  if (noise === null) return null;
  return Math.max(Math.abs(noise[figure].low - 1), Math.abs(noise[figure].high - 1));
}

/** One row for each target of each experiment of which there is a round, in the order of the suite. */
export function summarise(suite: Suite, rounds: readonly Round[]): RowSummary[] {
  return suite.experiments.flatMap(experiment =>
    experiment.targets.flatMap(target => {
      const own = rounds.filter(round => round.experiment === experiment.name && round.target === target);
      return own.length === 0 ? [] : [rowOf(experiment, target, own, rounds)];
    }),
  );
}

function rowOf(
  { name, targets }: Experiment,
  target: string,
  own: readonly Round[],
  all: readonly Round[],
): RowSummary {
  const counted = own.filter(isCounted);
  const over = (read: (round: Counted) => number) => estimate(counted.map(read));
  const [baseline = target] = targets;
  return {
    experiment: name,
    target,
    rounds: counted.length,
    voids: own.length - counted.length,
    // One is enough: the target could have done more in it.
    clientBound: counted.some(({ clientBound }) => clientBound),
    wrong: counted.reduce((sum, { load }) => sum + load.wrong + load.broken + load.unanswered, 0),
    perSecond: over(({ load }) => figures.perSecond(load)),
    p50Us: over(({ load }) => figures.p50(load)),
    p99Us: over(({ load }) => figures.p99(load)),
    latenessUs: latenessOf(counted),
    ...costOf(counted),
    ratios: target === baseline ? null : pairedRatios(all, name, target, baseline),
  };
}

function latenessOf(counted: readonly Counted[]): number | null {
  const each = counted.flatMap(({ load }) => load.lateness?.p99Us ?? []);
  return each.length === 0 ? null : Math.max(...each);
}

/** What the target's own processes used; nulls where it has none. */
function costOf(counted: readonly Counted[]): Pick<RowSummary, 'cpuUsPerAnswer' | 'rssMiB' | 'peakMiB'> {
  const paid = counted.filter(({ processes }) => processes.some(({ role }) => role === 'proxy'));
  if (paid.length === 0) return { cpuUsPerAnswer: null, rssMiB: null, peakMiB: null };
  const sum = ({ processes }: Round, field: 'cpuMs' | 'rssMiB' | 'peakMiB') =>
    processes.reduce((total, use) => total + (use.role === 'proxy' ? use[field] : 0), 0);
  return {
    cpuUsPerAnswer: estimate(
      paid.map(round => (sum(round, 'cpuMs') * 1000) / (round.load.inTime ?? round.load.answers)),
    ),
    rssMiB: median(paid.map(round => sum(round, 'rssMiB'))),
    peakMiB: Math.max(...paid.map(round => sum(round, 'peakMiB'))),
  };
}
