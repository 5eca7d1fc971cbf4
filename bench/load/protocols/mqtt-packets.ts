/**
 * Packets of MQTT 5.0, as many as an echo needs. Numbers of sections are of the OASIS standard of 2019-03-07. Not 3.1.1: Pipy
 * 1.5.18, on which the app runs, reads all but CONNECT as if it were of version 5.
 */

/** Types of packets, section 2.1.2. */
export const packets = {
  connect: 1,
  connack: 2,
  publish: 3,
  subscribe: 8,
  suback: 9,
  pingreq: 12,
  pingresp: 13,
} as const;

/** A packet without its fixed header. */
export interface Packet {
  readonly type: number;
  /** The four bits beside the type, section 2.1.3. */
  readonly flags: number;
  readonly body: Buffer;
}

/** What SUBSCRIBE has in place of flags, section 3.8.1. */
const reserved = 2;

/** A length may have four bytes of seven bits, section 1.5.5. */
const lengthBytesMax = 4;

/** A whole packet. */
export function packet(type: number, body: Buffer, flags = 0): Buffer {
  return Buffer.concat([Buffer.from([(type << 4) | flags]), lengthBytes(body.length), body]);
}

function lengthBytes(length: number): Buffer {
  const bytes: number[] = [];
  let left = length;
  do {
    const more = left > 127 ? 0x80 : 0;
    bytes.push((left & 0x7f) | more);
    left >>>= 7;
  } while (left > 0);
  return Buffer.from(bytes);
}

/** @returns the length and where it ends; null when it is cut off. @throws Error when it does not end */
function lengthAt(bytes: Buffer, start: number): { readonly length: number; readonly end: number } | null {
  let length = 0;
  for (let at = 0; start + at < bytes.length; at++) {
    const byte = bytes[start + at] ?? 0;
    if (at === lengthBytesMax - 1 && byte > 127) throw new Error('a length that does not end');
    length += (byte & 0x7f) * 128 ** at;
    if (byte < 128) return { length, end: start + at + 1 };
  }
  return null;
}

/** A text with its length before it, section 1.5.4. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** No properties, section 2.2.2. */
const noProperties = Buffer.from([0]);

/** A client that keeps no session and need not ping. */
export function connectPacket(client: string): Buffer {
  const [level, cleanStart, keepAlive] = [5, 2, [0, 0]];
  return packet(
    packets.connect,
    Buffer.concat([text('MQTT'), Buffer.from([level, cleanStart, ...keepAlive]), noProperties, text(client)]),
  );
}

/** A subscription at most once, with packet identifier 1. */
export function subscribePacket(topic: string): Buffer {
  return packet(
    packets.subscribe,
    Buffer.concat([Buffer.from([0, 1]), noProperties, text(topic), Buffer.from([0])]),
    reserved,
  );
}

/** A message at most once. */
export function publishPacket(topic: string, payload: Buffer): Buffer {
  return packet(packets.publish, Buffer.concat([text(topic), noProperties, payload]));
}

/** What a publication is about. @throws Error when it is to be acknowledged or is cut off */
export function publicationOf({ flags, body }: Packet): { readonly topic: string; readonly payload: Buffer } {
  if ((flags & 6) !== 0) throw new Error('a publication that is to be acknowledged');
  const end = body.length < 2 ? Infinity : 2 + body.readUInt16BE(0);
  const properties = lengthAt(body, end);
  const start = properties === null ? Infinity : properties.end + properties.length;
  if (start > body.length) throw new Error('a publication that is cut off');
  return { topic: body.toString('utf8', 2, end), payload: body.subarray(start) };
}

/** Packets out of a stream of bytes. */
export class PacketReader {
  #left: Buffer = Buffer.alloc(0);

  /** @returns those that are whole. @throws Error when a length is none */
  push(chunk: Buffer): Packet[] {
    this.#left = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    const whole: Packet[] = [];
    for (let next = this.#next(); next !== null; next = this.#next()) whole.push(next);
    return whole;
  }

  #next(): Packet | null {
    const bytes = this.#left;
    const [head] = bytes;
    const length = lengthAt(bytes, 1);
    if (head === undefined || length === null) return null;
    const end = length.end + length.length;
    if (end > bytes.length) return null;
    this.#left = bytes.subarray(end);
    return { type: head >> 4, flags: head & 0x0f, body: bytes.subarray(length.end, end) };
  }
}
