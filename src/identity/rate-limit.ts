/** A rate for each caller. */
export interface RateLimit {
  /** Whether this caller may go on now. */
  allow(key: string): boolean;
}

export interface RateLimitOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Callers that are remembered; when all of them are busy, a new one has to wait. */
  readonly keysMax: number;
  readonly now: () => number;
}

/**
 * A token bucket for each key, kept as one number: the time at which it is full again (the generic cell rate
 * algorithm of ITU-T I.371). A key whose bucket is full needs no memory.
 */
export function createRateLimit(options: RateLimitOptions): RateLimit {
  const costMs = 1000 / options.perSecond;
  const fullAt = new Map<string, number>();

  function dropFull(nowMs: number): void {
    for (const [key, at] of fullAt) if (at <= nowMs) fullAt.delete(key);
  }

  return {
    allow(key) {
      const nowMs = options.now();
      const next = Math.max(fullAt.get(key) ?? 0, nowMs) + costMs;
      if (next - nowMs > options.burst * costMs) return false;
      if (!fullAt.has(key) && fullAt.size >= options.keysMax) dropFull(nowMs);
      if (!fullAt.has(key) && fullAt.size >= options.keysMax) return false;
      fullAt.set(key, next);
      return true;
    },
  };
}
