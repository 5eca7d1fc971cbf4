/**
 * Nothing that a run started outlives it, however it ends. Every child leads a process group of its own, and a shell
 * of a few lines knows them all: when the run ends, be it by SIGKILL, the shell's input ends, and it kills what is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Program } from '../targets/target.ts';

/** Reads `+ <pid>` and `- <pid>`; ends with its input. Signals that a terminal sends to the whole group pass it by. */
const script = `trap '' INT TERM HUP
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "-$pid" 2>/dev/null; done`;

/** Output of a child that is kept to say why it ended. */
const tailBytes = 2_000;

/** A child of a run. */
export interface Kept {
  readonly child: ChildProcess;
  /** Resolves with how it ended, in words, and with the last lines that it wrote to its standard error. */
  readonly ended: Promise<string>;
}

export class Keeper {
  readonly #shell: ChildProcess;
  readonly #children = new Map<ChildProcess, Kept>();

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
  }

  /**
   * Starts a program with nothing inherited but PATH.
   *
   * @param ipc whether it may send messages, and its standard input and output are pipes
   */
  start({ file, args, env = {} }: Program, ipc = false): Kept {
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ipc ? ['pipe', 'pipe', 'pipe', 'ipc'] : ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    if (child.pid !== undefined) this.#tell(`+ ${child.pid}`);
    let tail = '';
    child.stderr?.on('data', chunk => {
      tail = (tail + chunk).slice(-tailBytes);
    });
    const ended = new Promise<string>(resolve => {
      child.once('error', error => resolve(error.message));
      child.once('exit', (code, signal) => {
        this.#tell(`- ${child.pid}`);
        this.#children.delete(child);
        const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
        resolve(tail.trim() === '' ? how : `${how}: ${tail.trim()}`);
      });
    });
    const kept = { child, ended };
    this.#children.set(child, kept);
    return kept;
  }

  /** Children that are still there, of these process ids. */
  withPids(pids: readonly number[]): ChildProcess[] {
    return [...this.#children.keys()].filter(({ pid }) => pid !== undefined && pids.includes(pid));
  }

  /** SIGKILL to the children given, or to all: nothing of a bench has anything to save. Resolves when they are gone. */
  async end(children: Iterable<ChildProcess> = [...this.#children.keys()]): Promise<void> {
    for (const child of children) {
      const kept = this.#children.get(child);
      if (kept === undefined || child.pid === undefined) continue;
      killGroup(child.pid);
      await kept.ended;
    }
  }

  /** Ends everything, the shell last. */
  async close(): Promise<void> {
    await this.end();
    this.#shell.ref();
    this.#shell.stdin?.end();
    if (this.#shell.exitCode === null) await once(this.#shell, 'exit');
  }

  #tell(line: string): void {
    this.#shell.stdin?.write(`${line}\n`);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
