/**
 * Child processes that cannot outlive the sandbox. Each leads a process group of its own: a Ctrl-C at the terminal
 * reaches only the sandbox, which then ends them in order, and a signal to the group reaches what an app started.
 * Beside them runs a reaper, a small shell that knows the groups and holds the other end of a pipe: when the sandbox
 * dies, by whatever signal, the pipe ends and the reaper kills what is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type Problem, ProblemError } from '../api/problem.ts';

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment but for `PATH`, which is inherited unless it is given. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Exit {
  /** null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  /** Signals the group; SIGKILL follows after the grace. Resolves with the exit. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<Exit>;
}

export interface Processes {
  /** @throws ProblemError FSM6002 when the program cannot be run */
  start(program: Program, onLine: (line: string) => void): Promise<Child>;
  /** Kills what is left, and the reaper. */
  close(): Promise<void>;
}

/** Reads `+ <group>` and `- <group>`; at the end of its input it kills the groups that are left. */
const reaper = `
groups=' '
while read -r op group; do
  case $op in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
exit 0
`;

/** Longest line of output that is kept whole, in characters. */
const lineMax = 8192;

/** Starts the reaper. */
export function createProcesses(): Processes {
  const guard = createReaper();
  return {
    async start({ file, args, env, cwd }, onLine) {
      const child = spawn(file, [...args], {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH ?? '', ...env },
        ...(cwd !== undefined && { cwd }),
      });
      const pid = await pidOf(child, file);
      guard.add(pid);
      for (const stream of [child.stdout, child.stderr]) readLines(stream, onLine);
      return childOf(child, pid, () => guard.remove(pid));
    },
    close: () => guard.close(),
  };
}

interface Reaper {
  add(group: number): void;
  remove(group: number): void;
  /** Resolves when every group that was left is killed. */
  close(): Promise<void>;
}

/** A reaper that is killed itself is replaced by one that is told everything again. */
function createReaper(): Reaper {
  const groups = new Set<number>();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let closing = false;
  const start = () => {
    const child = spawn('/bin/sh', ['-c', reaper], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} });
    // It is gone already: its exit says the rest.
    child.stdin.on('error', () => undefined);
    child.once('exit', () => {
      if (closing) resolve();
      else stdin = start();
    });
    for (const group of groups) child.stdin.write(`+ ${group}\n`);
    return child.stdin;
  };
  let stdin = start();
  return {
    add(group) {
      groups.add(group);
      stdin.write(`+ ${group}\n`);
    },
    remove(group) {
      groups.delete(group);
      stdin.write(`- ${group}\n`);
    },
    async close() {
      closing = true;
      stdin.end();
      await ended;
    },
  };
}

function pidOf(child: ChildProcess, file: string): Promise<number> {
  const { pid } = child;
  if (pid !== undefined) return Promise.resolve(pid);
  return new Promise((_, reject) => {
    child.once('error', error => reject(new ProblemError(cannotRun(file, error.message), error)));
  });
}

function childOf(child: ChildProcess, pid: number, ended: () => void): Child {
  const exited = new Promise<Exit>(resolve => {
    child.once('exit', (code, signal) => {
      // What the process started and left behind goes with it.
      signalGroup(pid, 'SIGKILL');
      ended();
      resolve({ code, signal });
    });
  });
  return {
    pid,
    exited,
    async stop(signal, graceMs) {
      signalGroup(pid, signal);
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

/** A group that has ended cannot be signalled any more, which is as good. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on('line', line => onLine(line.slice(0, lineMax)));
}

function cannotRun(file: string, why: string): Problem {
  return {
    code: 'FSM6002',
    path: '',
    what: `${file} cannot be run`,
    why,
    fix: 'check that the program is there, that it may be run, and that its working directory exists',
  };
}
