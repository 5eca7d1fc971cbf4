/** Programs that a driver names, run as real processes; their JSON log lines are kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from '../../../src/dataplane/driver.ts';

export type LogLine = Readonly<Record<string, unknown>>;

export class Program {
  readonly #command: Command;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  readonly log: LogLine[] = [];
  /** Everything that was printed, for searches. */
  text = '';

  constructor(command: Command) {
    this.#command = command;
    const env = { PATH: process.env.PATH ?? '', ...command.env };
    this.#child = spawn(command.file, [...command.args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    const take = (chunk: Buffer) => {
      this.text += chunk;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      this.log.push(...lines.flatMap(parsed));
      for (const listener of this.#listeners) listener();
      this.#listeners.clear();
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first log line from a position on, now or later, that carries these fields. */
  async logged(fields: LogLine, after = 0): Promise<LogLine> {
    const wanted = Object.entries(fields);
    for (;;) {
      const found = this.log.slice(after).find(line => wanted.every(([name, value]) => line[name] === value));
      if (found !== undefined) return found;
      if (!this.running) throw new Error(`the program has ended: ${this.text.slice(-2000)}`);
      await new Promise<void>(resolve => this.#listeners.add(resolve));
    }
  }

  /** Resolves with the exit code, or the signal. */
  async ended(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    if (this.running) await once(this.#child, 'exit');
    return { code: this.#child.exitCode, signal: this.#child.signalCode };
  }

  /** As whoever supervises it does; says whether it ended within its grace. */
  async stop(): Promise<'ended' | 'killed'> {
    if (!this.running) return 'ended';
    let how: 'ended' | 'killed' = 'ended';
    const kill = () => {
      how = 'killed';
      this.#child.kill('SIGKILL');
    };
    this.#child.kill(this.#command.stopSignal);
    const timer = setTimeout(kill, this.#command.stopGraceMs);
    await this.ended();
    clearTimeout(timer);
    return how;
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    this.#child.kill('SIGKILL');
    await this.ended();
  }
}

/** Lines that are not JSON are for people. */
function parsed(line: string): LogLine[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [value as LogLine] : [];
  } catch {
    return [];
  }
}
