import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';
import type { Timing } from '../../src/kube/timing.ts';

/** Timing in which nothing waits: the clock leaps to the next timer, and the earliest is always the next. */
export function leapingTiming(): Timing & { jump(ms: number): void } {
  let nowMs = 0;
  let offsetMs = 0;
  const waiting: { readonly dueMs: number; readonly done: () => void }[] = [];
  const leap = () => {
    const next = waiting.sort((a, b) => a.dueMs - b.dueMs).shift();
    if (next === undefined) return;
    nowMs = Math.max(nowMs, next.dueMs);
    next.done();
  };
  const scheduler: SchedulerLike = {
    now: () => nowMs + offsetMs,
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T) {
      const subscription: Subscription = new Subscription(() => {
        if (waiting.includes(timer)) waiting.splice(waiting.indexOf(timer), 1);
      });
      const timer = { dueMs: nowMs + delay, done: () => work.call(subscription as SchedulerAction<T>, state) };
      waiting.push(timer);
      setImmediate(leap);
      return subscription;
    },
  };
  // What the wall clock shows is moved, what timers wait for is not.
  const jump = (ms: number) => {
    offsetMs += ms;
  };
  return { scheduler, random: () => 0, jump };
}
