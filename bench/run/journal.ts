/**
 * What a run has measured, a line a round, written before the next one begins: a run that is stopped at any moment keeps
 * what it has, and one that is taken up again measures only what is missing. The first line says what was to be measured,
 * where and with what; a run is taken up only where all of that is the same. One process at a time writes to a journal.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Result, Round } from '../model.ts';
import { takeLock } from './lock.ts';

/** The first line: what a result says that is known before it is measured. */
export type Head = Pick<Result, 'suite' | 'startedAt' | 'machine' | 'versions' | 'rules' | 'skips'>;

/** What a journal was found to hold. */
export interface Found {
  readonly head: Head;
  readonly rounds: readonly Round[];
}

/** Reads a journal; a last line that was cut off counts for nothing. @throws Error when it is none */
export function readJournal(path: string): Found {
  return found(path, whole(readFileSync(path, 'utf8')));
}

function found(path: string, text: string): Found {
  const [first, ...lines] = text.split('\n').filter(line => line !== '');
  if (first === undefined) throw new Error(`${path} is empty: begin a new run`);
  const parsed = (line: string, at: number): unknown => {
    try {
      return JSON.parse(line);
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      throw new Error(`${path}: line ${at} is broken (${why}): take it out, or begin a new run`);
    }
  };
  return { head: parsed(first, 1) as Head, rounds: lines.map((line, at) => parsed(line, at + 2) as Round) };
}

function whole(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** What a run is taken up with. */
export type Now = Pick<Head, 'machine' | 'versions'> & Partial<Pick<Head, 'suite'>>;

/** @throws Error when it was of another suite, machine or version: a run is of one */
function checkSame(path: string, then: Head, now: Now): void {
  for (const part of ['suite', 'machine', 'versions'] as const) {
    if (now[part] === undefined) continue;
    const [before, today] = [JSON.stringify(then[part]), JSON.stringify(now[part])];
    if (before !== today) throw new Error(`the ${part} of ${path} is ${before}, here it is ${today}: begin a new run`);
  }
}

/** A file that nobody else writes to. */
interface Opened {
  readonly fd: number;
  readonly unlock: () => void;
}

/** What is made of the file; without it, nothing stays open or locked. */
function opened(path: string, flags: 'wx' | 'r+' | 'a+', use: (file: Opened) => Journal): Journal {
  const fd = openSync(path, flags);
  let unlock = (): void => {};
  try {
    unlock = takeLock(`${path}.lock`);
    return use({ fd, unlock });
  } catch (error) {
    closeSync(fd);
    unlock();
    throw error;
  }
}

export class Journal {
  readonly #fd: number;
  readonly #unlock: () => void;
  readonly head: Head;
  readonly #rounds: Round[];

  private constructor({ fd, unlock }: Opened, { head, rounds }: Found) {
    this.#fd = fd;
    this.#unlock = unlock;
    this.head = head;
    this.#rounds = [...rounds];
  }

  /** Begins a run. @throws Error when there is one at this path already */
  static begin(path: string, head: Head): Journal {
    return opened(path, 'wx', file => Journal.#begun(file, head));
  }

  /** Takes a run up again. @throws Error when it was of another suite, machine or version, or is being written to */
  static resume(path: string, now: Now): Journal {
    return opened(path, 'r+', file => Journal.#resumed(path, file, now));
  }

  /** Takes up what is at this path, or begins where there is nothing yet: not even a whole head, as a full disk leaves it. */
  static continue(path: string, head: Head): Journal {
    return opened(path, 'a+', file =>
      whole(readFileSync(file.fd, 'utf8')) === '' ? Journal.#begun(file, head) : Journal.#resumed(path, file, head),
    );
  }

  static #begun(file: Opened, head: Head): Journal {
    ftruncateSync(file.fd);
    const journal = new Journal(file, { head, rounds: [] });
    journal.#write(head);
    return journal;
  }

  static #resumed(path: string, file: Opened, now: Now): Journal {
    const text = whole(readFileSync(path, 'utf8'));
    const before = found(path, text);
    checkSame(path, before.head, now);
    ftruncateSync(file.fd, Buffer.byteLength(text));
    return new Journal(file, before);
  }

  get rounds(): readonly Round[] {
    return this.#rounds;
  }

  /** @throws Error when it cannot be written: what was written before stays */
  append(round: Round): void {
    this.#write(round);
    this.#rounds.push(round);
  }

  close(): void {
    closeSync(this.#fd);
    this.#unlock();
  }

  /** At the end of the file, wherever it was read to. */
  #write(line: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const end = fstatSync(this.#fd).size;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at, end + at);
    fsyncSync(this.#fd);
  }
}
