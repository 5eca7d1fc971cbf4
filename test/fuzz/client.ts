/** A client's connection: sends what a link says, reads what comes, and says when nothing came that had to. */
import { connect, type Socket } from 'node:net';
import type { ScriptedApp } from './apps.ts';
import type { Exchange, Link } from './case.ts';
import { gradeOfRequest } from './grade.ts';
import { type Message, valuesOf } from './parse.ts';
import { settled, writeParts } from './write.ts';

/** What became of one exchange, as its client saw it. */
export interface Came {
  readonly id: string;
  state: 'unsent' | 'waiting' | 'answered' | 'closed' | 'hung';
  /** What was read of the answer. */
  message: Message | undefined;
  /** What came back through the tunnel. */
  back: string;
}

/** What became of a link. */
export interface LinkCame {
  readonly cames: readonly Came[];
  /** All that came, readable: of HTTP/2, headers and bodies. */
  readonly text: string;
  /** The client has ended its direction, and the connection stays. */
  readonly lingers: boolean;
}

/** What the reader of one version of HTTP does for a client. */
export interface Reader {
  /** What a connection begins with. */
  readonly beginning: string;
  take(bytes: string, socket: Socket): void;
  /** The answer to the n-th exchange so far; its grade is `partial` until it is complete. */
  answerTo(at: number, method: string, ended: boolean): Message;
  /** Bytes behind the answers that were read. */
  rest(): string;
  readonly text: string;
}

/** Everything that a client needs to know of its surroundings. */
export interface Surroundings {
  readonly at: { readonly host: string; readonly port: number };
  readonly app: ScriptedApp;
  /** Time for an answer, an error or a close after the last byte that matters. */
  readonly boundMs: number;
}

/** Silence after which a client that has sent a part of a request ends its direction. */
const partialMs = 250;

/** Runs one link from its connection to its end. */
export class Client {
  readonly #surroundings: Surroundings;
  readonly #link: Link;
  readonly #reader: Reader;
  readonly #socket: Socket;
  readonly #cames: Came[];
  #closed = false;
  #sentAt = 0;

  constructor(surroundings: Surroundings, link: Link, reader: Reader) {
    this.#surroundings = surroundings;
    this.#link = link;
    this.#reader = reader;
    this.#cames = link.exchanges.map(({ id }) => ({ id, state: 'unsent', message: undefined, back: '' }));
    this.#socket = connect({ ...surroundings.at, noDelay: true });
    this.#socket.on('data', chunk => reader.take(chunk.toString('latin1'), this.#socket));
    this.#socket.on('error', () => this.#socket.destroy()).once('close', () => this.#onClose());
    if (link.leavesAfterMs !== undefined) setTimeout(() => this.#socket.destroy(), link.leavesAfterMs);
  }

  #onClose(): void {
    this.#closed = true;
  }

