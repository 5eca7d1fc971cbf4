/** Runs a suite: every target of an experiment in turn, round after round, and a line in the journal for each. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint, Experiment, LoadPlan, LoadResult, ProcessUse, Role, Round, Suite } from '../model.ts';
import { type Apps, pathOf, startApps } from '../targets/index.ts';
import type { Running, Site, Target } from '../targets/target.ts';
import { inSetting, targetOf } from '../variants.ts';
import { type Cores, pinSelf, sendersOn, widthOf } from './cores.ts';
import type { Journal } from './journal.ts';
import type { Keeper } from './keeper.ts';
import { type Loaded, LoadFailure, runLoad } from './load.ts';
import { bringUp, hasEnded, isShortage, type Up } from './starting.ts';

/** Rules that are fixed before a run, and stand in its result. */
export const rules: readonly string[] = [
  'Targets of an experiment run in turn, round after round, each beside the baseline of the same round.',
  'A latency is counted from the moment at which the request was due, whenever it was sent.',
  'A round is void when its sender was late (99 % within 1 ms of the due time), when an answer was wrong, when a target ended before its time, or when more than 1 % of the requests got no answer. In closed loop few are under way: there it is void when one has no answer two seconds after the end, and the middle one took less than a tenth of that.',
  "A round whose sender was late is run again, at most twice; of what a target does wrong nothing is run again. A round whose baseline stays void so is left out, and with the second all that are left of the experiment, until the run is taken up by hand. A round in which the app or the load ended is nobody's: everything is started afresh and it is run again, at most twice; then the run ends.",
  'No other round is left out; the figure of a row is the median of its rounds, its interval the percentile bootstrap of that median at 95 %, which three rounds cannot promise (75 %) and five hardly (93 %).',
  'Ratios are of rounds of the same number. They are the figures to compare; absolute ones are of this machine and this hour.',
  'A row is client-bound when load and app had no core left while the target had: then it says how fast the load is.',
];

const lateMaxUs = 1000;
const unansweredMax = 0.01;
/** Two seconds after the end of a closed loop a request is waited for in vain, of a target that answers so fast (µs, median). */
const promptUs = 200_000;
const triesMax = 3;
/** Rounds without a baseline after which a machine is held to be too slow for an experiment. */
const hopelessMin = 2;
const warmUpSeconds = 0.3;

/** What a run is given. */
export interface RunPlan {
  readonly suite: Suite;
  /** Those of the suite's targets that were found here. */
  readonly targets: ReadonlyMap<string, Target>;
  readonly journal: Journal;
  readonly keeper: Keeper;
  readonly cores: Cores;
  /** Whether rounds that were left out, since the app could not be sent to in time, get another chance. */
  readonly retriesLeftOut: boolean;
  /** For files of targets. */
  readonly dir: string;
  /** First two numbers of the run's loopback addresses: two runs on one machine are in nobody's way. */
  readonly network: string;
  /** Ends the run: what was measured stays. */
  readonly signal: AbortSignal;
  /** Told after each round. */
  readonly onRound: (round: Round, left: number) => void;
}

/** Runs what the journal does not hold yet. @throws Error that is no target's fault: the journal may be taken up again */
export async function runSuite(plan: RunPlan): Promise<void> {
  const jobs = plan.suite.experiments.map(experiment => new Job(plan, experiment));
  pinSelf(plan.cores);
  for (const [at, job] of jobs.entries()) {
    plan.signal.throwIfAborted();
    const left = (): number => jobs.slice(at).reduce((sum, each) => sum + each.missing().length, 0);
    await job.run(round => plan.onRound(round, left()));
  }
}

/** Target and number of a round that is to be run. */
interface Turn {
  readonly target: Target;
  readonly round: number;
}

/** One experiment. */
class Job {
  readonly #plan: RunPlan;
  readonly #experiment: Experiment;
  /** Those of its targets that are here, each as its row has it. */
  readonly #targets: readonly Target[];
  readonly #running = new Map<Target, Up<Running>>();
  /** Targets that did not start, and why. */
  readonly #failed = new Map<Target, string>();
  #app: Up<Apps> | null = null;
  /** Tries of a worse hour, which count no longer. */
  readonly #forgiven: ReadonlySet<Round> = new Set();

