/** Writes to one connection, one configuration after the other, made only as fast as they leave. */
import type { Writable } from 'node:stream';
import type { Turns } from './turns.ts';

/**
 * What fits into this goes in one piece. Who has sent more waits for its turn, and then goes on in pieces of this size.
 */
const turnBytes = 8 * 1024;

/**
 * Up to its turn, what is larger goes in pieces of a page, with room for what malloc and TLS add: a connection keeps the
 * buffer that its pieces were sealed in, and of that the pages that were ever written. The first configuration of a
 * proxy is usually of this kind, of some ten kilobytes.
 */
const pageBytes = 4_000;

/** Who has its turn and got nothing out for so long hands it on at the next look. */
const stalledMs = 5_000;

/** What is to be written, and whether it still is: asked before each piece is made, for it may be of what is gone. */
export interface Job {
  readonly lines: Iterable<string>;
  isWanted(): boolean;
}

/** What a writer has from its surroundings. */
export interface WriterHost {
  /** Taken by whoever writes more than goes out at once. */
  readonly turns: Turns;
  /** Milliseconds since some moment; no clock that is set moves it. */
  elapsedMs(): number;
}

/** One connection's writer. */
export class Writer {
  readonly #socket: Writable;
  readonly #host: WriterHost;
  #writing = false;
  /** What comes when this is written; only the latest matters. */
  #next: Job | null = null;
  #endTurn: (() => void) | null = null;
  #waits = false;
  #movedMs = 0;
  #ended = false;
  /** Ends the wait for what is going out. */
  #wake: () => void = () => {};

  constructor(socket: Writable, host: WriterHost) {
    this.#socket = socket;
    this.#host = host;
  }

  /** Writes it now, or when what is under way is written; of several that wait the last one counts. */
  write(job: Job): void {
    if (this.#writing) this.#next = job;
    else void this.#run(job);
  }

  /** When something last went out, as `elapsedMs` counts; now while it waits for its turn, which is not the proxy's fault. */
  movedMs(): number {
    return this.#waits ? this.#host.elapsedMs() : this.#movedMs;
  }

  /** Hands its turn on when nothing goes out: others wait for it. */
  hurry(): void {
    if (this.#host.elapsedMs() - this.#movedMs > stalledMs) this.#pass();
  }

  /** Nothing is written any more, and nobody waits for what was. */
  end(): void {
    this.#ended = true;
    this.#next = null;
    this.#wake();
    this.#pass();
  }

  async #run(first: Job): Promise<void> {
    this.#writing = true;
    for (let job: Job | null = first; job !== null; job = this.#take()) await this.#send(job);
    this.#writing = false;
  }

  #take(): Job | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  /** A small configuration goes at once; more waits for its turn, or two thousand large ones would be under way. */
  async #send({ lines, isWanted }: Job): Promise<void> {
    const pieces = inPieces(lines);
    let sent = 0;
    for (;;) {
      if (sent >= turnBytes && this.#endTurn === null) await this.#takeTurn();
      if (!isWanted()) break;
      const { value: piece, done } = pieces.next();
      if (done) break;
      await this.#flush(piece);
      sent += piece.length;
    }
    this.#pass();
  }

  async #takeTurn(): Promise<void> {
    this.#waits = true;
    this.#endTurn = await this.#host.turns.take();
    this.#waits = false;
    this.#movedMs = this.#host.elapsedMs();
  }

  #pass(): void {
    this.#endTurn?.();
    this.#endTurn = null;
  }

  async #flush(piece: string): Promise<void> {
    this.#movedMs = this.#host.elapsedMs();
    if (this.#ended) return;
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      this.#socket.write(piece, () => resolve());
    });
    this.#movedMs = this.#host.elapsedMs();
  }
}

/** Lines put together to pieces, see `turnBytes` and `pageBytes`. */
function* inPieces(lines: Iterable<string>): Generator<string, void> {
  const iterator = lines[Symbol.iterator]();
  // Without `return`: to break off a loop over it leaves the rest to the next one.
  const rest: Iterable<string> = { [Symbol.iterator]: () => ({ next: () => iterator.next() }) };
  const early: string[] = [];
  let size = 0;
  for (const line of rest) {
    early.push(line);
    size += line.length;
    if (size > turnBytes) break;
  }
  yield* filled(early, size > turnBytes ? pageBytes : turnBytes);
  yield* filled(rest, turnBytes);
}

/** Lines up to so many bytes at a time; a line that is longer is a piece of its own. */
function* filled(lines: Iterable<string>, most: number): Generator<string, void> {
  let piece = '';
  for (const line of lines) {
    if (piece !== '' && piece.length + line.length > most) {
      yield piece;
      piece = '';
    }
    piece += line;
  }
  if (piece !== '') yield piece;
}
