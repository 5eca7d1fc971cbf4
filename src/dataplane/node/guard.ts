/** The last line of defence: what nobody foresaw costs one exchange, or one connection, and is seen in the log. */
import { randomBytes } from 'node:crypto';
import type { LogFields, Logger } from './log.ts';

/** Longest stack that a log line carries, in characters. */
const stackMax = 2000;

/** Runs `run`; what it throws goes to `failed`. What `failed` throws is lost: it can do no more. */
export function guarded<A extends readonly unknown[]>(
  run: (...args: A) => void,
  failed: (error: Error) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      run(...args);
    } catch (error) {
      try {
        failed(error as Error);
      } catch {}
    }
  };
}

/**
 * Logs what nobody foresaw.
 *
 * @returns the id of the line, for whoever is told that something failed
 */
export function logUnexpected(log: Logger, where: string, error: unknown, fields: LogFields = {}): string {
  const id = randomBytes(4).toString('hex');
  const { stack, code } = (error instanceof Error ? error : new Error(String(error))) as NodeJS.ErrnoException;
  log('error', 'something unexpected failed', { ...fields, where, id, code, stack: stack?.slice(0, stackMax) });
  return id;
}

/**
 * Keeps the process when an exception has passed every other guard: it costs the connection that it came from, where
 * an exit would cost all. Such a line in the log is a fault of ours.
 */
export function surviveUnexpected(log: Logger): void {
  process.on('uncaughtException', error => void logUnexpected(log, 'process', error));
}
