/**
 * How long before a request is due the metronome wakes its sender, which polls through the rest. Waking takes 30 µs on one
 * machine and 100 on another, and less when it is busy. So the sender says each time how early it came, and the lead
 * follows: one in nine comes late. A longer lead would be no gain, for whoever shares a core with an urgent sender can do
 * nothing while that polls (`urgent.ts`).
 */

/** Steps in µs, per request that was late and per one that was early: their ratio is that of early to late ones. */
const [more, less] = [4, 0.5];

/** µs; the lead lies between, and begins low. */
const [leastUs, mostUs] = [20, 200];

/** Of the time between two requests a lead may be so much: at high rates polling through it would take a core. */
const shareMax = 0.3;

/** What a lead is made of in each thread. */
export interface SharedLead {
  /** Eight bytes. */
  readonly memory: SharedArrayBuffer;
  /** Requests a second. */
  readonly rate: number;
}

/** A lead that the metronome and its senders share, each with an object of its own over the same memory. */
export class Lead {
  readonly #us: Float64Array;
  readonly #mostUs: number;

  constructor({ memory, rate }: SharedLead) {
    this.#us = new Float64Array(memory);
    this.#mostUs = Math.min(mostUs, (shareMax * 1e6) / rate);
  }

  get us(): number {
    return Math.min(this.#mostUs, Math.max(leastUs, this.#us[0] ?? 0));
  }

  /** A sender was woken so long before the request was due; below 0 afterwards. */
  woke(aheadUs: number): void {
    this.#us[0] = this.us + (aheadUs < 0 ? more : -less);
  }
}
