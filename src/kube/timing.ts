import { asyncScheduler, firstValueFrom, type SchedulerLike, timer } from 'rxjs';

/** Where time and chance come from: the process's own, or a test's virtual ones. */
export interface Timing {
  /** Clock and timers; `now()` is milliseconds since the epoch. */
  readonly scheduler: SchedulerLike;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export const systemTiming: Timing = { scheduler: asyncScheduler, random: Math.random };

/** How long to wait between attempts. */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly mostMs: number;
}

/**
 * The wait before attempt `attempt` + 1, in milliseconds: doubles with each failed attempt up to `mostMs`; one half of
 * it is chance, so that many clients that failed together do not come back together. No attempt has failed yet: 0.
 */
export function backoffMs(attempt: number, bounds: BackoffBounds, random: () => number): number {
  if (attempt <= 0) return 0;
  const fullMs = Math.min(bounds.mostMs, bounds.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(fullMs * (0.5 + random() / 2));
}

/** `ms` give or take a quarter. */
export function jittered(ms: number, random: () => number): number {
  return Math.round(ms * (0.75 + random() / 2));
}

export async function sleep(ms: number, timing: Timing): Promise<void> {
  await firstValueFrom(timer(ms, timing.scheduler));
}
