/** The process's own time. */
import type { Clock } from '../engine/pipeline.ts';

/** The system's clock, Node's monotonic one, and its timers. */
export const systemClock: Clock = {
  now: Date.now,
  monotonicMs: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
