/** Virtual time: a queue of what is to happen, a monotonic clock that leaps from one to the next, and a wall clock that may jump. */
import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';
import type { Timing } from '../../src/kube/timing.ts';
import type { Random } from './random.ts';

/** When the simulated world begins, milliseconds since the epoch. */
const epochMs = Date.UTC(2030, 0, 1);

/** Something that will happen. */
export interface Pending {
  readonly atMs: number;
  /** Orders what is due at the same moment. */
  readonly serial: number;
  /** What it is, for the story. */
  readonly what: string;
  readonly work: () => void;
  cancelled: boolean;
}

/** The one clock of a simulation. Nothing happens but what `take` hands out. */
export class VirtualTime {
  /** Monotonic, milliseconds since the beginning. */
  nowMs = 0;
  #offsetMs = epochMs;
  #serial = 0;
  /** Latest first, so that taking is popping. */
  readonly #queue: Pending[] = [];

  /** The wall clock, milliseconds since the epoch. */
  readonly wallMs = (): number => this.#offsetMs + Math.floor(this.nowMs);

  /** Moves the wall clock and nothing else, as an administrator or a late time server does. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  /** @returns cancels it */
  after(delayMs: number, what: string, work: () => void): () => void {
    const pending: Pending = {
      atMs: this.nowMs + Math.max(0, delayMs),
      serial: this.#serial++,
      what,
      work,
      cancelled: false,
    };
    this.#queue.splice(this.#placeOf(pending), 0, pending);
    return () => {
      pending.cancelled = true;
    };
  }

  #placeOf({ atMs }: Pending): number {
    let [low, high] = [0, this.#queue.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#queue[middle] as Pending).atMs > atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Resolves when so much time has passed. */
  pass(delayMs: number, what: string): Promise<void> {
    return new Promise(resolve => void this.after(delayMs, what, resolve));
  }

  /** The next thing to happen, with the clock moved to it; undefined when nothing is to happen, or not until `untilMs`. */
  take(untilMs = Number.POSITIVE_INFINITY): Pending | undefined {
    for (let next = this.#queue.at(-1); next !== undefined; next = this.#queue.at(-1)) {
      if (!next.cancelled && next.atMs > untilMs) return undefined;
      this.#queue.pop();
      if (next.cancelled) continue;
      this.nowMs = next.atMs;
      return next;
    }
    return undefined;
  }

  /** Timers and chance for `src/kube`. Its `now` is the wall clock, its waits are monotonic, as in a process. */
  timing(random: Random, what: string): Timing {
    const time = this;
    const scheduler: SchedulerLike = {
      now: this.wallMs,
      schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
        return new TimedAction(time, what, work).schedule(state, delay);
      },
    };
    return { scheduler, random: random.next };
  }
}

/** What an RxJS scheduler hands to its work. */
class TimedAction<T> extends Subscription implements SchedulerAction<T> {
  readonly #time: VirtualTime;
  readonly #what: string;
  readonly #work: (this: SchedulerAction<T>, state?: T) => void;
  #cancel: () => void = () => undefined;

  constructor(time: VirtualTime, what: string, work: (this: SchedulerAction<T>, state?: T) => void) {
    super(() => this.#cancel());
    this.#time = time;
    this.#what = what;
    this.#work = work;
  }

  schedule(state?: T, delay = 0): Subscription {
    this.#cancel();
    if (!this.closed) this.#cancel = this.#time.after(delay, this.#what, () => this.#work.call(this, state));
    return this;
  }
}
