/** Waiting, in a way that an AbortSignal ends early. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after a time, or at once when the signal aborts; never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Waits between two starts of what keeps ending: doubled each time, up to a bound; a long life begins anew. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  #nextMs: number;

  constructor(firstMs = 100, mostMs = 10_000) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#nextMs = firstMs;
  }

  /** @param livedMs how long it ran before it ended */
  next(livedMs: number): number {
    if (livedMs > this.#mostMs) this.#nextMs = this.#firstMs;
    const now = this.#nextMs;
    this.#nextMs = Math.min(this.#mostMs, 2 * now);
    return now;
  }
}

/** Whether somebody accepts TCP connections at an address. */
export function accepts(address: string, port: number, timeoutMs = 1000): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: address, port, timeout: timeoutMs });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
