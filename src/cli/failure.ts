/** How commands fail: one line made of the `Problem`, and an exit code. */
import { formatProblem, type Problem, ProblemError } from '../api/problem.ts';
import { printFailure } from './output.ts';
import { problemOf } from './problem-of.ts';

/** 1: something is wrong; 2: the command line cannot be understood. */
export const exitCodes = { ok: 0, problem: 1, usage: 2 } as const;

let endInOrder: (() => void) | undefined;

/** Prints what went wrong, on standard output as a document where one was asked for, and sets the exit code. */
export function fail(error: unknown): void {
  const problem = tell(error);
  process.exitCode = problem.code === 'FSM6003' ? exitCodes.usage : exitCodes.problem;
  printFailure({ problems: [problem] });
}

/** Prints what went wrong with one of several things, and sets the exit code; the command goes on. */
export function tell(error: unknown): Problem {
  const problem = problemOf(error);
  process.exitCode = exitCodes.problem;
  // What others said may have lines of its own; a problem is one.
  console.error(formatProblem(problem).replace(/\s*\n\s*/g, ' '));
  if (process.env.FSM_TRACE && error instanceof Error) console.error(error.stack);
  return problem;
}

/** A command that must not simply end, since it runs others, says here how it is ended. */
export function whenUnexpected(end: () => void): void {
  endInOrder = end;
}

/** The last line of defence: what nobody caught. */
export function guardProcess(): void {
  const unexpected = (error: unknown) => {
    fail(error);
    if (endInOrder === undefined) process.exit();
    endInOrder();
  };
  process.on('uncaughtException', unexpected);
  process.on('unhandledRejection', unexpected);
}

/** A command line that cannot be understood. */
export function usage(what: string, fix: string): ProblemError {
  const why = 'so nothing was done';
  return new ProblemError({ code: 'FSM6003', path: '', what, why, fix });
}
