/** Frames of HTTP/2 (RFC 9113), written and read by hand, so that every byte can be another one. */
import { HeaderReader, headerBlock } from './hpack.ts';
import type { Grade, Message } from './parse.ts';

/** Types of frames (RFC 9113, 6). */
export const types = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

/** END_STREAM, which is also the ACK of settings and pings. */
export const endStream = 1;
/** END_HEADERS. */
export const endHeaders = 4;

const padded = 8;
const priority = 0x20;

/** One frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

/** What a client's connection begins with. */
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** A frame as bytes. */
export function frame(type: number, flags: number, stream: number, payload = ''): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return head.toString('latin1') + payload;
}

/** A number of four bytes. */
export function uint32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('latin1');
}

/** SETTINGS that let as much come as our messages have: initial window, largest header list, no table. */
export const ownSettings = frame(types.settings, 0, 0, `\0\x04${uint32(1 << 20)}\0\x06${uint32(1 << 18)}`);
/** The window of the connection, made larger. */
export const ownWindow = frame(types.window, 0, 0, uint32(1 << 24));
/** Largest piece of a header block in one frame. */
const pieceMax = 16_000;

/** HEADERS, with CONTINUATION where the block needs it. */
export function headers(stream: number, fields: readonly (readonly [string, string])[], ends: boolean): string[] {
  const block = headerBlock(fields);
  const pieces = Array.from({ length: Math.ceil(block.length / pieceMax) || 1 }, (_, at) =>
    block.slice(at * pieceMax, (at + 1) * pieceMax),
  );
  return pieces.map((piece, at) => {
    const last = at === pieces.length - 1 ? endHeaders : 0;
    if (at > 0) return frame(types.continuation, last, stream, piece);
    return frame(types.headers, last | (ends ? endStream : 0), stream, piece);
  });
}

/** Takes bytes as they come, and gives whole frames. */
export class FrameReader {
  #rest = '';

