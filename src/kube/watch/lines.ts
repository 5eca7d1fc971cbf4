import { concat, defer, EMPTY, mergeMap, type Observable, type OperatorFunction, throwError } from 'rxjs';

const newline = 0x0a;

/** A stream that does not consist of whole lines within the bound. */
export class BrokenLine extends Error {}

/**
 * Cuts bytes into lines, however they were cut into chunks (also within a character).
 * Fails with BrokenLine for a line over `maxBytes`, and for a stream that ends within a line.
 */
export function lines(maxBytes: number): OperatorFunction<Uint8Array, string> {
  return chunks =>
    defer(() => {
      const splitter = new LineSplitter(maxBytes);
      return concat(chunks.pipe(mergeMap(chunk => splitter.push(chunk))), atEnd(splitter));
    });
}

function atEnd(splitter: LineSplitter): Observable<never> {
  return defer(() =>
    splitter.pendingBytes === 0 ? EMPTY : throwError(() => new BrokenLine('a line that was cut short')),
  );
}

class LineSplitter {
  /** Pieces of the line that is not complete yet. */
  #pieces: Uint8Array[] = [];
  pendingBytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Lazy, so that the lines before a broken one are read before it breaks. */
  *push(chunk: Uint8Array): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#add(chunk.subarray(start, end));
      const line = this.#take();
      start = end + 1;
      if (line !== '') yield line;
    }
    this.#add(chunk.subarray(start));
  }

  #add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.pendingBytes += piece.length;
    if (this.pendingBytes > this.#maxBytes) throw new BrokenLine(`a line of more than ${this.#maxBytes} bytes`);
    this.#pieces.push(piece);
  }

  #take(): string {
    const line = Buffer.concat(this.#pieces).toString('utf8').trim();
    this.#pieces = [];
    this.pendingBytes = 0;
    return line;
  }
}
