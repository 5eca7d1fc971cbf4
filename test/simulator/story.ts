/** What happened, in words: the last lines for people, a hash over all of them for comparing two runs. */
import { createHash } from 'node:crypto';
import type { VirtualTime } from './time.ts';

/** Lines that are kept for a failure. */
const kept = 100_000;

/** Bytes on their way, waits, requests: what people skip when they read a story. */
const noise =
  /: (bytes|bookmark|closed)|(waits|beats|answered|looked at|user|fault)$| (get|patch|list|watch) [a-z]+$| stores its /;

/** What one simulation tells. */
export class Story {
  readonly #time: VirtualTime;
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  count = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  tell(text: string): void {
    const line = `${(this.#time.nowMs / 1000).toFixed(3).padStart(9)}  ${text}`;
    this.#hash.update(`${line}\n`);
    this.count++;
    this.#lines.push(line);
    if (this.#lines.length > kept) this.#lines.splice(0, kept / 2);
  }

  /** The last lines: those that say something to people, or every one. */
  last(count: number, every = false): string[] {
    return this.#lines.filter(line => every || !noise.test(line)).slice(-count);
  }

  /** The same for two runs that did the same in the same order at the same virtual time. Call it once, at the end. */
  hash(): string {
    return this.#hash.digest('hex').slice(0, 16);
  }
}
