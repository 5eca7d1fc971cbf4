/**
 * Results beside each other: x64 and arm64, a release and the next. Figures of two machines say nothing of each other,
 * so each result is measured by its own baseline, and ratios stand beside ratios. What would mean nothing is refused,
 * with the reason: the whole, an experiment, or a row of it.
 */
import type { Estimate, Experiment, Result, RowSummary } from '../model.ts';
import {
  again,
  type Figure,
  failuresOf,
  figuresOf,
  noiseOf,
  noiseShare,
  pairedRatios,
  type Ratios,
} from '../statistics.ts';
import { targetOf } from '../variants.ts';
import { times } from './format.ts';
import { isEmulated, isNoise, pinningOf, senderOf } from './parts.ts';

/** A result and what to call it. */
export interface Named {
  readonly name: string;
  readonly result: Result;
}

/** Something that is not compared. */
export interface Refusal {
  /** `all`, or the name of an experiment, or of an experiment and a target. */
  readonly what: string;
  readonly why: string;
}

/** How a later result stands to the first: beyond both intervals and the noise of both, or `same`; so is one round. */
export type Verdict = 'better' | 'worse' | 'same';

/** One figure of one target in one result. */
export interface Standing {
  /** Ratio to the baseline in the same result. */
  readonly ratio: Estimate;
  /** Pairs of rounds that it is the median over. */
  readonly pairs: number;
  /** The ratio of this to that of the first result; its interval is as wide as both together. Null for the first. */
  readonly change: Estimate | null;
  readonly verdict: Verdict | null;
}

/** A figure of a target, one standing for each result. */
export interface ComparedRow {
  readonly target: string;
  readonly figure: Figure;
  readonly standings: readonly Standing[];
}

/** An experiment that all results have, with the same parameters. */
export interface Compared {
  readonly experiment: Experiment;
  /** The experiment's own, or the next target that is good in all results where its own is not. */
  readonly baseline: string;
  readonly rows: readonly ComparedRow[];
  /** What one result's row says, where all machines are of one class; else null, and only ratios are shown. */
  readonly absolutes: readonly { readonly target: string; readonly rows: readonly RowSummary[] }[] | null;
}

/** What came of it: nothing was compared when `experiments` is empty, and `refusals` say why. */
export interface Comparison {
  readonly results: readonly Named[];
  readonly experiments: readonly Compared[];
  readonly refusals: readonly Refusal[];
  /** What is to be known of what was compared. */
  readonly remarks: readonly string[];
}

const schema = 'fsm-bench/1';

/** Compares two results or more; the first is what the others are held against. */
export function compare(results: readonly Named[]): Comparison {
  const none = { results, experiments: [], remarks: [] };
  const refusals = refusedWhole(results);
  if (refusals.length > 0) return { ...none, refusals };
  const [first, ...others] = results;
  const shared = (first?.result.suite.experiments ?? []).filter(({ name }) =>
    others.every(other => experimentOf(other, name) !== undefined),
  );
  if (shared.length === 0) return { ...none, refusals: [{ what: 'all', why: nothingShared(results) }] };
  const parts = shared.map(experiment => comparedOf(experiment, results));
  return {
    results,
    experiments: parts.flatMap(({ compared }) => compared ?? []),
    refusals: parts.flatMap(part => part.refusals),
    remarks: [
      ...parts.flatMap(({ remark }) => remark ?? []),
      ...missing(results, shared),
      ...wrongsOf(parts, results),
      ...noiselessOf(parts, results),
      ...remarksOf(results),
    ],
  };
}

function refusedWhole(results: readonly Named[]): Refusal[] {
  if (results.length < 2) return [{ what: 'all', why: 'one result has nothing to stand beside: give two or more' }];
  const apps = otherApps(results);
  if (apps.length > 0) return apps;
  return results.flatMap(({ name, result }) => {
    const found: string = result.schema;
    if (found !== schema)
      return [
        { what: 'all', why: `${name} is of schema ${found}, the others are read as ${schema}: measure it again` },
      ];
    const { machine } = result;
    if (!isEmulated(machine)) return [];
    const why = `${name} was measured under emulation (${machine.virtualisation}), whose speed is no speed`;
    return [{ what: 'all', why: `${why}: measure on real ${machine.arch}` }];
  });
}

