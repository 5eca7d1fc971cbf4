/**
 * Nothing that a run started outlives it, however it ends. Every child leads a process group of its own, and a shell
 * of a few lines knows them all: when the run ends, be it by SIGKILL, the shell's input ends, and it kills what is left.
 * One that was started just before, of which it has not been told, it finds by a mark in the environment.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Child, Program } from '../targets/target.ts';

/**
 * Reads `+ <pid>` and `- <pid>`; ends with its input. Its argument is the mark. Signals that a terminal sends to the whole
 * group pass it by.
 */
const script = `trap '' INT TERM HUP
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for file in $(grep -ls "$1" /proc/[0-9]*/environ); do
  file=\${file%/environ}
  pids="$pids\${file#/proc/} "
done
for pid in $pids; do kill -9 "-$pid" "$pid" 2>/dev/null; done`;

/** Variable that marks every child; its value is of one keeper. */
const markName = 'FSM_KEEPER';

/** Output of a child that is kept to say why it ended. */
const tailBytes = 2_000;

/** How long a program may take to print what it is asked. */
const printTimeoutMs = 5_000;

/** For a child that sends messages, and is written to and read. */
export const talking: StdioOptions = ['pipe', 'pipe', 'pipe', 'ipc'];

/** A child of a run. */
export interface Kept {
  readonly child: Child;
  readonly ended: Child['ended'];
}

export class Keeper {
  readonly #shell: ChildProcess;
  readonly #mark = randomUUID();
  readonly #children = new Map<ChildProcess, Kept>();

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', script, 'sh', `${markName}=${this.#mark}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      // Without the mark of a keeper that keeps this process: this shell has to outlive it.
      env: { PATH: process.env.PATH },
    });
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
  }

  /**
   * Starts a program with nothing inherited but PATH, and marked.
   *
   * @param stdio unless it is given, only the child's standard error is read
   */
  start({ file, args, env = {} }: Program, stdio: StdioOptions = ['ignore', 'ignore', 'pipe']): Kept {
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH, ...env, [markName]: this.#mark },
      stdio,
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
    const kept = { child: Object.assign(child, { ended }), ended };
    this.#children.set(child, kept);
    return kept;
  }

  /** What a program prints on both streams, however it ends: some hang when they have said everything. */
  readonly print = async (program: Program, withinMs = printTimeoutMs): Promise<string> => {
    const { child, ended } = this.start(program, ['ignore', 'pipe', 'pipe']);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (text += chunk));
    const closed = once(child, 'close').catch(() => undefined);
    const limit = setTimeout(() => void this.end([child]), withinMs);
    await ended;
    clearTimeout(limit);
    // What it has started itself may hold the streams open.
    if (child.pid !== undefined) killGroup(child.pid);
    await closed;
    return text;
  };

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
