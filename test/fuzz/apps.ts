/** The app behind a sidecar: it reads just enough of a request to know its id, notes what came, and answers as the exchange's script says. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { appPorts } from '../dataplane/harness/mesh.ts';
import { type Answer, anyStream, type Exchange, idsIn } from './case.ts';
import { gradeOfAnswer } from './grade.ts';
import { HeaderReader } from './hpack.ts';
import {
  endStream,
  type Frame,
  FrameReader,
  frame,
  headers,
  onStream,
  ownSettings,
  ownWindow,
  preface,
  Stream,
  types,
  uint32,
} from './http2.ts';
import { headOf, type Message, readRequest, valuesOf } from './parse.ts';
import { writeParts } from './write.ts';

/** A request as the app got it. */
export interface Seen {
  readonly id: string;
  readonly port: number;
  readonly message: Message;
}

/** How far the answer to an exchange is. */
export interface Progress {
  /** Undefined while it is being written. */
  readonly doneAt: number | undefined;
}

/** Silence after which the app ends a connection on which its answer is not complete. */
const partialMs = 250;

/** An app that answers by scripts, on every port of the harness. */
export class ScriptedApp {
  readonly #scripts = new Map<string, Exchange>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly seen: Seen[] = [];
  readonly progress = new Map<string, Progress>();

  async open(address: string): Promise<this> {
    for (const port of Object.values(appPorts)) {
      const server = createServer({ allowHalfOpen: true }, socket => this.#accept(socket, port));
      this.#servers.push(server);
      await once(server.listen(port, address), 'listening');
    }
    return this;
  }

  /** Forgets what was, and answers these exchanges from now on. */
  play(exchanges: readonly Exchange[]): void {
    this.#scripts.clear();
    this.progress.clear();
    this.seen.length = 0;
    for (const exchange of exchanges) this.#scripts.set(exchange.id, exchange);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map(server => new Promise(resolve => server.close(resolve))));
  }

  #accept(socket: Socket, port: number): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => this.#sockets.delete(socket));
    if (port === appPorts.tcp) socket.pipe(socket);
    else this.#serve(socket, port);
  }

  #serve(socket: Socket, port: number): void {
    let bytes = '';
    const look = (chunk: Buffer) => {
      bytes += chunk.toString('latin1');
      if (bytes.length < preface.length && preface.startsWith(bytes)) return;
      socket.off('data', look);
      if (bytes.startsWith(preface)) new StreamsOfApp(this, socket, port).take(bytes.slice(preface.length));
      else new RequestsOfApp(this, socket, port).take(bytes);
    };
    socket.on('data', look).on('end', () => socket.end());
  }

  /** Notes a request. */
  note(port: number, message: Message): void {
    this.seen.push({ id: idOf(message), port, message });
  }

  /** The script for a request; without one, a plain answer that belongs to nobody. */
  scriptOf(fields: Message['fields'], target: string, speaks: 1 | 2): Answer {
    const answer = this.#scripts.get(idOf({ target, fields }))?.answer;
    return answer?.speaks === speaks ? answer : nobody[speaks];
  }

  /** Writes an answer and keeps the time at which it was done. */
  async answer(
    socket: Socket,
    id: string,
    answer: Answer,
    method: string,
    change?: (bytes: string) => string,
  ): Promise<void> {
    this.progress.set(id, { doneAt: undefined });
    await writeParts(socket, answer.parts, change);
    const partial = answer.after !== 'echo' && gradeOfAnswer(answer, method).grade === 'partial';
    const done = () => this.progress.set(id, { doneAt: performance.now() });
    if (answer.after === 'reset') socket.resetAndDestroy();
    else if (answer.after === 'close') socket.end();
    else if (partial) {
      setTimeout(() => {
        done();
        socket.destroy();
      }, partialMs);
      return;
    }
    done();
  }
}

/** The id that a request carries: in its target or its headers. */
export function idOf({ target, fields }: Pick<Message, 'target' | 'fields'>): string {
  return [...idsIn(`${target} ${valuesOf(fields, 'x-id').join()}`)][0] ?? '';
}

const text = 'an app that knows no script';
const nobody: Readonly<Record<1 | 2, Answer>> = {
  1: script(1, [`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`]),
  2: script(2, [...headers(anyStream, [[':status', '200']], false), frame(types.data, endStream, anyStream, text)]),
};

function script(speaks: 1 | 2, parts: readonly string[]): Answer {
  return { name: 'nobody', speaks, parts: parts.map(bytes => ({ bytes, delayMs: 0 })), early: false, after: 'keep' };
}

/** Requests of HTTP/1 on one connection, one at a time. */
class RequestsOfApp {
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
    const answerNow = () => this.#app.answer(this.#socket, idOf({ target, fields: head.fields }), answer, method);
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

/** Requests of HTTP/2 on one connection. */
class StreamsOfApp {
  readonly #app: ScriptedApp;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #frames = new FrameReader();
  readonly #headers = new HeaderReader();
  readonly #streams = new Map<number, Stream>();

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
    const [hadHead, before] = [stream.hasHead, stream.state];
    stream.take(each);
    if (stream.state === 'reset') return;
    const message = stream.message();
    const answer = this.#app.scriptOf(message.fields, message.target, 2);
    const ended = stream.state === 'ended';
    // What comes behind the end is noted as well: it makes the request odd.
    if (ended) this.#app.note(this.#port, message);
    if (answer.early ? stream.hasHead && !hadHead : ended && before === 'open')
      this.#answer(each.stream, answer, message);
  }

  #answer(stream: number, answer: Answer, message: Message): void {
    const change = (bytes: string) => onStream(bytes, anyStream, stream);
    void this.#app.answer(this.#socket, idOf(message), answer, message.method, change);
  }
}

/** What has to be said to a frame: settings and pings are acknowledged, windows opened again. */
export function replyTo({ type, flags, stream, payload }: Frame): string {
  if (type === types.settings && (flags & endStream) === 0) return frame(types.settings, endStream, 0);
  if (type === types.ping && (flags & endStream) === 0) return frame(types.ping, endStream, 0, payload);
  if (type !== types.data || payload.length === 0) return '';
  const window = uint32(payload.length);
  return frame(types.window, 0, 0, window) + ((flags & endStream) === 0 ? frame(types.window, 0, stream, window) : '');
}
