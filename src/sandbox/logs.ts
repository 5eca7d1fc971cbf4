/**
 * Logs of processes: a file each, bounded, that others can follow line by line. The file has the lines as they came; when
 * each came and where a process began anew is remembered beside it. A disk that is full costs lines, and nothing else.
 */
import { EventEmitter, on } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

/** A file that has grown beyond this is put aside as `<file>.1`; the one before is dropped. */
const fileMaxBytes = 4 * 1024 * 1024;

export interface LogFile {
  readonly path: string;
  write(line: string): void;
  /** A process begins: what follows is its own. */
  begin(): void;
  /** Whether a process ended before the last one began. */
  hasPrevious(): boolean;
  /** The lines so far, and with `follow` those to come until the signal or the end of the log. */
  read(options: ReadOptions): AsyncIterable<string>;
  /** Ends every reader that follows; nothing may be written afterwards. */
  close(): void;
}

export interface ReadOptions {
  readonly follow: boolean;
  /** Only so many of the lines so far. */
  readonly tailLines?: number | undefined;
  /** Only lines that came at this time or later, epoch milliseconds. */
  readonly sinceMs?: number | undefined;
  /** The lines of the process before the last one. */
  readonly previous?: boolean;
  /** Each line begins with the time when it came (RFC 3339). */
  readonly timestamps?: boolean;
  readonly signal: AbortSignal;
}

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** What is remembered of the lines of the file. */
interface Memory {
  /** Where in the file they begin: an earlier pod may have had the same name. */
  offsetBytes: number;
  /** When each line came, epoch milliseconds. */
  times: number[];
  /** Number of the first line of each process. */
  begins: number[];
}

/**
 * Opens a log for appending, mode 0600. It can be used even where the file cannot: then it is opened later.
 *
 * @param onTrouble told when lines begin to be lost
 */
export function createLogFile(path: string, onTrouble: (error: unknown) => void = () => undefined): LogFile {
  const events = new EventEmitter().setMaxListeners(0);
  const memory: Memory = { offsetBytes: 0, times: [], begins: [] };
  const file = createFile(path, memory);
  let inTrouble = false;
  let closed = false;
  const minded = (work: () => void) => {
    try {
      work();
      inTrouble = false;
    } catch (error) {
      if (!inTrouble) onTrouble(error);
      inTrouble = true;
    }
  };
  minded(file.open);
  return {
    path,
    write(text) {
      if (closed) return;
      const line = { atMs: Date.now(), text };
      minded(() => file.append(line));
      events.emit('line', line);
    },
    begin: () => void memory.begins.push(memory.times.length),
    hasPrevious: () => memory.begins.length > 1,
    read: options => read(path, memory, events, options, closed),
    close() {
      if (closed) return;
      closed = true;
      file.close();
      events.emit('end');
    },
  };
}

/** The file itself: opened when it can be, and put aside when it is long. */
function createFile(path: string, memory: Memory) {
  let descriptor: number | undefined;
  let sizeBytes = 0;
  const open = () => {
    descriptor ??= openSync(path, 'a', 0o600);
    if (memory.times.length === 0) memory.offsetBytes = fstatSync(descriptor).size;
    return descriptor;
  };
  const close = () => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    open,
    close,
    append({ atMs, text }: Line) {
      if (sizeBytes > fileMaxBytes) {
        close();
        renameSync(path, `${path}.1`);
        sizeBytes = 0;
        Object.assign(memory, { times: [], begins: memory.begins.length > 0 ? [0] : [] });
      }
      sizeBytes += writeWhole(open(), Buffer.from(`${text}\n`));
      memory.times.push(atMs);
    },
  };
}

/** On a disk that is nearly full the system takes a part of a line; the next try says why. */
function writeWhole(descriptor: number, bytes: Buffer): number {
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
  return written;
}

/** The lines of the file, each with its time. A part of a line that the disk had no room for is none. */
function linesOf(path: string, { offsetBytes, times }: Memory): readonly Line[] {
  const texts = times.length === 0 ? [] : readFileSync(path).subarray(offsetBytes).toString('utf8').split('\n');
  return times.map((atMs, i) => ({ atMs, text: texts[i] ?? '' }));
}

async function* read(
  path: string,
  memory: Memory,
  events: EventEmitter,
  options: ReadOptions,
  closed: boolean,
): AsyncGenerator<string> {
  // In one turn with the reading of the file, so that no line falls between the two and none comes twice.
  const follows = options.follow && !options.previous && !closed;
  const coming = follows ? on(events, 'line', { close: ['end'], signal: options.signal }) : undefined;
  const lines = linesOf(path, memory);
  for (const line of chosen(lines, memory.begins, options)) yield shown(line, options);
  if (coming === undefined) return;
  try {
    for await (const [line] of coming) yield shown(line, options);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

/** The lines of the process that is asked for, as few as are asked for. */
function chosen(lines: readonly Line[], begins: readonly number[], options: ReadOptions): readonly Line[] {
  const { sinceMs = 0, tailLines, previous } = options;
  const [from = 0, to = lines.length] = previous ? [begins.at(-2), begins.at(-1)] : [begins.at(-1)];
  const recent = lines.slice(from, to).filter(({ atMs }) => atMs >= sinceMs);
  if (tailLines === undefined) return recent;
  return tailLines <= 0 ? [] : recent.slice(-tailLines);
}

function shown({ atMs, text }: Line, { timestamps }: ReadOptions): string {
  return timestamps ? `${new Date(atMs).toISOString()} ${text}\n` : `${text}\n`;
}
