/** Feeds the engine: one step at a time, whatever came meanwhile in one batch. */
import type { Engine, Fact, Step } from './engine.ts';

/** Facts that one step takes at most: a relist of a whole cluster must not hold up an acknowledgement for seconds. */
const batchMax = 500;

export class Pipeline {
  readonly #engine: Engine;
  readonly #now: () => number;
  readonly #onStep: (step: Step, startedAt: number, batch: readonly Fact[]) => void;
  readonly #onError: (error: unknown) => void;
  #queue: Fact[] = [];
  #running: Promise<void> | null = null;

  /** @param options.onStep is called after each step, also one that changed nothing, before the next one begins */
  constructor(
    engine: Engine,
    options: {
      readonly now: () => number;
      readonly onStep: (step: Step, startedAt: number, batch: readonly Fact[]) => void;
      readonly onError: (error: unknown) => void;
    },
  ) {
    this.#engine = engine;
    this.#now = options.now;
    this.#onStep = options.onStep;
    this.#onError = options.onError;
  }

  /** Takes facts; the first goes out at once, those that come while a step runs are the next batch. */
  submit(facts: readonly Fact[]): void {
    this.#queue.push(...facts);
    this.#running ??= this.#run();
  }

  /** Resolves when everything that was submitted has been through. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // What arrives in the same turn of the event loop belongs to the same batch.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue.splice(0, batchMax);
        const startedAt = this.#now();
        const step = await this.#engine.step(batch, startedAt);
        this.#onStep(step, startedAt, batch);
        if (this.#queue.length > 0) await new Promise(resolve => setImmediate(resolve));
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#running = null;
    }
  }
}
