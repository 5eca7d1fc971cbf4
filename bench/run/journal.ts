/**
 * What a run has measured, a line a round, written before the next one begins: a run that is stopped at any moment keeps
 * what it has, and one that is taken up again measures only what is missing. The first line says what was to be measured,
 * where and with what; a run is taken up only where all of that is the same.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Result, Round } from '../model.ts';

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
  return { head: JSON.parse(first) as Head, rounds: lines.map(line => JSON.parse(line) as Round) };
}

function whole(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

export class Journal {
  readonly #fd: number;
  readonly head: Head;
  readonly #rounds: Round[];

  private constructor(fd: number, { head, rounds }: Found) {
    this.#fd = fd;
    this.head = head;
    this.#rounds = [...rounds];
  }

  /** Begins a run. @throws Error when there is one at this path already */
  static begin(path: string, head: Head): Journal {
    const journal = new Journal(openSync(path, 'wx'), { head, rounds: [] });
    journal.#write(head);
    return journal;
  }

  /** Takes a run up again. @throws Error when it was of another suite, machine or version: a run is of one */
  static resume(path: string, now: Pick<Head, 'machine' | 'versions'> & Partial<Pick<Head, 'suite'>>): Journal {
    const text = whole(readFileSync(path, 'utf8'));
    const before = found(path, text);
    for (const part of ['suite', 'machine', 'versions'] as const) {
      if (now[part] === undefined) continue;
      const [then, today] = [JSON.stringify(before.head[part]), JSON.stringify(now[part])];
      if (then !== today) throw new Error(`the ${part} of ${path} is ${then}, here it is ${today}: begin a new run`);
    }
    const fd = openSync(path, 'r+');
    ftruncateSync(fd, Buffer.byteLength(text));
    return new Journal(fd, before);
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
  }

  /** At the end of the file, wherever it was read to. */
  #write(line: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const end = fstatSync(this.#fd).size;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at, end + at);
    fsyncSync(this.#fd);
  }
}
