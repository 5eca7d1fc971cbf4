/** Logs of processes: a file each, bounded, that others can follow line by line. */
import { EventEmitter, on } from 'node:events';
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

/** A file that has grown beyond this is put aside as `<file>.1`; the one before is dropped. */
const fileMaxBytes = 4 * 1024 * 1024;

export interface LogFile {
  readonly path: string;
  write(line: string): void;
  /** The lines so far, and with `follow` those to come until the signal or the end of the log. */
  read(options: ReadOptions): AsyncIterable<string>;
  /** Ends every reader that follows; nothing may be written afterwards. */
  close(): void;
}

export interface ReadOptions {
  readonly follow: boolean;
  /** Only so many of the lines so far. */
  readonly tailLines?: number | undefined;
  readonly signal: AbortSignal;
}

/** Opens a log for appending, mode 0600. */
export function createLogFile(path: string): LogFile {
  const events = new EventEmitter().setMaxListeners(0);
  let file = openSync(path, 'a', 0o600);
  let sizeBytes = 0;
  let closed = false;
  return {
    path,
    write(line) {
      if (closed) return;
      if (sizeBytes > fileMaxBytes) {
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a', 0o600);
        sizeBytes = 0;
      }
      sizeBytes += writeSync(file, `${line}\n`);
      events.emit('line', line);
    },
    read: options => read(path, events, options, closed),
    close() {
      if (closed) return;
      closed = true;
      closeSync(file);
      events.emit('end');
    },
  };
}

async function* read(
  path: string,
  events: EventEmitter,
  options: ReadOptions,
  closed: boolean,
): AsyncGenerator<string> {
  // In one turn, so that no line falls between the two and none comes twice.
  const coming = options.follow && !closed ? on(events, 'line', { close: ['end'], signal: options.signal }) : undefined;
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  for (const line of options.tailLines === undefined ? lines : lastOf(lines, options.tailLines)) yield `${line}\n`;
  if (coming === undefined) return;
  try {
    for await (const [line] of coming) yield `${line}\n`;
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

function lastOf(lines: readonly string[], count: number): readonly string[] {
  return count <= 0 ? [] : lines.slice(-count);
}