/** The app stands behind every target and is the baseline of most: on another program it is another baseline. */
function otherApps(results: readonly Named[]): Refusal[] {
  const known = results.flatMap(({ name, result }) => {
    const version = result.versions[again.of];
    return version === undefined ? [] : [{ name, app: version.replace(/ [\d.]+\S*$/, '') }];
  });
  if (new Set(known.map(({ app }) => app)).size < 2) return [];
  const told = known.map(({ name, app }) => `${app} in ${name}`).join(', ');
  const why = `${again.of} is the ${told}: ratios to different baselines do not compare`;
  return [{ what: 'all', why: `${why}. Measure both with Pipy, or both without` }];
}

function experimentOf({ result }: Named, name: string): Experiment | undefined {
  return result.suite.experiments.find(experiment => experiment.name === name);
}

function nothingShared(results: readonly Named[]): string {
  const told = results.map(({ name, result }) => {
    const names = result.suite.experiments.map(experiment => `'${experiment.name}'`);
    return `${name} has ${names.slice(0, 3).join(', ') || 'none'}${names.length > 3 ? ' and more' : ''}`;
  });
  return `no experiment is in all of them: ${told.join('; ')}. Run one suite for all`;
}

const parameters = ['protocol', 'measure', 'connections', 'rate', 'payloadBytes'] as const;

/** What keeps an experiment of one name from being one experiment; empty when nothing does. */
function differences(experiment: Experiment, results: readonly Named[]): string[] {
  const own = results.map(each => ({ name: each.name, experiment: experimentOf(each, experiment.name) ?? experiment }));
  const differing = (told: (each: Experiment) => string, what: string): string[] => {
    const values = own.map(each => told(each.experiment));
    if (new Set(values).size < 2) return [];
    return [`${what} differs: ${own.map(({ name }, at) => `${values[at]} in ${name}`).join(', ')}`];
  };
  return [
    ...parameters.flatMap(key => differing(each => String(each[key] ?? 'none'), key)),
    ...differing(({ targets }) => targets[0] ?? 'none', 'the baseline'),
  ];
}

interface Outcome {
  readonly compared?: Compared;
  readonly refusals: readonly Refusal[];
  readonly remark?: string;
}

function comparedOf(experiment: Experiment, results: readonly Named[]): Outcome {
  const { name, targets, measure } = experiment;
  const refuse = (whys: readonly string[]) => whys.map(why => ({ what: name, why }));
  const differing = differences(experiment, results);
  if (differing.length > 0) return { refusals: refuse(differing) };
  const [planned = ''] = targets;
  const unusable = flawsOf(name, planned, results).map(flaw => `the baseline ${planned} ${flaw}`);
  // A load that the app alone can saturate is common; then the next target that it cannot saturate takes its place.
  const isGood = (row: string): boolean =>
    row !== again.target && flawsOf(name, row, results).length === 0 && isSteady(targetOf(experiment, row), results);
  const onlyBound = results.every(each => (rowOf(each, name, planned)?.rounds ?? 0) > 0);
  const baseline = onlyBound ? targets.find(isGood) : undefined;
  if (baseline === undefined) return { refusals: refuse(onlyBound ? unusable.map(noneInItsPlace) : unusable) };
  const all = new Set(results.flatMap(each => experimentOf(each, name)?.targets ?? []));
  const others = [...all].filter(target => ![baseline, planned, again.target].includes(target));
  const flaws = others.map(target => {
    const whys = flawsOf(name, target, results);
    return { target, whys: whys.length > 0 ? whys : apart(name, target, baseline, results) };
  });
  const refusals = flaws.flatMap(({ target, whys }) =>
    whys.map(why => ({ what: `${name}, ${target}`, why: `it ${why}` })),
  );
  const good = flaws.filter(({ whys }) => whys.length === 0).map(({ target }) => target);
  if (good.length === 0) return { refusals: [...refusals, ...refuse(['no target of it can be compared'])] };
  const noises = results.map(({ result }) => noiseOf(name, result.rounds));
  const rows = good.flatMap(target =>
    figuresOf[measure].map(figure => ({
      target,
      figure,
      standings: standingsOf(target, figure, { name, baseline }, results, noises),
    })),
  );
  return {
    compared: { experiment, baseline, rows, absolutes: absolutesOf(name, [baseline, ...good], results) },
    refusals,
    ...(baseline !== planned && { remark: `${name}: measured by ${baseline}, for ${unusable.join('; ')}` }),
  };
}

