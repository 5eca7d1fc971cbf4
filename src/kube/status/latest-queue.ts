import { Subscription } from 'rxjs';
import { type BackoffBounds, backoffMs, sleep, type Timing } from '../timing.ts';

export interface LatestQueueOptions<T> {
  /** Does one piece of work. `again` asks for another try, if nothing newer has come for the key meanwhile. */
  readonly work: (key: string, value: T) => Promise<'done' | 'again'>;
  /** The last try failed too; the value is dropped. */
  readonly onGivenUp: (key: string, value: T) => void;
  /** Shortest time between two pieces of work. */
  readonly intervalMs: number;
  readonly maxPending: number;
  readonly maxAttempts: number;
  readonly backoff: BackoffBounds;
  readonly timing: Timing;
}

interface Waiting<T> {
  readonly value: T;
  readonly attempt: number;
  /** Whether its turn has come. A timer says so and no clock, for a clock may be set back by hours. */
  due: boolean;
}

/**
 * Works on one value at a time. Of each key only the newest value waits; a value that failed waits longer and longer,
 * without keeping others back. `work` must not reject: what it throws is a bug and ends the process as unhandled.
 */
export class LatestQueue<T> {
  readonly #options: LatestQueueOptions<T>;
  readonly #waiting = new Map<string, Waiting<T>>();
  /** Timers of what is not due yet. */
  readonly #timers = new Subscription();
  #running = false;
  #closed = false;
  #idle = Promise.withResolvers<void>();
  #wake: () => void = () => undefined;

  constructor(options: LatestQueueOptions<T>) {
    this.#options = options;
    this.#idle.resolve();
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Takes a value in; false when the queue is full, and then the value is not in it. */
  put(key: string, value: T): boolean {
    if (this.#closed) return false;
    if (!this.#waiting.has(key) && this.#waiting.size >= this.#options.maxPending) return false;
    this.#waiting.set(key, { value, attempt: 0, due: true });
    this.#wake();
    if (!this.#running) void this.#run();
    return true;
  }

  remove(key: string): void {
    this.#waiting.delete(key);
    this.#wake();
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** Drops what waits; what is under way is finished. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#timers.unsubscribe();
    this.#wake();
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#idle = Promise.withResolvers();
    while (this.#waiting.size > 0) {
      const next = this.#due();
      if (next === undefined) await this.#rest();
      else await this.#workOn(...next);
    }
    this.#running = false;
    this.#idle.resolve();
  }

  #due(): [string, Waiting<T>] | undefined {
    for (const entry of this.#waiting) if (entry[1].due) return entry;
    return undefined;
  }

  async #workOn(key: string, waiting: Waiting<T>): Promise<void> {
    this.#waiting.delete(key);
    const outcome = await this.#options.work(key, waiting.value);
    if (outcome === 'again' && !this.#waiting.has(key) && !this.#closed) this.#repeat(key, waiting);
    await this.#pause(this.#options.intervalMs);
  }

  #repeat(key: string, { value, attempt }: Waiting<T>): void {
    const { maxAttempts, backoff, timing, onGivenUp } = this.#options;
    if (attempt + 1 >= maxAttempts) {
      onGivenUp(key, value);
      return;
    }
    const waiting: Waiting<T> = { value, attempt: attempt + 1, due: false };
    this.#waiting.set(key, waiting);
    const timer = timing.scheduler.schedule(
      () => {
        this.#timers.remove(timer);
        waiting.due = true;
        this.#wake();
      },
      backoffMs(attempt + 1, backoff, timing.random),
    );
    this.#timers.add(timer);
  }

  /** Until a value is due, or something changes. */
  #rest(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = () => {
        this.#wake = () => undefined;
        resolve();
      };
    });
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, this.#options.timing);
  }
}
