/** How the load ends, and the error that tells who is at fault. */

/** Codes of the load's process. */
export const exitCodes = { done: 0, failed: 1, unreachable: 3 } as const;

const code = 'UNREACHABLE';

/** The target takes no connection: told by its code, for errors lose their class between threads. */
export class Unreachable extends Error {
  readonly code = code;
}

/** The code of an error. */
export function exitCodeOf(error: unknown): number {
  const isTargets = error instanceof Error && 'code' in error && error.code === code;
  return isTargets ? exitCodes.unreachable : exitCodes.failed;
}
