/** Waiting for a program to listen. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when something listens there. @throws Error when nothing does in time */
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
