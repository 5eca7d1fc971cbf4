/** Waiting for a program to listen. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const withinMs = 60_000;

/** Resolves when something listens there. @param signal ends the waiting @throws Error when nothing does in time */
export async function listening(host: string, port: number, signal?: AbortSignal): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (await accepts(host, port)) return;
    await delay(20, undefined, { signal });
  }
  throw new Error(`nothing listens on ${host}:${port} after ${withinMs} ms`);
}

/** Whether something listens there. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, host, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
