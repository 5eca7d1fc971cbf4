/** Lines over a byte stream, bounded. */
import { isUtf8 } from 'node:buffer';

const newline = 0x0a;

/** Pieces of a line that are kept apart: each costs a hundred bytes of its own. */
const partsMax = 256;

/** Takes chunks, gives back whole lines; keeps what is left for the next chunk. */
export class LineReader {
  /** The line that has begun, as it came. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Whole lines without their ends; empty ones are left out.
   *
   * @throws RangeError when a line is longer than the bound, TypeError when bytes are not UTF-8
   */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const line = this.#whole(chunk.subarray(from, end));
      if (line !== '') lines.push(line);
      from = end + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return lines;
  }

  #whole(end: Buffer): string {
    this.#bound(end.length);
    const bytes = this.#rest.length === 0 ? end : Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restBytes = 0;
    if (!isUtf8(bytes)) throw new TypeError('a line is not UTF-8');
    return bytes.toString('utf8');
  }

  /** A copy, for the chunk belongs to a larger piece of memory that would be kept with it. */
  #keep(part: Buffer): void {
    this.#bound(part.length);
    this.#rest.push(Buffer.from(part));
    this.#restBytes += part.length;
    if (this.#rest.length > partsMax) this.#rest = [Buffer.concat(this.#rest)];
  }

  #bound(more: number): void {
    if (this.#restBytes + more > this.#maxBytes) throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`);
  }
}