/** What is made of this project's own code: another commit of it is another target. */
const own = ['pipy-pair', 'node-pair'];

/** Whether a target is the same program in all results. By one that is not, its own change would be read as that of all others. */
function isSteady(target: string, results: readonly Named[]): boolean {
  const isSame = (program: string): boolean => new Set(results.map(each => each.result.versions[program])).size === 1;
  return isSame(target) && (!own.includes(target) || isSame('fsm'));
}

function noneInItsPlace(unusable: string): string {
  return `${unusable}; and none takes its place that is good, and the same program in all results`;
}

function rowOf({ result }: Named, experiment: string, target: string): RowSummary | undefined {
  return result.summary.find(row => row.experiment === experiment && row.target === target);
}

/** Why a target's row cannot be used, for each result in which it cannot. */
function flawsOf(experiment: string, target: string, results: readonly Named[]): string[] {
  return results.flatMap(each => {
    const row = rowOf(each, experiment, target);
    if (row === undefined) return [`was not measured in ${each.name}`];
    if (row.rounds === 0) return [`has only void rounds in ${each.name}`];
    const failures = failuresOf(
      each.result.rounds.filter(round => round.experiment === experiment),
      target,
    );
    if (failures.length > 0)
      return [
        `failed in ${times(failures.length, 'round')} in ${each.name} (${failures[0]?.void}): the others flatter it`,
      ];
    return row.clientBound ? [`is client-bound in ${each.name}: the figure is the load generator's`] : [];
  });
}

/** Results in which no round of the target ran beside one of the baseline. */
function apart(experiment: string, target: string, baseline: string, results: readonly Named[]): string[] {
  return results
    .filter(({ result }) => pairedRatios(result.rounds, experiment, target, baseline) === null)
    .map(({ name }) => `has no round beside one of the baseline in ${name}`);
}

/** Figures that may stand side by side: all machines are of one class. */
function absolutesOf(experiment: string, targets: readonly string[], results: readonly Named[]): Compared['absolutes'] {
  if (new Set(results.map(({ result }) => result.machine.class)).size > 1) return null;
  return targets.map(target => ({ target, rows: results.flatMap(each => rowOf(each, experiment, target) ?? []) }));
}

function standingsOf(
  target: string,
  figure: Figure,
  { name, baseline }: { readonly name: string; readonly baseline: string },
  results: readonly Named[],
  noises: readonly (Ratios | null)[],
): Standing[] {
  const own = results.flatMap((each, at) => {
    const ratios = pairedRatios(each.result.rounds, name, target, baseline);
    if (ratios === null) return [];
    return [{ ratio: ratios[figure], pairs: ratios.pairs, noise: noiseShare(noises[at] ?? null, figure) }];
  });
  const [first] = own;
  return own.map(({ ratio, noise, pairs }, at) => {
    if (first === undefined || at === 0) return { ratio, pairs, change: null, verdict: null };
    const change = {
      value: ratio.value / first.ratio.value,
      low: ratio.low / first.ratio.high,
      high: ratio.high / first.ratio.low,
    };
    const known = [noise, first.noise].flatMap(each => each ?? []);
    const chance = isNoise(change, known.length === 0 ? null : Math.max(...known), Math.min(pairs, first.pairs));
    return { ratio, pairs, change, verdict: chance ? 'same' : verdictOf(change, figure) };
  });
}

function verdictOf({ high }: Estimate, figure: Figure): Verdict {
  return high < 1 === (figure === 'perSecond') ? 'worse' : 'better';
}