  constructor(plan: RunPlan, experiment: Experiment) {
    this.#plan = plan;
    this.#experiment = experiment;
    this.#targets = experiment.targets.flatMap(row => {
      const target = plan.targets.get(targetOf(experiment, row));
      return target?.protocols.includes(experiment.protocol) ? [inSetting(target, experiment, row)] : [];
    });
    if (plan.retriesLeftOut) {
      const lines = this.#lines();
      const leftOut = roundsLeftOut(experiment, lines);
      this.#forgiven = new Set(lines.filter(({ round }) => leftOut.includes(round)));
    }
  }

  /** Turns that have no line yet, in their order: A B C A B C … */
  missing(): readonly Turn[] {
    const lines = this.#lines();
    const leftOut = roundsLeftOut(this.#experiment, lines);
    if (leftOut.length >= hopelessMin) return [];
    const isDone = ({ target, round }: Turn): boolean => {
      const tries = lines.filter(line => line.target === target.name && line.round === round);
      return tries.length >= triesMax || !tries.every(isLateRound);
    };
    const rounds = Array.from({ length: this.#plan.suite.rounds }, (_, at) => at + 1);
    const turns = rounds.flatMap(round => this.#targets.map(target => ({ target, round })));
    return turns.filter(turn => !leftOut.includes(turn.round) && !isDone(turn));
  }

  #isMissing({ target, round }: Turn): boolean {
    return this.missing().some(turn => turn.target === target && turn.round === round);
  }

  /** What the journal has of the experiment. */
  #lines(): readonly Round[] {
    const { name } = this.#experiment;
    return this.#plan.journal.rounds.filter(line => line.experiment === name && !this.#forgiven.has(line));
  }

  async run(onTurn: (round: Round) => void): Promise<void> {
    try {
      for (const turn of this.missing()) if (this.#isMissing(turn)) onTurn(await this.#turn(turn));
    } finally {
      await this.#end();
    }
  }

  /** @throws Error when the app or the load ends in it time and again: that is no target's fault, and gets no line */
  async #turn(turn: Turn): Promise<Round> {
    const { journal, signal } = this.#plan;
    for (let lost = 0; ; ) {
      signal.throwIfAborted();
      const round = await this.#round(turn).catch(loadFailure);
      signal.throwIfAborted();
      const how = await this.#app?.children.find(hasEnded)?.ended;
      if (how === undefined && !(round instanceof LoadFailure)) {
        journal.append(round);
        if (!this.#isMissing(turn)) return round;
      } else {
        await this.#end();
        const why = round instanceof LoadFailure ? round.message : `the app ${how}`;
        if (++lost === triesMax)
          throw new Error(`in ${triesMax} tries of ${turn.target.name}, round ${turn.round}, ${why}`);
      }
    }
  }

  /** @throws Error that is no target's fault */
  async #round({ target, round }: Turn): Promise<Round> {
    const base = { experiment: this.#experiment.name, target: target.name, round, at: new Date().toISOString() };
    const nothing = { ...base, clientBound: false, load: null, processes: [] };
    const up = await this.#started(target);
    if (typeof up === 'string') return { ...nothing, void: up };
    try {
      const { load, processes } = await this.#measured(up);
      const why = whyVoid(load);
      // It is started afresh: what hangs or breaks off may do so for ever.
      if (why !== null && !isLate(load)) await this.#forget(target);
      const clientBound = this.#experiment.measure === 'throughput' && this.#isClientBound(load, processes);
      return { ...base, void: why, clientBound, load, processes };
    } catch (error) {
      await this.#forget(target);
      if (error instanceof LoadFailure) throw error;
      return { ...nothing, void: wordsOf(error) };
    }
  }

  /** @throws Error that says what went wrong, the end of a process of the target first */
  async #measured({ what: running, children }: Up<Running>): Promise<Loaded> {
    const app = this.#app?.what.processes ?? [];
    const watched = [
      ...app.map(each => ({ role: 'app' as const, ...each })),
      ...running.processes.map(each => ({ role: 'proxy' as const, ...each })),
      { role: 'harness' as const, name: 'harness', pid: process.pid },
    ];
    const loading = runLoad(this.#loadPlan(running), watched, this.#plan);
    await loading.catch(() => undefined);
    for (const { name, pid } of running.processes) {
      const ended = children.find(child => child.pid === pid && hasEnded(child));
      if (ended !== undefined) throw new Error(`while it was measured, ${name} ${await ended.ended}`);
    }
    return loading;
  }

  /**
   * Started when its first turn comes, and again when it has ended.
   *
   * @returns why it did not start, if it did not
   * @throws Error that is no target's fault
   */
  async #started(target: Target): Promise<Up<Running> | string> {
    const known = this.#running.get(target) ?? this.#failed.get(target);
    if (known !== undefined) return known;
    const app = await this.#startedApp();
    // Some programs take a space or a comma in a path for the end of it.
    const name = `${this.#experiment.name} ${target.name} ${Date.now()}`.replaceAll(/\W+/g, '-');
    const dir = join(this.#plan.dir, name);
    await mkdir(dir, { recursive: true });
    try {
      const up = await bringUp(this.#plan, start => target.start(this.#siteOf(target, { app, dir, start })));
      this.#running.set(target, up);
      return up;
    } catch (error) {
      this.#plan.signal.throwIfAborted();
      const why = `${target.name} did not start: ${wordsOf(error)}`;
      if (isShortage(error)) throw new Error(why);
      this.#failed.set(target, why);
      return why;
    }
  }

  async #startedApp(): Promise<Apps['app']> {
    const upstreams = Math.max(1, ...(this.#experiment.variants ?? []).map(each => each.upstreams ?? 1));
    const addresses = Array.from({ length: upstreams }, (_, at) => `${this.#plan.network}.0.${at + 1}`);
    try {
      this.#app ??= await bringUp(this.#plan, start => startApps(start, { addresses }));
      return this.#app.what.app;
    } catch (error) {
      this.#plan.signal.throwIfAborted();
      throw new Error(`the app did not start: ${wordsOf(error)}`);
    }
  }

  #siteOf({ name }: Target, place: Pick<Site, 'app' | 'dir' | 'start'>): Site {
    const block = this.#experiment.targets.indexOf(name) + 1;
    const address = (n: number): string => `${this.#plan.network}.${block}.${n}`;
    return { ...place, address };
  }

  #loadPlan(running: Running): LoadPlan {
    const { protocol, measure, connections, rate, payloadBytes } = this.#experiment;
    const reached = running.endpoint(protocol);
    const endpoint: Endpoint = { ...reached, path: pathOf(reached, payloadBytes) };
    const { seconds } = this.#plan.suite;
    // In open loop one thread has time to spare, and several would share out what has to be free for all: connections.
    const threads = measure === 'throughput' ? sendersOn(this.#plan.cores) : 1;
    const base = { protocol, measure, endpoint, connections, threads, payloadBytes, warmUpSeconds, seconds };
    return rate === undefined ? base : { ...base, rate };
  }

  #isClientBound(load: LoadResult, processes: readonly ProcessUse[]): boolean {
    const shareOf = (role: Role): number =>
      processes.filter(each => each.role === role).reduce((sum, { cpuMs }) => sum + cpuMs, 0) / (load.seconds * 1000);
    const sending = Math.max(shareOf('load') / (load.threads ?? 1), load.busy);
    const shares = { load: sending, app: shareOf('app'), proxy: shareOf('proxy') };
    return isClientBound(shares, this.#plan.cores, processes.filter(({ role }) => role === 'proxy').length);
  }

  async #forget(target: Target): Promise<void> {
    const up = this.#running.get(target);
    this.#running.delete(target);
    await up?.what.close().catch(() => {});
    await this.#plan.keeper.end(up?.children ?? []);
  }

  async #end(): Promise<void> {
    for (const { what } of this.#running.values()) await what.close().catch(() => {});
    this.#running.clear();
    this.#failed.clear();
    this.#app = null;
    await this.#plan.keeper.end();
  }
}

/** What the load itself did is no round; everything else is thrown on. */
function loadFailure(error: unknown): LoadFailure {
  if (error instanceof LoadFailure) return error;
  throw error;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Rounds in which the baseline could not be sent to in time, whatever was tried: nothing else is run in them.
 * Where the baseline is not here at all, rounds stand by themselves.
 *
 * @param lines of the experiment, and maybe of others
 */
export function roundsLeftOut({ name, targets: [baseline] }: Experiment, lines: readonly Round[]): readonly number[] {
  const tries = Map.groupBy(
    lines.filter(({ experiment, target }) => experiment === name && target === baseline),
    ({ round }) => round,
  );
  return [...tries].filter(([, of]) => of.length >= triesMax && of.every(isLateRound)).map(([round]) => round);
}

/** Why a round counts for nothing; null when it counts. */
export function whyVoid(load: LoadResult): string | null {
  const { answers, wrong, unanswered, silent = 0, lateness, latency, complaints } = load;
  const because = complaints[0] === undefined ? '' : `: ${complaints[0]}`;
  if (wrong > 0) return `${wrong} wrong answers${because}`;
  if (isLate(load)) return `the sender was late: p99 ${lateness?.p99Us} µs`;
  if (answers === 0) return `no answer at all${because}`;
  const all = answers + unanswered;
  if (unanswered > unansweredMax * all) return `${unanswered} of ${all} requests got no answer${because}`;
  if (silent > 0 && latency.p50Us < promptUs) return `${silent} requests got no answer any more${because}`;
  return null;
}

/**
 * Whether load and app had no core left while the target had.
 *
 * @param shares CPU time of each role, as a share of the time that one core has
 * @param processes how many the target has: each has one worker, and can use no more than one core
 */
export function isClientBound(shares: Readonly<Record<Role, number>>, cores: Cores, processes: number): boolean {
  const together = cores !== null && cores.load === cores.app;
  const client = together ? shares.load + shares.app : Math.max(shares.load, shares.app);
  return client > 0.9 && (processes === 0 || shares.proxy < 0.9 * Math.min(processes, widthOf('proxy', cores)));
}

function isLate(load: LoadResult | null): boolean {
  return load !== null && load.wrong === 0 && (load.lateness?.p99Us ?? 0) > lateMaxUs;
}

function isLateRound({ void: why, load }: Round): boolean {
  return why !== null && isLate(load);
}
