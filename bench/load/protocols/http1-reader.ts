/** Reads answers of HTTP/1.1 (RFC 9112) out of whatever pieces they come in. */

/** One answer; bodies are counted and not kept. */
export interface Answer {
  readonly status: number;
  readonly length: number;
  /** Nothing follows on this connection. */
  readonly last: boolean;
}

/** A head, or a line of a chunked body, that is longer than this is no HTTP. */
const longestHead = 65_536;
const empty = Buffer.alloc(0);

type Body = 'fixed' | 'chunked' | 'until the end';

/**
 * `push` takes the next bytes and gives the answers that they complete. Throws when the bytes are no answer; the reader
 * is of no use after that. Interim answers (1xx) are passed over.
 */
export class AnswerReader {
  #kept: Buffer = empty;
  /** What comes next: a head, bytes of a body, the size of a chunk, the line end behind a chunk, a trailer. */
  #next: 'head' | 'body' | 'size' | 'line end' | 'trailer' = 'head';
  #body: Body = 'fixed';
  #status = 0;
  #last = false;
  #length = 0;
  #left = 0;

  push(bytes: Buffer): Answer[] {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    this.#kept = empty;
    const answers: Answer[] = [];
    while (rest.length > 0) {
      const used = this.#step(rest, answers);
      if (used === 0) {
        if (rest.length > longestHead) throw new Error('a head without an end');
        this.#kept = rest;
        break;
      }
      rest = rest.subarray(used);
    }
    return answers;
  }

  /** The connection has ended: the answer that this completes, if that is how it ends. */
  end(): Answer | null {
    return this.#next === 'body' && this.#body === 'until the end' ? this.#answer() : null;
  }

  /** Takes one part from the front; 0 when it is not whole yet. */
  #step(rest: Buffer, answers: Answer[]): number {
    if (this.#next === 'body') return this.#takeBody(rest, answers);
    const mark = this.#next === 'head' ? '\r\n\r\n' : '\r\n';
    const at = rest.indexOf(mark, 0, 'latin1');
    if (at < 0) return 0;
    const text = rest.toString('latin1', 0, at);
    if (this.#next === 'head') this.#takeHead(text, answers);
    else if (this.#next === 'size') this.#takeSize(text);
    else if (this.#next === 'trailer') this.#takeTrailer(text, answers);
    else if (text === '') this.#next = 'size';
    else throw new Error('a chunk longer than it says');
    return at + mark.length;
  }

  #takeHead(head: string, answers: Answer[]): void {
    const status = /^HTTP\/1\.([01]) (\d{3})(?: |\r|$)/.exec(head);
    if (status === null) throw new Error(`no answer of HTTP/1.1: ${JSON.stringify(head.slice(0, 40))}`);
    this.#status = Number(status[2]);
    if (this.#status < 200 && this.#status !== 101) return;
    const connection = field(head, 'connection')?.toLowerCase() ?? '';
    this.#last = status[1] === '0' ? !connection.includes('keep-alive') : /\bclose\b/.test(connection);
    this.#length = 0;
    this.#next = 'body';
    const length = field(head, 'content-length');
    if (this.#status === 204 || this.#status === 304) this.#fixed(0, answers);
    else if (/\bchunked\s*$/i.test(field(head, 'transfer-encoding') ?? '')) {
      this.#body = 'chunked';
      this.#next = 'size';
    } else if (length !== undefined) this.#fixed(parsed(length, 10), answers);
    else {
      this.#body = 'until the end';
      this.#last = true;
    }
  }

  #fixed(length: number, answers: Answer[]): void {
    this.#body = 'fixed';
    this.#left = length;
    if (length === 0) answers.push(this.#answer());
  }

  #takeBody(rest: Buffer, answers: Answer[]): number {
    const taken = this.#body === 'until the end' ? rest.length : Math.min(rest.length, this.#left);
    this.#length += taken;
    if (this.#body === 'until the end') return taken;
    this.#left -= taken;
    if (this.#left === 0 && this.#body === 'fixed') answers.push(this.#answer());
    else if (this.#left === 0) this.#next = 'line end';
    return taken;
  }

  #takeSize(line: string): void {
    this.#left = parsed(line.split(';', 1)[0] ?? '', 16);
    this.#next = this.#left === 0 ? 'trailer' : 'body';
  }

  #takeTrailer(line: string, answers: Answer[]): void {
    if (line === '') answers.push(this.#answer());
  }

  #answer(): Answer {
    this.#next = 'head';
    return { status: this.#status, length: this.#length, last: this.#last };
  }
}

function field(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)`, 'i').exec(head)?.[1];
}

function parsed(digits: string, radix: 10 | 16): number {
  const text = digits.trim();
  if (!(radix === 10 ? /^\d{1,15}$/ : /^[\da-f]{1,12}$/i).test(text))
    throw new Error(`no length: ${text.slice(0, 40)}`);
  return Number.parseInt(text, radix);
}