/** Experiments that some have and others have not. */
function missing(results: readonly Named[], shared: readonly Experiment[]): string[] {
  const common = new Set(shared.map(({ name }) => name));
  return results.flatMap(({ name, result }) => {
    const lone = result.suite.experiments.filter(experiment => !common.has(experiment.name));
    return lone.length === 0
      ? []
      : [`not in all results, and left out: ${lone.map(e => `'${e.name}'`).join(', ')} of ${name}`];
  });
}

/** A wrong answer can be a fast one. */
function wrongsOf(parts: readonly Outcome[], results: readonly Named[]): string[] {
  const experiments = new Set(parts.flatMap(({ compared }) => compared?.experiment.name ?? []));
  return results.flatMap(({ name, result }) =>
    result.summary
      .filter(row => row.wrong > 0 && experiments.has(row.experiment))
      .map(
        ({ experiment, target, wrong }) =>
          `${target} in ${name}: ${wrong} answers not as they should be, in ${experiment}`,
      ),
  );
}

/** Where nothing ran twice, a verdict knows of no noise. */
function noiselessOf(parts: readonly Outcome[], results: readonly Named[]): string[] {
  const experiments = parts.flatMap(({ compared }) => compared?.experiment.name ?? []);
  return results.flatMap(({ name, result }) => {
    const silent = experiments.filter(experiment => noiseOf(experiment, result.rounds) === null);
    if (silent.length === 0) return [];
    const where = silent.map(experiment => `'${experiment}'`).join(', ');
    return [`${name} did not measure the noise of its machine (no ${again.target}); intervals alone judge ${where}`];
  });
}

/** Cores that are shared in the one and not in the other are another measurement, though ratios soften it. */
function layoutsOf(results: readonly Named[]): string[] {
  const known = results.flatMap(({ name, result }) => {
    const layout = pinningOf(result.machine);
    return layout === null ? [] : [{ name, layout }];
  });
  if (new Set(known.map(({ layout }) => layout)).size < 2) return [];
  return [`cores: ${known.map(({ name, layout }) => `${layout} in ${name}`).join('; ')}. Ratios depend on that, too`];
}

function remarksOf(results: readonly Named[]): string[] {
  const early = results.flatMap(({ name, result }) =>
    result.state === 'whole' ? [] : [`${name} ended early: ${result.state}`],
  );
  const said = (each: Named) => `${each.result.suite.seconds} s`;
  const lengths =
    new Set(results.map(said)).size < 2
      ? []
      : [`rounds are of ${results.map(said).join(' and ')}: tails of longer ones are longer`];
  const programs = [...new Set(results.flatMap(({ result }) => Object.keys(result.versions)))];
  const versions = programs.flatMap(program => apartIn(results, program, each => each.versions[program]));
  const senders = results.flatMap(({ name, result }) => {
    const priority = senderOf(result.rounds);
    return priority === null ? [] : [{ name, priority }];
  });
  const priorities =
    new Set(senders.map(({ priority }) => priority)).size < 2
      ? []
      : [
          `the sender: ${senders.map(({ name, priority }) => `${priority} in ${name}`).join(', ')}; latencies hold its lateness`,
        ];
  return [...early, ...lengths, ...priorities, ...layoutsOf(results), ...surroundingsOf(results), ...versions];
}

/** What changes how fast a machine is, and no ratio evens out: its clock's governor, who else is on it, and hyper-threads. */
function surroundingsOf(results: readonly Named[]): string[] {
  const parts = ['governor', 'virtualisation'] as const;
  return [
    ...parts.flatMap(what => apartIn(results, what, ({ machine }) => machine[what])),
    ...apartIn(results, 'threads of a core', ({ machine }) => machine.threadsPerCore?.toString() ?? 'not told'),
  ];
}

/** Who has what, where not all have the same. */
function apartIn(
  results: readonly Named[],
  what: string,
  read: (result: Result) => string | null | undefined,
): string[] {
  const own = results.map(({ name, result }) => ({ name, value: read(result) ?? 'none' }));
  if (new Set(own.map(({ value }) => value)).size < 2) return [];
  return [`${what}: ${own.map(({ name, value }) => `${value} in ${name}`).join(', ')}`];
}
