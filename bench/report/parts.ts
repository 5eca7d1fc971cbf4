/** What page and table are both made of: a run, experiment by experiment, and what not to trust in it. */
import type { Estimate, Experiment, Machine, Result, Round, RowSummary } from '../model.ts';
import { again, failuresOf, figuresOf, noiseOf, pairedRatios, type Ratios } from '../statistics.ts';
import { targetOf, targetsIn } from '../variants.ts';
import { figureWords, interval, ratio, times, whole } from './format.ts';
import { kindOf } from './style.ts';

/** An experiment with all that was measured of it. */
export interface Part {
  readonly experiment: Experiment;
  readonly baseline: string;
  readonly rows: readonly RowSummary[];
  readonly rounds: readonly Round[];
  /** Null where it was not measured. */
  readonly noise: Ratios | null;
  /** Why there are no ratios, in a sentence; null when there are. */
  readonly lack: string | null;
  /** Colour class of a row, the same all over the page: that of its target, where it is a variant. */
  kind(row: string): string;
}

/** The parts of a result, in the order of its suite. */
export function partsOf(result: Result): Part[] {
  const { suite, summary, rounds } = result;
  const variants = new Map(
    suite.experiments.flatMap(each => each.variants ?? []).map(each => [each.name, each.target]),
  );
  const names = [...targetsIn(suite.experiments)].filter(name => name !== again.target);
  const kind = (row: string) => {
    if (row === again.target) return `${kindOf(Math.max(0, names.indexOf(again.of)))} again`;
    const target = variants.get(row);
    return target === undefined ? kindOf(names.indexOf(row)) : `${kindOf(names.indexOf(target))} variant`;
  };
  return suite.experiments.map(experiment => ({
    experiment,
    baseline: experiment.targets[0] ?? '',
    rows: summary.filter(row => row.experiment === experiment.name),
    rounds: rounds.filter(round => round.experiment === experiment.name),
    noise: noiseOf(experiment.name, rounds),
    lack: lackOf(experiment, result),
    kind,
  }));
}

function lackOf(experiment: Experiment, { summary, skips }: Result): string | null {
  const {
    name,
    targets: [baseline = ''],
  } = experiment;
  const row = summary.find(each => each.experiment === name && each.target === baseline);
  if (row !== undefined && row.rounds > 0) return null;
  const skip = skips.find(({ target }) => target === targetOf(experiment, baseline));
  const known = skip === undefined ? 'has no round' : `was not measured (${skip.why})`;
  return `There are no ratios: the baseline ${baseline} ${row === undefined ? known : 'has no round that counts'}.`;
}

/** Each variant beside the row of its target itself, whose rounds ran beside its own, in sentences without an end. */
export function besidePlain({ experiment, rounds }: Part): string[] {
  const { name: where, measure, variants = [] } = experiment;
  return variants.flatMap(({ name, target }) => {
    const ratios = pairedRatios(rounds, where, name, target);
    if (ratios === null) return [];
    const told = figuresOf[measure].map(figure => {
      const reach = ratios.pairs < 2 ? '' : ` (${interval(ratios[figure], ratio)})`;
      return `${figureWords[figure].name} ${ratio(ratios[figure].value)}${reach}`;
    });
    return [`${name} to ${target}: ${told.join(', ')}`];
  });
}

/** Pairs of rounds that a row's ratios are over; older results do not say, and cannot have more than rounds. */
export function pairsOf({ ratios, rounds }: RowSummary): number {
  return ratios?.pairs ?? rounds;
}

/** Why a row is not to be taken at its word; empty when it is. */
export function flagsOf({ target, rounds, voids, clientBound, wrong }: RowSummary, all: readonly Round[]): string[] {
  const failed = failuresOf(all, target).length;
  return [
    ...(rounds === 0 ? ['no round counts'] : []),
    ...(clientBound ? ['client-bound'] : []),
    ...(failed > 0 ? [`failed in ${times(failed, 'round')}`] : []),
    ...(voids > failed && rounds > 0 ? [times(voids - failed, 'void round')] : []),
    ...(wrong > 0 ? [`${whole(wrong)} wrong`] : []),
  ];
}

/** What is to be said of targets that failed: their figures are of the rounds that they came through. */
export function failuresTold({ rows, rounds }: Part): string[] {
  return rows.flatMap(({ target, rounds: counted }) => {
    const failures = failuresOf(rounds, target);
    if (failures.length === 0) return [];
    const whys = [...new Set(failures.flatMap(each => each.void ?? []))];
    const more = whys.length > 3 ? '; …' : '';
    const left = counted === 0 ? '' : ', and its figures are of the others alone';
    return [`${target} failed in ${times(failures.length, 'round')}${left}: ${whys.slice(0, 3).join('; ')}${more}`];
  });
}

/**
 * Whether a ratio cannot be told from what the machine does by itself; of one pair of rounds nothing can.
 *
 * @param noise null where it was not measured: then the interval alone decides, and whoever shows it says so
 */
export function isNoise({ low, high }: Estimate, noise: number | null, pairs: number): boolean {
  const blur = noise ?? 0;
  return pairs < 2 || (low <= 1 + blur && high >= 1 - blur);
}

/** Emulation of another processor: its speed is no speed. */
export function isEmulated({ virtualisation }: Machine): boolean {
  return /qemu-user|tcg|emulat/i.test(virtualisation);
}

/** Who runs where, in words that say the same of the same layout on other cores; null where a result does not tell. */
export function pinningOf({ pinning }: Machine): string | null {
  if (pinning === undefined) return null;
  if (pinning === null) return 'nothing is pinned';
  const { load, app, proxy } = pinning;
  const own = `the proxy has ${coresIn(proxy)} of its own`;
  if (load === app) return `load and app share a core, ${own}`;
  const each =
    coresIn(load) === coresIn(app)
      ? 'load and app have a core each'
      : `the load has ${coresIn(load)}, the app ${coresIn(app)}`;
  return `${each}, ${own}`;
}

function coresIn(list: string): string {
  const width = list.split(',').length;
  return width === 1 ? 'a core' : `${width} cores`;
}

/** With which priority requests were sent in open loop; null where none were. */
export function senderOf(rounds: readonly Round[]): string | null {
  const timed = rounds.flatMap(({ load }) => (load === null || load.lateness === null ? [] : [load]));
  if (timed.length === 0) return null;
  const kinds = new Set(timed.map(({ urgent }) => urgent));
  if (kinds.size > 1) return 'real-time priority in some rounds, ordinary in others';
  return kinds.has(true) ? 'real-time priority' : 'ordinary priority';
}
