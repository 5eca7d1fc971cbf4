/** Ends a sandbox from another process. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Problem, ProblemError } from '../api/problem.ts';
import { filesOf } from './files.ts';
import { type Instance, isAlive, release, runningInstance } from './instance.ts';

/** An orderly end takes two or three seconds; after this it is killed, and its reaper ends the rest. */
const patienceMs = 15_000;

const pollMs = 20;

/** @returns the process id that it had. @throws ProblemError FSM6004 when none runs there */
export async function stopSandbox(dir: string): Promise<number> {
  const files = filesOf(dir);
  const instance = await runningInstance(files);
  if (instance === undefined) throw new ProblemError(nothingRuns(dir));
  process.kill(instance.pid, 'SIGTERM');
  if (!(await hasEnded(instance, patienceMs))) {
    process.kill(instance.pid, 'SIGKILL');
    await hasEnded(instance, patienceMs);
    await release(files);
  }
  return instance.pid;
}

/** Another process's end is no event here, so it is looked for. */
async function hasEnded(instance: Instance, withinMs: number): Promise<boolean> {
  for (const untilMs = Date.now() + withinMs; Date.now() < untilMs; await delay(pollMs)) {
    if (!isAlive(instance)) return true;
  }
  return false;
}

function nothingRuns(dir: string): Problem {
  return {
    code: 'FSM6004',
    path: '',
    what: `no sandbox runs in ${dir}`,
    why: 'there is nothing to end',
    fix: 'name its directory with --dir if it is another one',
  };
}
