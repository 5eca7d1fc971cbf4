import { asyncScheduler, type SchedulerAction, type SchedulerLike } from 'rxjs';
import type { Timing } from '../../src/kube/timing.ts';

/** Timing for code with one timer at a time: nothing waits, and the clock leaps to when it would have been done. */
export function leapingTiming(): Timing {
  let nowMs = 0;
  const scheduler: SchedulerLike = {
    now: () => nowMs,
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T) {
      const dueMs = nowMs + delay;
      const leap = function (this: SchedulerAction<T>, value?: T) {
        nowMs = Math.max(nowMs, dueMs);
        work.call(this, value);
      };
      return asyncScheduler.schedule(leap, 0, state);
    },
  };
  return { scheduler, random: () => 0 };
}
