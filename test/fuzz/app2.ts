/** The app's side of HTTP/2. */
import type { Socket } from 'node:net';
import type { ScriptedApp } from './apps.ts';
import { type Answer, anyStream, idOf } from './case.ts';
import { HeaderReader } from './hpack.ts';
import {
  beginsWithGoaway,
  type Frame,
  FrameReader,
  frame,
  onStream,
  ownSettings,
  ownWindow,
  replyTo,
  Stream,
  types,
  uint32,
} from './http2.ts';
import { type Message, readRequest } from './parse.ts';

/** Requests of HTTP/2 on one connection. */
export class StreamsOfApp {
  readonly #app: ScriptedApp;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #frames = new FrameReader();
  readonly #headers = new HeaderReader();
  readonly #streams = new Map<number, Stream>();
  #underWay = 0;
  #last = 0;
  #closes = false;
  #isHasty = false;

  constructor(app: ScriptedApp, socket: Socket, port: number) {
    this.#app = app;
    this.#socket = socket;
    this.#port = port;
    socket.write(ownSettings + ownWindow, 'latin1');
    socket.on('data', chunk => this.take(chunk.toString('latin1')));
  }

  take(bytes: string): void {
    try {
      for (const each of this.#frames.push(bytes)) this.#take(each);
    } catch {
      this.#app.note(this.#port, readRequest('\r\n\r\n'));
      this.#socket.destroy();
    }
  }

  #take(each: Frame): void {
    const reply = replyTo(each);
    if (reply !== '') this.#socket.write(reply, 'latin1');
    if (each.stream === 0 || each.type === types.window) return;
    const stream = this.#streams.get(each.stream) ?? new Stream(this.#headers, true);
    this.#streams.set(each.stream, stream);
    this.#last = Math.max(this.#last, each.stream);
    const [hadHead, before] = [stream.hasHead, stream.state];
    stream.take(each);
    if (stream.state === 'reset') return this.#leaveIfDone();
    const message = stream.message();
    const answer = this.#app.scriptOf(message.fields, message.target, 2);
    const ended = stream.state === 'ended';
    // What comes behind the end is noted as well: it makes the request odd.
    if (ended) this.#app.note(this.#port, message);
    if (answer.early ? stream.hasHead && !hadHead : ended && before === 'open')
      void this.#answer(each.stream, answer, message);
  }

  async #answer(stream: number, answer: Answer, message: Message): Promise<void> {
    const change = (bytes: string) => onStream(bytes, anyStream, stream);
    const close = () => {
      this.#closes = true;
      this.#isHasty ||= !beginsWithGoaway(answer);
    };
    this.#underWay += 1;
    await this.#app.answer({ socket: this.#socket, method: message.method, change, close }, idOf(message), answer);
    this.#underWay -= 1;
    this.#leaveIfDone();
  }

  /** To who has said that it leaves, a request whose body is still to come is one that it has begun to look at. */
  #leaveIfDone(): void {
    const isComing = [...this.#streams.values()].some(({ hasHead, state }) => hasHead && state === 'open');
    if (this.#closes && this.#underWay === 0 && (this.#isHasty || !isComing)) this.#leave();
  }

  /** In good order: what has come is answered, and it is said what that was (RFC 9113, 6.8). */
  #leave(): void {
    if (!this.#socket.writable) return;
    this.#socket.end(frame(types.goaway, 0, 0, uint32(this.#last) + uint32(0)), 'latin1');
  }
}
