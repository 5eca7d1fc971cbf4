/** The way to a control plane's read model: through `sandbox.json`; on a real cluster it will be a port-forward. */
import { join } from 'node:path';
import { type Problem, ProblemError } from '../api/problem.ts';
import { reasonOf } from '../kube/errors.ts';
import { filesOf } from '../sandbox/files.ts';
import { type Instance, runningInstance } from '../sandbox/instance.ts';
import { dirOption, typedPath } from '../sandbox/shell.ts';

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
    throw new ProblemError(
      noAnswer(dir, readModel, reasonOf(error instanceof Error ? (error.cause ?? error) : error)),
      error,
    );
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body === undefined) throw new ProblemError(noAnswer(dir, readModel, 'what came is no JSON'));
  if (response.ok) return body as T;
  throw isProblemAnswer(body)
    ? new ProblemError(here(body.problem, dir))
    : new ProblemError(refused(path, response.status));
}

/** A control plane does not know which directory its sandbox has: commands that it advises are given it. */
function here(problem: Problem, dir: string): Problem {
  const fix = problem.fix.replace(/\bfsm (?:proxy |sandbox )?[a-z]+/g, command => `${command}${dirOption(dir)}`);
  return { ...problem, fix };
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
    fix: `start one with "fsm sandbox up${dirOption(dir)}", or name the directory of another one with --dir`,
  };
}

function noAnswer(dir: string, url: string, why: string): Problem {
  const log = typedPath(join(filesOf(dir).logs, 'controller.log'));
  return {
    code: 'FSM6004',
    path: '',
    what: `the control plane does not answer at ${url}`,
    why,
    fix: `it may be starting again: repeat the command, and look at ${log} if that does not help`,
  };
}

/** What an HTTP server says to a head that is too long (RFC 6585, 5). */
const tooLong = 431;
const shownMax = 200;

function refused(path: string, status: number): Problem {
  const asked = path.length > shownMax ? `${path.slice(0, shownMax)}…` : path;
  const what = `the control plane answered ${asked} with ${status}`;
  if (status === tooLong)
    return { code: 'FSM6004', path: '', what, why: 'it reads no question that long', fix: 'name shorter headers' };
  return { code: 'FSM6004', path: '', what, why: 'it has no such thing', fix: 'check the names in the command' };
}
