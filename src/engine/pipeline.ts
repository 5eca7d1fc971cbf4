/**
 * Feeds the engine, one step at a time. A change after a quiet while goes out at once. What follows on its heels waits
 * until nothing more comes, for there is more to come of most bursts; but never longer than a maximum, or a mesh in
 * which something always moves would starve.
 */
import type { Engine, Fact, Step } from './engine.ts';

/** Facts that one step takes at most: a relist of a whole cluster must not hold up an acknowledgement for seconds. */
const batchMax = 500;

/** Less than a clock can tell: sums of fractions never meet exactly. */
const leastWaitMs = 0.01;

/** Time, from whoever drives the engine. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. */
  now(): number;
  /** Milliseconds, with fractions, of a clock that never goes back. */
  elapsedMs(): number;
  /** Calls back once after so many milliseconds. @returns what calls it off */
  after(ms: number, callback: () => void): () => void;
}

/** When a batch goes out, milliseconds. */
export interface Pace {
  /** Nothing came for so long, or nothing went out for so long: the burst is over. */
  readonly quietMs: number;
  /** No fact waits longer than this for others. */
  readonly maxMs: number;
}

/** What the controller runs with. */
export const defaultPace: Pace = { quietMs: 5, maxMs: 50 };

/** The moments of a step, of the clock that never goes back: its first fact came, it began. */
export interface StepTimes {
  readonly seen: number;
  readonly began: number;
  /** Milliseconds since the epoch when it began: what its events are recorded with. */
  readonly at: number;
}

/** What a pipeline is told, and whom it tells. */
export interface PipelineOptions {
  readonly clock: Clock;
  readonly pace?: Pace;
  /** Called after each step, also one that changed nothing, before the next one begins. */
  readonly onStep: (step: Step, times: StepTimes, batch: readonly Fact[]) => void;
  readonly onError: (error: unknown) => void;
}

interface Waiting {
  readonly fact: Fact;
  readonly seen: number;
  /** When it was submitted: its place in a burst. */
  readonly came: number;
}

/** Takes facts and runs the engine's steps; see above for when. */
export class Pipeline {
  readonly #engine: Engine;
  readonly #options: PipelineOptions;
  readonly #pace: Pace;
  #queue: Waiting[] = [];
  /** When the last step that changed something was over. */
  #wentMs = Number.NEGATIVE_INFINITY;
  #running: PromiseWithResolvers<void> | null = null;
  /** Facts that were submitted, and that have been through; resolved after each step. */
  #submitted = 0;
  #done = 0;
  #stepped: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Waits for the end of a burst; resolved at the beginning of the next such wait. */
  #asleep = false;
  #nap: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Told when there is room in the queue. */
  #room: PromiseWithResolvers<void> | null = null;

  constructor(engine: Engine, options: PipelineOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#pace = options.pace ?? defaultPace;
  }

  /** Takes facts. @param seen when they came, of the clock that never goes back; now unless given */
  submit(facts: readonly Fact[], seen?: number): void {
    const came = this.#options.clock.elapsedMs();
    for (const fact of facts) this.#queue.push({ fact, seen: seen ?? came, came });
    this.#submitted += facts.length;
    if (this.#running !== null || this.#queue.length === 0) return;
    this.#running = Promise.withResolvers();
    void this.#run();
  }

  /** Resolves when everything that has been submitted by now has been through, whatever comes meanwhile. */
  async idle(): Promise<void> {
    const upTo = this.#submitted;
    while (this.#running !== null && this.#done < upTo) await this.#stepped.promise;
  }

  /** Resolves when everything has been through that does not wait for its burst to be over. */
  async rests(): Promise<void> {
    while (this.#running !== null && !this.#asleep) await Promise.race([this.#running.promise, this.#nap.promise]);
  }

  /** Resolves when there is room for more. */
  async ready(): Promise<void> {
    while (this.#queue.length >= batchMax) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        await this.#due();
        const batch = this.#take();
        await this.#step(batch);
        this.#done += batch.length;
        this.#tellStepped();
      }
    } catch (error) {
      this.#options.onError(error);
    }
    this.#running?.resolve();
    this.#running = null;
    this.#tellStepped();
  }

  #tellStepped(): void {
    this.#stepped.resolve();
    this.#stepped = Promise.withResolvers();
  }

  /** Waits until the burst is over; what arrives in the same turn of the event loop belongs to it in any case. */
  async #due(): Promise<void> {
    await Promise.resolve();
    const { clock } = this.#options;
    for (let waitMs = this.#waitMs(clock.elapsedMs()); waitMs > 0; waitMs = this.#waitMs(clock.elapsedMs())) {
      const awake = new Promise<void>(resolve => clock.after(waitMs, resolve));
      this.#asleep = true;
      this.#nap.resolve();
      await awake;
      this.#asleep = false;
      this.#nap = Promise.withResolvers();
    }
  }

  #waitMs(now: number): number {
    const { quietMs, maxMs } = this.#pace;
    const [oldest, newest] = [this.#queue[0], this.#queue.at(-1)];
    if (oldest === undefined || newest === undefined) return 0;
    if (this.#queue.length >= batchMax || oldest.came - this.#wentMs >= quietMs) return 0;
    const waitMs = Math.min(newest.came + quietMs, oldest.came + maxMs) - now;
    return waitMs < leastWaitMs ? 0 : waitMs;
  }

  #take(): Waiting[] {
    const batch = this.#queue.splice(0, batchMax);
    this.#room?.resolve();
    this.#room = null;
    return batch;
  }

  async #step(batch: readonly Waiting[]): Promise<void> {
    const { clock, onStep } = this.#options;
    const [began, at] = [clock.elapsedMs(), clock.now()];
    const facts = batch.map(({ fact }) => fact);
    const seen = batch.reduce((first, waiting) => Math.min(first, waiting.seen), began);
    const step = await this.#engine.step(facts, at);
    onStep(step, { seen, began, at }, facts);
    if (step.events.length > 0) this.#wentMs = clock.elapsedMs();
    // Acknowledgements that came meanwhile are heard first.
    if (this.#queue.length > 0) await new Promise(resolve => setImmediate(resolve));
  }
}
