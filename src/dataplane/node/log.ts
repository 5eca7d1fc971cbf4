import type { Writable } from 'node:stream';

/** Values that a log line carries. Never a key, a token or a query string. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Writes one JSON object on each line: `{time, level, message, …fields}`; `time` is ISO 8601 in UTC. */
export type Logger = (level: Level, message: string, fields?: LogFields) => void;

/** Writes lines to a stream whose reader may leave: nobody reads the log then, and the sidecar serves on. */
export function writerTo(stream: Writable): (line: string) => void {
  stream.on('error', () => undefined);
  return line => void stream.write(line);
}

const order: Readonly<Record<string, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * A logger whose threshold can change while it runs.
 *
 * @param write takes one line with its newline
 * @param threshold name of the least level that is written; an unknown name counts as `info`
 * @param base fields that every line carries
 */
export function createLogger(write: (line: string) => void, threshold: () => string, base: LogFields): Logger {
  return (level, message, fields) => {
    if ((order[level] ?? 0) < (order[threshold()] ?? 1)) return;
    const line = { time: new Date().toISOString(), level, message, ...base, ...fields };
    write(`${JSON.stringify(line)}\n`);
  };
}
