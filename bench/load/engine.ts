/** What the engines have in common: the bounds of a round, and requests that are under way. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadPlan } from '../model.ts';
import { measureBusy, until } from './clock.ts';
import type { Lanes } from './lanes.ts';
import type { LaneEvents } from './protocols/protocol.ts';
import type { Tally, ThreadResult } from './tally.ts';

/** How long answers are waited for when nothing is sent any more. */
export const graceMs = 2000;

/** In closed loop nothing counts before each lane has carried an answer; who takes longer is measured as it is. */
const firstAnswersMs = 5000;

/** Which lanes have carried an answer. */
export class Proof {
  readonly #all = Promise.withResolvers<void>();
  readonly #proven = new Set<unknown>();
  readonly #lanes: number;

  constructor(lanes: number) {
    this.#lanes = lanes;
  }

  /** A lane has carried an answer, its first or another. */
  add(lane: unknown): void {
    if (this.#proven.size === this.#lanes) return;
    this.#proven.add(lane);
    if (this.#proven.size === this.#lanes) this.#all.resolve();
  }

  /** Resolves when all have, or when that takes too long: then how many are missing is told. */
  async complete(tally: Tally): Promise<void> {
    await Promise.race([this.#all.promise, delay(firstAnswersMs, undefined, { ref: false })]);
    const missing = this.#lanes - this.#proven.size;
    if (missing > 0) tally.complain(`${missing} had carried no answer after ${firstAnswersMs} ms, when it began`);
  }
}

/** The word to threads that are ready. */
export interface StartAt {
  /** By the clock of `nowUs`. */
  readonly startUs: number;
}

/** An engine in its thread. */
export interface Engine {
  readonly events: LaneEvents;
  /** All lanes are open: resolves when what counts may begin. */
  prove(lanes: Lanes): Promise<void>;
  /** Resolves at the latest `graceMs` after the end of the round. */
  run(bounds: Bounds): Promise<ThreadResult>;
}

/** Moments of a round, by the clock of `nowUs`. */
export interface Bounds {
  readonly startUs: number;
  /** The end of the warm-up: what counts, begins. */
  readonly beginUs: number;
  readonly endUs: number;
}

/** Bounds of a round that starts then. */
export function boundsFrom(startUs: number, { warmUpSeconds, seconds }: LoadPlan): Bounds {
  const beginUs = startUs + warmUpSeconds * 1e6;
  return { startUs, beginUs, endUs: beginUs + seconds * 1e6 };
}

/** Before the start nothing counts. */
export const unbound: Bounds = { startUs: Infinity, beginUs: Infinity, endUs: Infinity };

/** Share of one core, 0 to 1, that the calling thread uses between the warm-up and the end. */
export async function busyBetween({ beginUs, endUs }: Bounds): Promise<number> {
  await until(beginUs);
  const busy = measureBusy();
  await until(endUs);
  return busy();
}

/** Which request each lane carries, told by the moment that its clock started; and those that will not come back. */
export class Underway {
  readonly #since = new Map<number, number>();
  readonly #lost: number[] = [];

  begin(lane: number, us: number): void {
    this.#since.set(lane, us);
  }

  /** The request of the lane is over; undefined when it had none. */
  end(lane: number): number | undefined {
    const since = this.#since.get(lane);
    this.#since.delete(lane);
    return since;
  }

  /** The request of the lane, if it has one, will never be answered: its clock runs to the end. */
  lose(lane: number): void {
    const since = this.end(lane);
    if (since !== undefined) this.#lost.push(since);
  }

  /** Requests that may still be answered. */
  get size(): number {
    return this.#since.size;
  }

  /** Starts of those that were lost. */
  get lost(): readonly number[] {
    return this.#lost;
  }

  /** Starts of those that are still waited for. */
  pending(): number[] {
    return [...this.#since.values()];
  }
}
