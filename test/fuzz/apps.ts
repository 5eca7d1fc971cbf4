/** The app behind a sidecar: it reads just enough of a request to know its id, notes what came, and answers as the exchange's script says. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { appPorts } from '../dataplane/harness/mesh.ts';
import { RequestsOfApp } from './app1.ts';
import { StreamsOfApp } from './app2.ts';
import { type Answer, anyStream, type Exchange, idOf } from './case.ts';
import { gradeOfAnswer } from './grade.ts';
import { endStream, frame, headers, preface, types } from './http2.ts';
import type { Message } from './parse.ts';
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

/** Where an answer goes. */
export interface AnswerTo {
  readonly socket: Socket;
  /** Method of the request. */
  readonly method: string;
  /** What is done to the bytes of each part. */
  readonly change?: (bytes: string) => string;
  /** Ends the connection in good order. */
  close(): void;
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

  /** Whether no answer is being written. */
  get isQuiet(): boolean {
    return [...this.progress.values()].every(({ doneAt }) => doneAt !== undefined);
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

  /** Writes an answer, does what comes after it, and keeps the time at which all of that was done. */
  async answer(to: AnswerTo, id: string, answer: Answer): Promise<void> {
    this.progress.set(id, { doneAt: undefined });
    await writeParts(to.socket, answer.parts, to.change);
    const done = () => this.progress.set(id, { doneAt: performance.now() });
    const partial = answer.after !== 'echo' && gradeOfAnswer(answer, to.method).grade === 'partial';
    if (answer.after === 'reset') to.socket.resetAndDestroy();
    else if (answer.after === 'close') to.close();
    else if (partial) {
      setTimeout(() => {
        done();
        to.socket.destroy();
      }, partialMs);
      return;
    }
    done();
  }
}

const text = 'an app that knows no script';
const nobody: Readonly<Record<1 | 2, Answer>> = {
  1: script(1, [`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`]),
  2: script(2, [...headers(anyStream, [[':status', '200']], false), frame(types.data, endStream, anyStream, text)]),
};

function script(speaks: 1 | 2, parts: readonly string[]): Answer {
  return { name: 'nobody', speaks, parts: parts.map(bytes => ({ bytes, delayMs: 0 })), early: false, after: 'keep' };
}
