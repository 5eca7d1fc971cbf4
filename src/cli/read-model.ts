/** The way to a control plane's read model: through `sandbox.json`; on a real cluster it will be a port-forward. */
import { type Problem, ProblemError } from '../api/problem.ts';
import { filesOf } from '../sandbox/files.ts';
import { type Instance, runningInstance } from '../sandbox/instance.ts';

const timeoutMs = 10_000;

/** @throws ProblemError FSM6004 when no sandbox runs in the directory */
export async function requireSandbox(dir: string): Promise<Instance> {
  const instance = await runningInstance(filesOf(dir));
  if (instance === undefined) throw new ProblemError(noSandbox(dir));
  return instance;
}

/**
 * Asks the control plane of the sandbox in a directory.
 *
 * @throws ProblemError FSM6004 when none runs or it does not answer, and what the control plane itself objects to
 */
export async function ask<T>(dir: string, path: string): Promise<T> {
  const { readModel } = await requireSandbox(dir);
  const response = await fetch(readModel + path, { signal: AbortSignal.timeout(timeoutMs) }).catch(error => {
    throw new ProblemError(noAnswer(readModel, error), error);
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as T;
  throw isProblemAnswer(body) ? new ProblemError(body.problem) : new ProblemError(refused(path, response.status));
}

function isProblemAnswer(body: unknown): body is { problem: Problem } {
  return typeof body === 'object' && body !== null && 'problem' in body;
}

function noSandbox(dir: string): Problem {
  return {
    code: 'FSM6004',
    path: '',
    what: `no sandbox runs in ${dir}`,
    why: 'control planes of other clusters cannot be asked yet: that needs a port-forward, which is still to be built',
    fix: 'start one with "fsm sandbox up", or name its directory with --dir',
  };
}

function noAnswer(url: string, error: unknown): Problem {
  return {
    code: 'FSM6004',
    path: '',
    what: `the control plane does not answer at ${url}`,
    why: error instanceof Error ? error.message : String(error),
    fix: 'it may be starting again: repeat the command, and look at .fsm/logs/controller.log if that does not help',
  };
}

function refused(path: string, status: number): Problem {
  return {
    code: 'FSM6004',
    path: '',
    what: `the control plane answered ${path} with ${status}`,
    why: 'it has no such thing',
    fix: 'check the names in the command',
  };
}
