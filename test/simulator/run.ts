/** From one seed to its outcome. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notConverged } from './convergence.ts';
import { drain } from './drain.ts';
import { Faults } from './faults.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';
import type { Violation } from './violations.ts';

/** How long and how talkative a run is. */
export interface RunOptions {
  /** What users do before faults end. */
  readonly actions: number;
  /** Lines of the story to give back, every one of them; the last 60 that say something unless given. */
  readonly lines?: number;
}

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Things that happened. */
  readonly steps: number;
  /** The same for two runs of one seed. */
  readonly hash: string;
  /** What happened last, in words. */
  readonly story: readonly string[];
  /** Virtual time that it took, milliseconds. */
  readonly virtualMs: number;
}

/** After faults end everything has to be in its place by then, milliseconds of virtual time. */
const settleMs = 15 * 60_000;

/** How often convergence is asked for, milliseconds of virtual time. */
const askMs = 5_000;

/** Memory where there is some: a simulated disk needs no real one. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Runs a seed in a folder of its own, which goes with it. */
export async function run(seed: number, options: RunOptions): Promise<Outcome> {
  const folder = mkdtempSync(join(base, 'fsm-simulator-'));
  const random = new Random(seed);
  const simulation = new Simulation(random, folder);
  const play = new Play(simulation, random.fork('play'));
  const defect = (error: unknown) => simulation.violations.report('defect', textOf(error));
  process.on('unhandledRejection', defect);
  try {
    await play.all(options.actions);
  } catch (error) {
    defect(error);
  } finally {
    process.off('unhandledRejection', defect);
    for (const replica of simulation.controlPlanes) replica.crash('kept');
    rmSync(folder, { recursive: true, force: true });
  }
  const { violations, story, time } = simulation;
  const last = story.last(options.lines ?? 60, options.lines !== undefined);
  return {
    seed,
    violation: violations.first,
    steps: play.steps,
    hash: story.hash(),
    story: last,
    virtualMs: time.nowMs,
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}

/** The acts of one simulation. */
class Play {
  readonly #simulation: Simulation;
  readonly #random: Random;
  steps = 0;

  constructor(simulation: Simulation, random: Random) {
    this.#simulation = simulation;
    this.#random = random;
  }

  async all(actions: number): Promise<void> {
    const { world, controlPlanes } = this.#simulation;
    const faults = new Faults(this.#simulation, this.#random.fork('faults'));
    world.begin();
    for (const replica of controlPlanes) replica.start();
    faults.begin();
    this.#lookAtEndpointsLater();
    await this.#busy(actions);
    faults.end();
    await this.#settle();
    await this.#quiet();
  }

  get #broken(): boolean {
    return this.#simulation.violations.first !== undefined;
  }

  /** Users act, faults come. */
  async #busy(actions: number): Promise<void> {
    const { time, story, world } = this.#simulation;
    const meanMs = this.#random.pick([20, 200, 1000]);
    let left = actions;
    const act = () => {
      story.tell(`USER ${world.act()}`);
      if (--left > 0) time.after(this.#random.next() * 2 * meanMs, 'user', act);
    };
    time.after(this.#random.between(0, 1000), 'user', act);
    while (left > 0 && (await this.#step()));
  }

  /** Nothing is wrong any more: everything comes to its place. */
  async #settle(): Promise<void> {
    const { time, violations } = this.#simulation;
    const endMs = time.nowMs + settleMs;
    let missing: string | undefined = 'nothing was asked yet';
    while (missing !== undefined && time.nowMs < endMs && !this.#broken) {
      await this.#pass(askMs);
      const before: string | undefined = missing;
      missing = notConverged(this.#simulation);
      if (missing !== undefined && missing !== before) this.#simulation.story.tell(`WAITS ${missing.slice(0, 300)}`);
    }
    if (missing !== undefined) violations.report(1, `${settleMs / 60_000} minutes after the last fault: ${missing}`);
    await this.#simulation.sample(true);
  }

  /** Updates without meaning, streams that end, lists that are read again: nobody is told anything. */
  async #quiet(): Promise<void> {
    const { api, world, story, violations, controlPlanes } = this.#simulation;
    if (this.#broken) return;
    const state = () => ({
      lines: this.#simulation.linesSent(),
      revisions: controlPlanes.map(({ core }) => core?.engine.snapshot.revision),
    });
    const before = JSON.stringify(state());
    for (let count = 0; count < 4; count++) {
      story.tell(`QUIET ${world.touch()}`);
      await this.#pass(300);
    }
    api.compact();
    for (const stream of this.#random.some([...api.streams])) stream.cut();
    await this.#pass(20_000);
    const after = JSON.stringify(state());
    if (before !== after) violations.report(4, `updates without meaning: ${before} became ${after}`);
    const missing = notConverged(this.#simulation);
    if (missing !== undefined) violations.report(1, `after updates without meaning: ${missing}`);
  }

  /** Lets so much virtual time pass. */
  async #pass(ms: number): Promise<void> {
    const { time } = this.#simulation;
    const untilMs = time.nowMs + ms;
    while (await this.#step(untilMs));
    time.nowMs = Math.max(time.nowMs, untilMs);
  }

  /** The next thing happens, and all that follows from it at once. @returns false when nothing did */
  async #step(untilMs?: number): Promise<boolean> {
    const { time, story } = this.#simulation;
    const next = this.#broken ? undefined : time.take(untilMs);
    if (next === undefined) return false;
    this.steps++;
    story.tell(next.what);
    next.work();
    await drain(this.#simulation.controlPlanes);
    this.#simulation.look();
    if (this.#random.chance(0.01)) await this.#simulation.sample(this.#random.chance(0.1));
    return true;
  }

  #lookAtEndpointsLater(): void {
    this.#simulation.time.after(1000, 'endpoints are looked at', () => {
      this.#simulation.lookAtEndpoints();
      this.#lookAtEndpointsLater();
    });
  }
}
