/** Child processes of a bench run: started, waited for, measured, and ended without exception. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const running = new Set<ChildProcess>();

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program with nothing inherited but PATH; its output is dropped, its errors are ours to see. */
export function start({ file, args, env = {} }: Program): ChildProcess {
  const child = spawn(file, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs a program to its end. @throws Error when it does not end with 0 */
export async function run(program: Program): Promise<void> {
  const [code] = await once(start(program), 'exit');
  if (code !== 0) throw new Error(`${program.file} ${program.args.join(' ')} ended with ${code}`);
}

/** SIGKILL: nothing of a bench has anything to save, and Pipy may hang at its exit. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Resolves when something listens there. */
export async function listening(host: string, port: number, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (await accepts(host, port)) return;
    await delay(20);
  }
  throw new Error(`nothing listens on ${host}:${port} after ${withinMs} ms`);
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, host, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** Resident memory of a process, MiB; its high-water mark, which a run cannot hide from. */
export function peakMemoryMiB(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

/** CPU time that a process has used, milliseconds (Linux counts in hundredths of a second). */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
