import { randomBytes } from 'node:crypto';

/** Numbers used once. */
export interface Nonces {
  /** A new one, or undefined when too many are waiting to be used. */
  issue(): string | undefined;
  /** True once for each that was issued and has not expired. */
  use(nonce: string): boolean;
}

/** At most `max` of them wait at a time, each for `ttlMs`. */
export function createNonces(options: {
  readonly max: number;
  readonly ttlMs: number;
  readonly now: () => number;
}): Nonces {
  // In the order of issue, which is the order of expiry.
  const expiry = new Map<string, number>();

  function dropExpired(nowMs: number): void {
    for (const [nonce, expiresAt] of expiry) {
      if (expiresAt > nowMs) return;
      expiry.delete(nonce);
    }
  }

  return {
    issue() {
      const nowMs = options.now();
      dropExpired(nowMs);
      if (expiry.size >= options.max) return undefined;
      const nonce = randomBytes(24).toString('base64url');
      expiry.set(nonce, nowMs + options.ttlMs);
      return nonce;
    },
    use(nonce) {
      const expiresAt = expiry.get(nonce) ?? Number.NEGATIVE_INFINITY;
      expiry.delete(nonce);
      return expiresAt > options.now();
    },
  };
}
