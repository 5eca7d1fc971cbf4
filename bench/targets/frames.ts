/** WebSocket (RFC 6455) as far as an echo needs it. */
import { createHash } from 'node:crypto';

/** A message. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Opcodes of section 5.2. */
export const opcodes = { binary: 2, close: 8 } as const;

/** `Sec-WebSocket-Accept` of a key (section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A message as one frame; clients mask theirs. */
export function frameOf({ opcode, payload }: Frame, mask?: Buffer): Buffer {
  const masked = mask === undefined ? 0 : 0x80;
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, masked | length])
      : length < 65536
        ? Buffer.from([0x80 | opcode, masked | 126, length >> 8, length & 0xff])
        : longHead(0x80 | opcode, masked | 127, length);
  return mask === undefined ? Buffer.concat([head, payload]) : Buffer.concat([head, mask, xor(payload, mask)]);
}

function longHead(first: number, second: number, length: number): Buffer {
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = second;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

function xor(payload: Buffer, mask: Buffer): Buffer {
  const result = Buffer.allocUnsafe(payload.length);
  for (let at = 0; at < payload.length; at++) result[at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0);
  return result;
}

/** Makes messages of a stream of bytes. Fragments are joined: Pipy cuts what is longer than 16 KiB. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #begun: Frame | undefined;

  /** The messages that are whole with these bytes. */
  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Frame[] = [];
    for (let part = this.#take(); part !== undefined; part = this.#take()) {
      const { opcode, payload } = this.#begun ?? part;
      const whole = this.#begun === undefined ? part : { opcode, payload: Buffer.concat([payload, part.payload]) };
      this.#begun = part.isLast ? undefined : whole;
      if (part.isLast) messages.push({ opcode: whole.opcode, payload: whole.payload });
    }
    return messages;
  }

  #take(): (Frame & { readonly isLast: boolean }) | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const [first, second] = [rest.readUInt8(0), rest.readUInt8(1)];
    const short = second & 0x7f;
    const lengthEnd = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (rest.length < lengthEnd) return undefined;
    const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    const isMasked = second >= 0x80;
    const begin = lengthEnd + (isMasked ? 4 : 0);
    if (rest.length < begin + length) return undefined;
    this.#rest = rest.subarray(begin + length);
    const bytes = rest.subarray(begin, begin + length);
    const payload = isMasked ? xor(bytes, rest.subarray(lengthEnd, begin)) : bytes;
    return { opcode: first & 0x0f, payload, isLast: first >= 0x80 };
  }
}
