import type { Problem, ProblemError } from '../../api/problem.ts';
import { KubeError, SilentStream } from '../errors.ts';
import { backoffMs, jittered, type Timing } from '../timing.ts';
import type { WatchBounds } from './types.ts';

/** After so many answers in a row that bring nothing from the same place, the place itself is doubted. */
const fruitlessStreams = 3;

/** Longest `Retry-After` that is obeyed. */
const mostPatienceMs = 300_000;

/** How fast a watch goes on: the waits between its steps, and what it says about a streak of failures. */
export class Pace {
  readonly #timing: Timing;
  readonly #bounds: WatchBounds;
  readonly #onProblem: (problem: Problem) => void;
  /** Before the next step. */
  waitMs = 0;
  /** Failures in a row. */
  #attempt = 0;
  /** Of these, streams that brought nothing although the server answered. */
  #fruitless = 0;
  /** Text of the last problem of this streak, so that it is not told again. */
  #told = '';
  #openedAt = 0;

  constructor(timing: Timing, bounds: WatchBounds, onProblem: (problem: Problem) => void) {
    this.#timing = timing;
    this.#bounds = bounds;
    this.#onProblem = onProblem;
  }

  /** A stream begins. */
  opened(): void {
    this.#openedAt = this.#timing.scheduler.now();
  }

  /** The stream brought something that could be read: whatever failed before is over. */
  progress(): void {
    this.#attempt = 0;
    this.#fruitless = 0;
    this.#told = '';
  }

  /** The list is whole; its place has not been tried yet. Streams that fail from everywhere still back off. */
  listed(): void {
    this.waitMs = 0;
    this.#fruitless = 0;
  }

  /** A stream is over; one that lived for some time was a good one. */
  closed(): void {
    if (this.#timing.scheduler.now() - this.#openedAt >= this.#bounds.steadyMs) this.progress();
  }

  /** On without a wait the first time, then with back-off. */
  again(): void {
    this.waitMs = this.#backoff();
    this.#attempt++;
  }

  /** On with back-off, or when the server asked for it. */
  after(failure: ProblemError): void {
    this.#attempt++;
    const patienceMs = failure instanceof KubeError ? Math.min(failure.retryAfterMs ?? 0, mostPatienceMs) : 0;
    this.waitMs = Math.max(this.#backoff(), patienceMs);
  }

  /** On after about so long; the server is well. */
  later(ms: number): void {
    this.#attempt = 0;
    this.waitMs = jittered(ms, this.#timing.random);
  }

  /** Whether to list after this failure of a stream, instead of going on from the same place. */
  doubts(failure: ProblemError): boolean {
    if (failure instanceof SilentStream || (failure instanceof KubeError && failure.status === 404)) return true;
    const unanswered = failure instanceof KubeError && failure.status === 0;
    if (!unanswered) this.#fruitless++;
    return this.#fruitless >= fruitlessStreams;
  }

  tell(problem: Problem): void {
    const text = problem.code + problem.what;
    if (text === this.#told) return;
    this.#told = text;
    this.#onProblem(problem);
  }

  #backoff(): number {
    const { firstBackoffMs, mostBackoffMs } = this.#bounds;
    return backoffMs(this.#attempt, { firstMs: firstBackoffMs, mostMs: mostBackoffMs }, this.#timing.random);
  }
}
