/** What page and table are both made of: a run, experiment by experiment, and what not to trust in it. */
import type { Estimate, Experiment, Machine, Result, Round, RowSummary } from '../model.ts';
import { again, noiseOf, type Ratios } from '../statistics.ts';
import { times, whole } from './format.ts';
import { kindOf } from './style.ts';

/** An experiment with all that was measured of it. */
export interface Part {
  readonly experiment: Experiment;
  readonly baseline: string;
  readonly rows: readonly RowSummary[];
  readonly rounds: readonly Round[];
  readonly noise: Ratios | null;
  /** Colour class of a target, the same all over the page. */
  kind(target: string): string;
}

/** The parts of a result, in the order of its suite. */
export function partsOf({ suite, summary, rounds }: Result): Part[] {
  const names = [...new Set(suite.experiments.flatMap(({ targets }) => targets))].filter(name => name !== again.target);
  const kind = (target: string) =>
    target === again.target ? `${kindOf(Math.max(0, names.indexOf(again.of)))} again` : kindOf(names.indexOf(target));
  return suite.experiments.map(experiment => ({
    experiment,
    baseline: experiment.targets[0] ?? '',
    rows: summary.filter(row => row.experiment === experiment.name),
    rounds: rounds.filter(round => round.experiment === experiment.name),
    noise: noiseOf(experiment.name, rounds),
    kind,
  }));
}

/** Why a row is not to be taken at its word; empty when it is. */
export function flagsOf({ rounds, voids, clientBound, wrong }: RowSummary): string[] {
  return [
    ...(rounds === 0 ? ['no round counts'] : []),
    ...(clientBound ? ['client-bound'] : []),
    ...(voids > 0 && rounds > 0 ? [times(voids, 'void round')] : []),
    ...(wrong > 0 ? [`${whole(wrong)} wrong`] : []),
  ];
}

/** Whether a ratio cannot be told from what the machine does by itself; of one round nothing can. */
export function isNoise({ low, high }: Estimate, noise: number, rounds: number): boolean {
  return rounds < 2 || (low <= 1 + noise && high >= 1 - noise);
}

/** Emulation of another processor: its speed is no speed. */
export function isEmulated({ virtualisation }: Machine): boolean {
  return /qemu-user|tcg|emulat/i.test(virtualisation);
}

/** With which priority requests were sent in open loop; null where none were. */
export function senderOf(rounds: readonly Round[]): string | null {
  const timed = rounds.flatMap(({ load }) => (load === null || load.lateness === null ? [] : [load]));
  if (timed.length === 0) return null;
  const kinds = new Set(timed.map(({ urgent }) => urgent));
  if (kinds.size > 1) return 'real-time priority in some rounds, ordinary in others';
  return kinds.has(true) ? 'real-time priority' : 'ordinary priority';
}
