/** What a sending thread counts, and what becomes of all threads' counts. */
import type { LoadPlan, LoadResult } from '../model.ts';
import { distribution, emptyHistogram, encode, enter, merged } from './histogram.ts';

/** What one thread saw, as it goes to the main thread. */
export interface ThreadResult {
  readonly answers: number;
  readonly inTime: number;
  readonly wrong: number;
  readonly broken: number;
  readonly unanswered: number;
  /** Of `unanswered`: those that were still waited for at the end of the grace. */
  readonly silent: number;
  /** Histograms as texts. */
  readonly latency: string;
  readonly lateness: string;
  readonly busy: number;
  readonly complaints: readonly string[];
}

/** More would be the same again. */
const complaintsKept = 5;

/** Counts of one thread. Only what belongs to the measured time is told to it. */
export class Tally {
  readonly #latency = emptyHistogram();
  readonly #lateness = emptyHistogram();
  readonly #complaints = new Set<string>();
  #answers = 0;
  #inTime = 0;
  #wrong = 0;
  #broken = 0;
  #unanswered = 0;
  #silent = 0;

  /** A right answer. */
  answer(latencyUs: number): void {
    this.#answers += 1;
    enter(this.#latency, latencyUs);
  }

  /** A right answer came between the warm-up and the end: it counts for the rate, whether or not it does for the latency. */
  inTime(): void {
    this.#inTime += 1;
  }

  /** A wrong answer: counted, but not entered, since a quick refusal would look like a quick target. */
  wrong(why: string): void {
    this.#wrong += 1;
    this.complain(why);
  }

  /** A connection that broke or could not be opened. Its request is told by itself, as unanswered. */
  broken(why: string): void {
    this.#broken += 1;
    this.complain(why);
  }

  /** A request that nothing came for: the time waited is the least that it can have taken. */
  unanswered(waitedUs: number): void {
    this.#unanswered += 1;
    enter(this.#latency, waitedUs);
  }

  /** A request that nothing has come for though its connection is open. */
  silent(waitedUs: number): void {
    this.#silent += 1;
    this.unanswered(waitedUs);
  }

  late(us: number): void {
    enter(this.#lateness, us);
  }

  /** Something to be known of these figures. */
  complain(why: string): void {
    if (this.#complaints.size < complaintsKept) this.#complaints.add(why);
  }

  result(busy: number): ThreadResult {
    return {
      answers: this.#answers,
      inTime: this.#inTime,
      wrong: this.#wrong,
      broken: this.#broken,
      unanswered: this.#unanswered,
      silent: this.#silent,
      latency: encode(this.#latency),
      lateness: encode(this.#lateness),
      busy,
      complaints: [...this.#complaints],
    };
  }
}

/** One result of all threads. */
export function combine({ measure, seconds }: LoadPlan, parts: readonly ThreadResult[]): Omit<LoadResult, 'urgent'> {
  const sum = (key: 'answers' | 'inTime' | 'wrong' | 'broken' | 'unanswered' | 'silent') =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    answers: sum('answers'),
    ...(measure === 'latency' && { inTime: sum('inTime') }),
    wrong: sum('wrong'),
    broken: sum('broken'),
    unanswered: sum('unanswered'),
    ...(measure === 'throughput' && { silent: sum('silent') }),
    seconds,
    latency: distribution(merged(parts.map(({ latency }) => latency))),
    lateness: measure === 'latency' ? distribution(merged(parts.map(({ lateness }) => lateness))) : null,
    busy: Math.max(...parts.map(({ busy }) => busy)),
    complaints: [...new Set(parts.flatMap(({ complaints }) => complaints))].slice(0, complaintsKept),
  };
}
