/** What is being measured and how long it will still take, on standard error. */
import type { Round } from '../model.ts';

const barWidth = 20;

export class Progress {
  readonly #startedMs = performance.now();
  readonly #isTerminal = process.stderr.isTTY;
  #total: number | null = null;
  /** How many were run: those that are left out take no time. */
  #ran = 0;

  /** A round is over. @param left rounds that are still to come */
  round(round: Round, left: number): void {
    this.#total ??= left + 1;
    this.#ran += 1;
    const leftMs = ((performance.now() - this.#startedMs) / this.#ran) * left;
    const line = `${barOf(1 - left / this.#total)} ${timeOf(leftMs)} left  ${round.target}, round ${round.round}: ${outcomeOf(round)}`;
    process.stderr.write(this.#isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.#isTerminal && this.#total !== null) process.stderr.write('\n');
  }
}

function outcomeOf({ void: why, load, clientBound }: Round): string {
  if (why !== null || load === null) return `void, ${why}`;
  const figures =
    load.lateness === null
      ? `${Math.round(load.answers / load.seconds)}/s`
      : `p50 ${load.latency.p50Us} µs, p99 ${load.latency.p99Us} µs`;
  return clientBound ? `${figures} (client-bound)` : figures;
}

function barOf(share: number): string {
  const full = Math.round(share * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]`;
}

function timeOf(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
