/** The app's side of HTTP/1. */
import type { Socket } from 'node:net';
import type { AnswerTo, ScriptedApp } from './apps.ts';
import { type Answer, idOf } from './case.ts';
import { headOf, type Message, readRequest, valuesOf } from './parse.ts';

/** Requests of HTTP/1 on one connection, one at a time. */
export class RequestsOfApp {
  readonly #app: ScriptedApp;
  readonly #socket: Socket;
  readonly #port: number;
  #bytes = '';
  #busy = false;
  /** The answer to the request that is coming has begun. */
  #early: Promise<void> | undefined;

  constructor(app: ScriptedApp, socket: Socket, port: number) {
    this.#app = app;
    this.#socket = socket;
    this.#port = port;
    socket.on('data', chunk => this.take(chunk.toString('latin1')));
  }

  take(bytes: string): void {
    this.#bytes += bytes;
    if (this.#busy) return;
    const head = headOf(this.#bytes);
    if (head === undefined) return;
    const [method = '', target = ''] = head.start.split(' ');
    const answer = this.#app.scriptOf(head.fields, target, 1);
    const to: AnswerTo = { socket: this.#socket, method, close: () => this.#socket.end() };
    const answerNow = () => this.#app.answer(to, idOf({ target, fields: head.fields }), answer);
    if (answer.early) this.#early ??= answerNow();
    const request = readRequest(this.#bytes);
    if (request.grade === 'partial') return this.#continue(head, answer);
    this.#bytes = this.#bytes.slice(request.used);
    this.#app.note(this.#port, request);
    void this.#finish(answer, this.#early ?? answerNow());
  }

  /** RFC 9110, 10.1.1: who waits for it gets its 100. */
  #continue(head: { readonly fields: Message['fields']; readonly length: number }, answer: Answer): void {
    const waits = valuesOf(head.fields, 'expect').length > 0 && this.#bytes.length === head.length;
    if (waits && !answer.early) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  }

  async #finish(answer: Answer, done: Promise<void>): Promise<void> {
    this.#busy = true;
    this.#early = undefined;
    await done;
    if (answer.after === 'echo') return this.#echo();
    this.#busy = false;
    if (this.#bytes !== '') this.take('');
  }

  #echo(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.write(this.#bytes, 'latin1');
    this.#socket.pipe(this.#socket);
  }
}
