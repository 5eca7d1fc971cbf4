/** Frames of WebSocket (RFC 6455 5.2), as far as a client needs them. */

const opcodes = { binary: 2, pong: 10 } as const;
const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);

/** One whole message of a client, masked. The mask is always the same: it guards proxies from scripts of pages, not us. */
export function frame(kind: keyof typeof opcodes, payload: Buffer): Buffer {
  const head = [0x80 | opcodes[kind], ...lengthBytes(payload.length), ...mask];
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.from(head), masked]);
}

function lengthBytes(length: number): number[] {
  if (length < 126) return [0x80 | length];
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return length < 65_536 ? [0x80 | 126, ...bytes.subarray(6)] : [0x80 | 127, ...bytes];
}

/** What bytes brought: lengths of whole messages, payloads of pings, and whether the peer closes. */
export interface Read {
  readonly lengths: number[];
  readonly pings: Buffer[];
  closed: boolean;
}

/** Reads a server's frames out of whatever pieces they come in. Messages are counted and not kept. */
export class MessageReader {
  #kept: Buffer = Buffer.alloc(0);
  #left = 0;
  #length = 0;
  #final = false;

  /** Throws when a frame is masked, which a server must not do. */
  push(bytes: Buffer): Read {
    const read: Read = { lengths: [], pings: [], closed: false };
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    for (;;) {
      const data = Math.min(this.#left, rest.length);
      this.#take(data, read);
      rest = rest.subarray(data);
      const used = this.#left > 0 ? 0 : this.#head(rest, read);
      if (used === 0) break;
      rest = rest.subarray(used);
    }
    this.#kept = Buffer.from(rest);
    return read;
  }

  #take(length: number, { lengths }: Read): void {
    if (length === 0) return;
    this.#length += length;
    this.#left -= length;
    if (this.#left === 0 && this.#final) this.#message(lengths);
  }

  #message(lengths: number[]): void {
    lengths.push(this.#length);
    this.#length = 0;
  }

  /** A frame's head, or a whole control frame; 0 when it is not there yet. */
  #head(rest: Buffer, read: Read): number {
    const [first = 0, second = 0] = rest;
    if (rest.length < 2) return 0;
    if ((second & 0x80) !== 0) throw new Error('a masked frame of a server');
    const extra = second === 126 ? 2 : second === 127 ? 8 : 0;
    if (rest.length < 2 + extra) return 0;
    const length = extra === 0 ? second : Number(extra === 2 ? rest.readUInt16BE(2) : rest.readBigUInt64BE(2));
    const head = 2 + extra;
    if ((first & 0x08) !== 0) {
      if (rest.length < head + length) return 0;
      if ((first & 0x0f) === 8) read.closed = true;
      if ((first & 0x0f) === 9) read.pings.push(Buffer.from(rest.subarray(head, head + length)));
      return head + length;
    }
    this.#final = (first & 0x80) !== 0;
    this.#left = length;
    if (length === 0 && this.#final) this.#message(read.lengths);
    return head;
  }
}
