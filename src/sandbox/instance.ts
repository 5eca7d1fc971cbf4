/** `sandbox.json`: who runs in a directory. It is there as long as a sandbox runs, and tells other processes where. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Problem, ProblemError } from '../api/problem.ts';
import { createFileExclusive, readIfThere, writeFileAtomic } from '../identity/files.ts';
import type { SandboxFiles } from './files.ts';
import type { SandboxPorts } from './ports.ts';
import { dirOption, typedPath } from './shell.ts';

export interface Instance {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process: with the pid it names one process and no later one. */
  readonly startTicks: number;
  readonly startedAt: string;
  readonly version: string;
  readonly engine: string;
  readonly ports: SandboxPorts;
  /** Path of the journal. */
  readonly journal: string;
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  /** URL of the read model. */
  readonly readModel: string;
  /** Process id of the controller; 0 while it is being started. */
  readonly controllerPid: number;
}

/** The instance that a directory tells of, whether its process still runs or not. */
export async function readInstance(files: SandboxFiles): Promise<Instance | undefined> {
  const text = await readIfThere(files.instance);
  if (text === undefined) return undefined;
  const instance = parsed(text);
  if (!isInstance(instance)) throw new ProblemError(unreadable(files.instance));
  return instance;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON tells of no instance.
    return undefined;
  }
}

function isInstance(value: unknown): value is Instance {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks, readModel, kubeconfig, journal, ports } = value as Record<string, unknown>;
  const texts = [readModel, kubeconfig, journal].every(one => typeof one === 'string');
  return texts && Number.isInteger(pid) && Number.isInteger(startTicks) && typeof ports === 'object' && ports !== null;
}

/** The sandbox that runs in a directory. */
export async function runningInstance(files: SandboxFiles): Promise<Instance | undefined> {
  const instance = await readInstance(files);
  return instance && isAlive(instance) ? instance : undefined;
}

/** Whether the very process that wrote the file still runs. */
export function isAlive({ pid, startTicks }: Pick<Instance, 'pid' | 'startTicks'>): boolean {
  return startTicksOf(pid) === startTicks;
}

/**
 * Field 22 of /proc/<pid>/stat (proc_pid_stat(5)), undefined when there is no such process or it has ended and only
 * waits to be reaped. The name in field 2 may contain anything, so counting begins after its last parenthesis.
 */
export function startTicksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
  } catch {
    // There is no such process.
    return undefined;
  }
}

/**
 * Takes a directory for this process. Of several that try at once one gets it; what a dead one left is replaced.
 *
 * @throws ProblemError FSM6001 when a sandbox runs there
 */
export async function claim(files: SandboxFiles, instance: Instance): Promise<void> {
  const text = `${JSON.stringify(instance, null, 2)}\n`;
  if (await createFileExclusive(files.instance, text, 0o600)) return;
  const other = await runningInstance(files);
  if (other !== undefined) throw new ProblemError(alreadyRunning(files, other));
  await rm(files.instance, { force: true });
  if (!(await createFileExclusive(files.instance, text, 0o600))) return claim(files, instance);
}

/** Writes what has changed. */
export async function update(files: SandboxFiles, instance: Instance): Promise<void> {
  await writeFileAtomic(files.instance, `${JSON.stringify(instance, null, 2)}\n`, 0o600);
}

/** Gives the directory back. */
export async function release(files: SandboxFiles): Promise<void> {
  await rm(files.instance, { force: true });
}

function alreadyRunning({ dir }: SandboxFiles, { pid, startedAt, ports }: Instance): Problem {
  return {
    code: 'FSM6001',
    path: '',
    what: `a sandbox already runs in ${dir}: process ${pid}, since ${startedAt}, API on port ${ports.api}`,
    why: 'two of them would write the same files',
    fix: `use it, end it with "fsm sandbox down${dirOption(dir)}", or start another one with --dir and --port-base`,
  };
}

function unreadable(path: string): Problem {
  return {
    code: 'FSM6004',
    path: '',
    what: `${path} does not say which sandbox runs`,
    why: 'it is not what a sandbox writes there',
    fix: `remove it with "rm ${typedPath(path)}" if no sandbox runs`,
  };
}
