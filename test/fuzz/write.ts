/** Writing with delays: a script of parts, as the fuzzer made it. */
import type { Socket } from 'node:net';
import type { Part } from './case.ts';

/**
 * Writes parts one after the other, each after its delay, and says when the last one has been written, or the
 * connection has gone. @param change applied to the bytes of each part
 */
export function writeParts(
  socket: Socket,
  parts: readonly Part[],
  change: (bytes: string) => string = same,
): Promise<void> {
  return new Promise(resolve => {
    const next = (at: number): void => {
      const part = parts[at];
      if (part === undefined || socket.destroyed || !socket.writable) return resolve();
      const write = () => {
        if (!socket.destroyed && socket.writable) socket.write(change(part.bytes), 'latin1');
        next(at + 1);
      };
      if (part.delayMs === 0) write();
      else setTimeout(write, part.delayMs);
    };
    next(0);
  });
}

function same(bytes: string): string {
  return bytes;
}

const lookMs = 10;

/** Waits until something holds, or its time has come. @returns whether it held */
export function settled(holds: () => boolean, due: () => number): Promise<boolean> {
  return new Promise(resolve => {
    const look = () => {
      const held = holds();
      if (!held && performance.now() < due()) return;
      clearInterval(timer);
      resolve(held);
    };
    const timer = setInterval(look, lookMs);
    look();
  });
}
