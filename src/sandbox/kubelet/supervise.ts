/** Keeps one process running: starts it, waits for its end, waits a little, starts it again. */
import type { Child, Exit } from '../processes.ts';
import type { ContainerState } from './status.ts';
import { Backoff, pause } from './timing.ts';

export interface Supervised {
  readonly container: ContainerState;
  start(): Promise<Child>;
  /** Runs while the process does; the signal aborts when it ends. */
  whileRunning(child: Child, signal: AbortSignal): Promise<void>;
  /** Before the next start, after an exit. */
  exited(exit: Exit): Promise<void>;
  onChange(): void;
  onError(error: unknown): void;
  readonly stopSignal: NodeJS.Signals;
}

/** Runs until the signal aborts; then ends the process within the grace (milliseconds) and resolves. */
export async function supervise(one: Supervised, stopping: AbortSignal, graceMs: () => number): Promise<void> {
  const backoff = new Backoff();
  while (!stopping.aborted) {
    const startedAtMs = Date.now();
    await runOnce(one, stopping, graceMs);
    if (stopping.aborted) return;
    one.container.restarts += 1;
    one.container.reason = 'CrashLoopBackOff';
    one.onChange();
    await pause(backoff.next(Date.now() - startedAtMs), stopping);
  }
}

async function runOnce(one: Supervised, stopping: AbortSignal, graceMs: () => number): Promise<void> {
  const { container } = one;
  try {
    const child = await one.start();
    Object.assign(container, { state: 'running', startedAtMs: Date.now(), reason: '', message: undefined });
    one.onChange();
    const exit = await live(one, child, stopping, graceMs);
    Object.assign(container, { state: 'waiting', ready: false, reason: 'Completed' });
    container.lastExit = { code: exit.code ?? 137, atMs: Date.now() };
    if (!stopping.aborted) await one.exited(exit);
  } catch (error) {
    Object.assign(container, { state: 'waiting', ready: false, reason: 'StartError' });
    one.onError(error);
  }
}

async function live(one: Supervised, child: Child, stopping: AbortSignal, graceMs: () => number): Promise<Exit> {
  const ended = new AbortController();
  const stop = () => void child.stop(one.stopSignal, graceMs());
  if (stopping.aborted) stop();
  stopping.addEventListener('abort', stop, { once: true });
  const watching = one.whileRunning(child, ended.signal);
  const exit = await child.exited;
  stopping.removeEventListener('abort', stop);
  ended.abort();
  await watching;
  return exit;
}
