/** Child processes of a bench run: started, waited for, and ended without exception. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from './targets/target.ts';

const running = new Set<ChildProcess>();

/** Starts a program with nothing inherited but PATH; its output is dropped, its errors are ours to see. */
export function start({ file, args, env = {} }: Program): ChildProcess {
  const child = spawn(file, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** SIGKILL: nothing of a bench has anything to save, and Pipy may hang at its exit. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Resolves when something listens there. */
export async function listening(host: string, port: number, withinMs = 60_000): Promise<void> {
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