  push(bytes: string): Frame[] {
    this.#rest += bytes;
    const frames: Frame[] = [];
    for (;;) {
      const length = 9 + lengthOf(this.#rest);
      if (this.#rest.length < length) return frames;
      frames.push(frameOf(this.#rest.slice(0, length)));
      this.#rest = this.#rest.slice(length);
    }
  }

  /** Bytes of a frame that is not complete. */
  get rest(): string {
    return this.#rest;
  }
}

/** Length of what the frame at the start carries; more than there can be while its head is not complete. */
function lengthOf(bytes: string): number {
  return bytes.length < 9 ? Number.POSITIVE_INFINITY : Buffer.from(bytes.slice(0, 3), 'latin1').readUIntBE(0, 3);
}

function frameOf(bytes: string): Frame {
  const head = Buffer.from(bytes.slice(0, 9), 'latin1');
  const stream = head.readUInt32BE(5) & 0x7fffffff;
  return { type: head.readUInt8(3), flags: head.readUInt8(4), stream, payload: bytes.slice(9) };
}

/** Same bytes, for another stream than the one that they name. */
export function onStream(bytes: string, from: number, to: number): string {
  return bytes.slice(5, 9) === uint32(from) ? bytes.slice(0, 5) + uint32(to) + bytes.slice(9) : bytes;
}

/** Frames that every peer takes at any time. */
export function isHarmless({ type, flags, stream, payload }: Frame): boolean {
  if (type === types.settings) return stream === 0 && payload.length === 0 && flags <= 1;
  if (type === types.ping) return stream === 0 && payload.length === 8 && flags === 0;
  if (type === types.goaway) return stream === 0 && payload.startsWith('\x7f\xff\xff\xff\0\0\0\0');
  // Types that nobody knows are passed over (5.5).
  return type > 0x20 && payload.length < 1000;
}

/** Without padding and priority (6.2). */
function unpadded(flags: number, payload: string): string {
  const padding = (flags & padded) === 0 ? 0 : payload.charCodeAt(0);
  const from = ((flags & padded) === 0 ? 0 : 1) + ((flags & priority) === 0 ? 0 : 5);
  return payload.slice(from, Math.max(from, payload.length - padding));
}

/** What has come on a stream so far. */
export class Stream {
  readonly #reader: HeaderReader;
  readonly #isRequest: boolean;
  #block = '';
  #ends = false;
  #open = false;
  #heads = 0;
  #hasBody = false;
  fields: readonly (readonly [string, string])[] = [];
  trailers: readonly (readonly [string, string])[] = [];
  readonly interim: number[] = [];
  body = '';
  why = '';
  state: 'open' | 'ended' | 'reset' = 'open';

  constructor(reader: HeaderReader, isRequest: boolean) {
    this.#reader = reader;
    this.#isRequest = isRequest;
  }

  /** Whether its head has come. */
  get hasHead(): boolean {
    return this.fields.length > 0;
  }

  take({ type, flags, payload }: Frame): void {
    if (this.state !== 'open') this.why ||= 'a frame after the end';
    if (this.#open !== (type === types.continuation)) this.why ||= 'the order of frames';
    if (type === types.headers || type === types.continuation) this.#takeBlock(type, flags, payload);
    else if (type === types.data) this.#takeData(flags, payload);
    else if (type === types.reset) this.state = 'reset';
    else this.why ||= `a frame of type ${type}`;
  }

  #takeBlock(type: number, flags: number, payload: string): void {
    if (type === types.headers) this.#ends = (flags & endStream) !== 0;
    this.#block += type === types.headers ? unpadded(flags, payload) : payload;
    this.#open = (flags & endHeaders) === 0;
    if (this.#open) return;
    this.#takeFields(this.#reader.read(this.#block));
    this.#block = '';
    if (this.#ends) this.state = 'ended';
  }

  #takeFields(fields: readonly (readonly [string, string])[]): void {
    const status = Number(new Map(fields).get(':status') ?? '0');
    if (!this.#isRequest && status >= 100 && status < 200) {
      if (this.hasHead) this.why ||= 'an interim answer behind the answer';
      this.interim.push(status);
      return;
    }
    if (this.#heads++ === 0) this.fields = fields;
    else if (this.#ends) this.trailers = fields;
    else this.why ||= 'a second head';
  }

  #takeData(flags: number, payload: string): void {
    if (!this.hasHead) this.why ||= 'a body before its head';
    this.body += unpadded(flags & padded, payload);
    this.#hasBody = true;
    if ((flags & endStream) !== 0) this.state = 'ended';
  }

  /** As a message; `partial` while more has to come. */
  message(): Message {
    const all = new Map(this.fields);
    const fields = this.fields.filter(([name]) => !name.startsWith(':'));
    const why = this.why || this.#oddity(all, fields);
    const grade: Grade = this.state === 'open' ? 'partial' : why !== '' || this.state === 'reset' ? 'odd' : 'whole';
    const request = { method: all.get(':method') ?? '', target: all.get(':path') ?? '' };
    const host = all.get(':authority');
    return {
      grade,
      why,
      version: '2.0',
      ...request,
      status: Number(all.get(':status') ?? '0'),
      fields: host === undefined ? fields : [['host', host], ...fields],
      body: this.body,
      trailers: this.trailers,
      interim: this.interim,
      used: 0,
    };
  }

  #oddity(all: ReadonlyMap<string, string>, fields: readonly (readonly [string, string])[]): string {
    const pseudo = this.fields.filter(([name]) => name.startsWith(':')).map(([name]) => name);
    const wanted = this.#isRequest ? ':authority :method :path :scheme' : ':status';
    if (pseudo.sort().join(' ') !== wanted) return 'the pseudo-headers';
    if (!this.fields.slice(0, pseudo.length).every(([name]) => name.startsWith(':'))) return 'the order of headers';
    if (this.#isRequest && !/^\/[\x21\x24-\x5b\x5d\x5f\x61-\x7a\x7e]*$/.test(all.get(':path') ?? '')) return 'the path';
    if (this.#isRequest && !/^[A-Z]{3,10}$/.test(all.get(':method') ?? '')) return 'the method';
    if (this.#isRequest && all.get(':scheme') !== 'http') return 'the scheme';
    if (this.#isRequest && !/^[a-z0-9.-]+(:\d+)?$/i.test(all.get(':authority') ?? '')) return 'the authority';
    if (!this.#isRequest && !/^[2-5]\d\d$/.test(all.get(':status') ?? '')) return 'the status';
    if ([...fields, ...this.trailers].some(([name, value]) => !isField(name, value))) return 'a header';
    if (!this.#isRequest && /^(204|304)$/.test(all.get(':status') ?? '') && this.body !== '')
      return 'a body that may not be';
    return this.#lengthOddity(fields);
  }

  #lengthOddity(fields: readonly (readonly [string, string])[]): string {
    const lengths = fields.filter(([name]) => name === 'content-length').map(([, value]) => value);
    if (lengths.length === 0 || (lengths.length === 1 && lengths[0] === String(this.body.length))) return '';
    return this.#hasBody || this.#isRequest ? 'the length' : '';
  }
}

/** RFC 9113, 8.2: names in small letters, no header of a connection. */
function isField(name: string, value: string): boolean {
  if (/^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host|expect)$/.test(name)) return false;
  if (name === 'te' && value !== 'trailers') return false;
  return (
    /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) &&
    /^([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/.test(value)
  );
}

/**
 * Reads what one side sends for one stream, frame by frame.
 *
 * @param stream the number of the stream; frames of others make it odd
 */
export function readFrames(parts: readonly string[], stream: number, isRequest: boolean): Message {
  const read = new Stream(new HeaderReader(), isRequest);
  const reader = new FrameReader();
  try {
    for (const each of reader.push(parts.join(''))) {
      if (each.stream === stream) read.take(each);
      else if (!isHarmless(each)) read.why ||= 'a frame of another stream';
    }
  } catch {
    // A block that cannot be read ends the connection of whoever reads it.
    return { ...read.message(), grade: 'odd', why: 'the header block' };
  }
  const message = read.message();
  if (isRequest && read.state === 'reset') return { ...message, grade: 'partial', why: 'its client has reset it' };
  return reader.rest === '' ? message : { ...message, grade: 'partial', why: 'a frame is not complete' };
}

/** What has to be said to a frame: settings and pings are acknowledged, windows opened again. */
export function replyTo({ type, flags, stream, payload }: Frame): string {
  if (type === types.settings && (flags & endStream) === 0) return frame(types.settings, endStream, 0);
  if (type === types.ping && (flags & endStream) === 0) return frame(types.ping, endStream, 0, payload);
  if (type !== types.data || payload.length === 0) return '';
  const window = uint32(payload.length);
  return frame(types.window, 0, 0, window) + ((flags & endStream) === 0 ? frame(types.window, 0, stream, window) : '');
}

/** Whether an app of HTTP/2 says that it leaves before it answers (RFC 9113, 6.8). */
export function beginsWithGoaway({ parts }: { readonly parts: readonly { readonly bytes: string }[] }): boolean {
  return parts[0]?.bytes.charCodeAt(3) === types.goaway;
}
