/** How commands fail: one line made of the `Problem`, and an exit code. */
import { formatProblem, ProblemError } from '../api/problem.ts';

/** docs/cli.md lists them. */
export const exitCodes = { ok: 0, problem: 1, usage: 2 } as const;

/** Prints what went wrong and sets the exit code. */
export function fail(error: unknown): void {
  process.exitCode = exitCodeOf(error);
  console.error(error instanceof ProblemError ? formatProblem(error.problem) : unexpected(error));
}

function exitCodeOf(error: unknown): number {
  return error instanceof ProblemError && error.problem.code === 'FSM6003' ? exitCodes.usage : exitCodes.problem;
}

/** No command should end here: what it shows is for whoever mends it. */
function unexpected(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** A command line that cannot be understood. */
export function usage(what: string, fix: string): ProblemError {
  const why = 'so nothing was done';
  return new ProblemError({ code: 'FSM6003', path: '', what, why, fix });
}
