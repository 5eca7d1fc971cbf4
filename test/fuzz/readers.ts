/** How a client reads what comes: answers of HTTP/1.1 one behind the other, or streams of HTTP/2. */
import type { Socket } from 'node:net';

import type { Reader } from './client.ts';
import { streamOf } from './grade.ts';
import { HeaderReader } from './hpack.ts';
import { type Frame, FrameReader, ownSettings, ownWindow, preface, replyTo, Stream, types } from './http2.ts';
import { type Message, readResponse } from './parse.ts';

/** Reads answers of HTTP/1.1. */
export class Reader1 implements Reader {
  readonly beginning = '';
  text = '';
  #at = 0;

  take(bytes: string): void {
    this.text += bytes;
  }

  answerTo(_at: number, method: string, ended: boolean): Message {
    const message = readResponse(this.rest(), method, ended);
    if (message.grade !== 'partial') this.#at += message.used;
    return message;
  }

  rest(): string {
    return this.text.slice(this.#at);
  }
}

/** Reads streams of HTTP/2. */
export class Reader2 implements Reader {
  readonly beginning = preface + ownSettings + ownWindow;
  readonly #frames = new FrameReader();
  readonly #headers = new HeaderReader();
  readonly #streams = new Map<number, Stream>();
  #lastStream = Number.POSITIVE_INFINITY;
  #broken = '';

  take(bytes: string, socket: Socket): void {
    try {
      for (const each of this.#frames.push(bytes)) this.#take(each, socket);
    } catch (error) {
      this.#broken = (error as Error).message;
      socket.destroy();
    }
  }

  #take(each: Frame, socket: Socket): void {
    const reply = replyTo(each);
    if (reply !== '' && socket.writable) socket.write(reply, 'latin1');
    if (each.type === types.goaway) this.#lastStream = Buffer.from(each.payload.slice(0, 4), 'latin1').readUInt32BE();
    if (each.stream === 0 || each.type === types.window) return;
    const stream = this.#streams.get(each.stream) ?? new Stream(this.#headers, false);
    this.#streams.set(each.stream, stream);
    stream.take(each);
  }

  answerTo(at: number): Message {
    const stream = this.#streams.get(streamOf(at)) ?? new Stream(this.#headers, false);
    const message = stream.message();
    if (this.#broken !== '') return { ...message, grade: 'odd', why: this.#broken };
    const gone = message.grade === 'partial' && streamOf(at) > this.#lastStream;
    return gone ? { ...message, grade: 'odd', why: 'the connection takes no more streams' } : message;
  }

  rest(): string {
    return '';
  }

  get text(): string {
    return [...this.#streams.values()].map(({ fields, body }) => `${fields.flat().join(' ')} ${body}\n`).join('');
  }
}
