import type { Problem } from '../api/problem.ts';

/**
 * A time that had passed when this version was made, raised with each release. It is written here because times of
 * files say nothing: npm sets those of a package to 1985, and a clone those of its sources to now.
 */
export const buildTimeMs = Date.UTC(2026, 0, 1);

/**
 * Boards without a clock battery start in 1970. A control plane whose clock is before its own build, or before the
 * last event that its journal holds, issues nothing: a certificate from such a clock would be expired when the clock
 * is right, or be valid for ever.
 *
 * @param floorMs the later of build time and last recorded event, milliseconds since the epoch
 */
export function checkClock(nowMs: number, floorMs: number): Problem | undefined {
  if (nowMs >= floorMs) return undefined;
  return {
    code: 'FSM2002',
    path: '',
    what: `the clock says ${isoOf(nowMs)}, and it was already ${isoOf(floorMs)} when this was built or last ran`,
    why: 'a certificate issued now would carry the wrong times',
    fix: 'Set the clock (NTP or a clock battery); issuing starts by itself.',
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Times of a certificate; both at whole seconds, as X.509 writes them. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const backdateMaxMs = 5 * 60_000;

/**
 * The times of a certificate that is issued now. It starts a little in the past, so that a proxy whose clock is slow
 * can use it: five minutes, but at most a tenth of the life, so that short lives keep their halves.
 *
 * @param latest an issuer's own end: no certificate outlives the one that signed it
 */
export function validityFrom(nowMs: number, validityMs: number, latest?: Date): Validity {
  const backdateMs = Math.min(backdateMaxMs, validityMs / 10);
  const endMs = Math.min(nowMs + validityMs, latest?.getTime() ?? Number.POSITIVE_INFINITY);
  return { notBefore: wholeSecond(nowMs - backdateMs), notAfter: wholeSecond(endMs) };
}

function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