  async run(): Promise<LinkCame> {
    this.#socket.write(this.#reader.beginning, 'latin1');
    const all = this.#link.exchanges.map((_, at) => at);
    const groups = this.#link.pipelined ? [all] : all.map(at => [at]);
    let clean = true;
    for (const group of groups) {
      if (this.#closed || !clean) break;
      clean = await this.#runGroup(group);
    }
    const lingers = !clean && !(await this.#leave());
    this.#socket.destroy();
    return { cames: this.#cames, text: this.#reader.text, lingers };
  }

  /** @returns whether the connection can be used for the next exchange */
  async #runGroup(group: readonly number[]): Promise<boolean> {
    await this.#send(group);
    const grades = group.map(at => gradeOfRequest(this.#exchange(at), this.#link.speaks, at).grade);
    if (grades.includes('partial')) {
      await settled(
        () => this.#isSettled(group),
        () => this.#sentAt + partialMs,
      );
      return false;
    }
    const isSettled = await settled(
      () => this.#isSettled(group),
      () => this.#due(group),
    );
    for (const at of group) if (this.#came(at).state === 'waiting' && !isSettled) this.#came(at).state = 'hung';
    for (const at of group) await this.#throughTunnel(at);
    return isSettled && grades.every(grade => grade === 'whole') && !group.some(at => this.#closes(at));
  }

  /** Whether this exchange was the last one of its connection, as one of the two sides has said. */
  #closes(at: number): boolean {
    const request = gradeOfRequest(this.#exchange(at), this.#link.speaks, at);
    const said = (message: Message | undefined) =>
      valuesOf(message?.fields ?? [], 'connection')
        .join()
        .toLowerCase();
    const stays = request.version !== '1.0' || said(request).includes('keep-alive');
    return (
      this.#link.speaks === 1 &&
      (!stays || said(request).includes('close') || said(this.#came(at).message).includes('close'))
    );
  }

  async #send(group: readonly number[]): Promise<void> {
    for (const at of group) this.#came(at).state = 'waiting';
    const write = (at: number) => writeParts(this.#socket, this.#exchange(at).request);
    if (this.#link.speaks === 2) await Promise.all(group.map(write));
    else for (const at of group) await write(at);
    this.#sentAt = performance.now();
  }

  /** Reads on; true when every exchange has its answer, or the connection has ended. */
  #isSettled(group: readonly number[]): boolean {
    let broken = false;
    for (const at of group) {
      const came = this.#came(at);
      if (came.state === 'closed' && this.#link.speaks === 1) broken = true;
      if (came.state !== 'waiting') continue;
      // HTTP/1.1 answers come in order: behind one that was cut short there is none.
      if (broken) {
        came.state = 'closed';
        continue;
      }
      const method = this.#methodOf(at);
      came.message = this.#reader.answerTo(at, method, this.#closed);
      if (came.message.grade !== 'partial') came.state = 'answered';
      else if (this.#closed) came.state = 'closed';
      else if (this.#link.speaks === 1) return false;
      broken = came.state === 'closed' && this.#link.speaks === 1;
    }
    return group.every(at => this.#came(at).state !== 'waiting');
  }

  #methodOf(at: number): string {
    return gradeOfRequest(this.#exchange(at), this.#link.speaks, at).method;
  }

  /** Last byte that matters, and the bound behind it; without an end while the app is still answering. */
  #due(group: readonly number[]): number {
    const { app, boundMs } = this.#surroundings;
    const times = group.map(at => {
      const progress = app.progress.get(this.#came(at).id);
      return progress === undefined ? 0 : (progress.doneAt ?? Number.POSITIVE_INFINITY);
    });
    return Math.max(this.#sentAt, ...times) + boundMs;
  }

  /** Sends through an open tunnel and waits until as much has come back. */
  async #throughTunnel(at: number): Promise<void> {
    const came = this.#came(at);
    const { tunnel } = this.#exchange(at);
    const opened = came.message?.status === 101 || came.message?.status === 200;
    if (tunnel === undefined || came.state !== 'answered' || !opened) return;
    this.#socket.write(tunnel, 'latin1');
    const due = performance.now() + this.#surroundings.boundMs;
    const back = () => this.#closed || this.#reader.rest().length >= tunnel.length;
    if (!(await settled(back, () => due))) came.state = 'hung';
    came.back = this.#reader.rest();
  }

  /** Ends the client's direction. @returns whether the connection ended within the bound */
  #leave(): Promise<boolean> {
    this.#socket.end();
    const since = performance.now();
    const group = this.#link.exchanges.map((_, at) => at).filter(at => this.#came(at).state !== 'unsent');
    const due = () => Math.max(since + this.#surroundings.boundMs, this.#due(group));
    return settled(() => this.#isSettled(group) && this.#closed, due);
  }

  #exchange(at: number): Exchange {
    return this.#link.exchanges[at] as Exchange;
  }

  #came(at: number): Came {
    return this.#cames[at] as Came;
  }
}
