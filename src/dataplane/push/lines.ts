/** Lines over a byte stream, bounded. */

/** Takes chunks, gives back whole lines; keeps what is left for the next chunk. */
export class LineReader {
  #rest = '';
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Whole lines without their ends; empty ones are left out.
   *
   * @throws RangeError when a line is longer than the bound, TypeError when bytes are not UTF-8
   */
  push(chunk: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = parts.pop() ?? '';
    if (this.#rest.length > this.#maxBytes) throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`);
    return parts.filter(line => line !== '');
  }
}
