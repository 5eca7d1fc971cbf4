/** Simulated connections between proxies and control planes: late, cut into pieces at any byte, stalled, broken. */
import { Duplex } from 'node:stream';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

/** Bytes that are on their way before the writer has to wait. */
const windowBytes = 4096;

/** Shortest and longest way of a piece, milliseconds. */
const wayMs = [0, 15] as const;

/** How long it takes until an end hears that the other one is gone, when nothing gets through, milliseconds. */
const unheardMs = 120_000;

/** One end of a connection; what a TLS socket is to the code that holds it. */
export class End extends Duplex {
  readonly #outgoing: Pipe;
  readonly #gone: () => void;
  /** Where the bytes come from that are read here. */
  incoming: Pipe | undefined;

  constructor(outgoing: Pipe, gone: () => void) {
    super({ allowHalfOpen: true });
    this.#outgoing = outgoing;
    this.#gone = gone;
    // A socket without a listener for its errors would end the process; the code under test adds its own.
    this.on('error', () => undefined);
  }

  /** As a TCP socket has it; here nothing is ever delayed on purpose. */
  setNoDelay(): this {
    return this;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#outgoing.send(chunk, done);
  }

  override _read(): void {
    this.incoming?.wanted();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#outgoing.close();
    this.#gone();
    done(error);
  }
}

/** Bytes in one direction. */
class Pipe {
  readonly #link: Link;
  readonly #name: string;
  #bytes = Buffer.alloc(0);
  readonly #waiting: (() => void)[] = [];
  #moving = false;
  #wanted = false;
  #closed = false;

  constructor(link: Link, name: string) {
    this.#link = link;
    this.#name = name;
  }

  send(chunk: Buffer, done: () => void): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length <= windowBytes) done();
    else this.#waiting.push(done);
    this.move();
  }

  wanted(): void {
    this.#wanted = true;
    this.move();
  }

  close(): void {
    this.#closed = true;
    for (const done of this.#waiting.splice(0)) done();
  }

  move(): void {
    if (this.#moving || this.#bytes.length === 0 || this.#stopped()) return;
    this.#moving = true;
    this.#link.time.after(this.#link.random.between(...wayMs) + this.#link.slowMs, this.#name, () => {
      this.#moving = false;
      if (!this.#stopped()) this.#deliver();
      this.move();
    });
  }

  #stopped(): boolean {
    return this.#closed || !this.#wanted || this.#link.stalled;
  }

  #deliver(): void {
    const { random } = this.#link;
    const length = random.chance(0.6) ? this.#bytes.length : random.between(1, this.#bytes.length);
    const piece = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    if (this.#bytes.length <= windowBytes) for (const done of this.#waiting.splice(0)) done();
    this.#wanted = this.#link.receiver(this).push(piece);
  }
}

/** A connection with its two ends. */
export class Link {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly proxyEnd: End;
  readonly serverEnd: End;
  /** Nothing gets through in either direction, and neither end is told. */
  stalled = false;
  /** Milliseconds that each piece takes longer. */
  slowMs = 0;
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #name: string;

  constructor(time: VirtualTime, random: Random, name: string) {
    this.time = time;
    this.random = random;
    this.#name = name;
    this.#up = new Pipe(this, `${name}: bytes up`);
    this.#down = new Pipe(this, `${name}: bytes down`);
    this.proxyEnd = new End(this.#up, () => this.#tell(this.serverEnd));
    this.serverEnd = new End(this.#down, () => this.#tell(this.proxyEnd));
    this.proxyEnd.incoming = this.#down;
    this.serverEnd.incoming = this.#up;
  }

  receiver(pipe: Pipe): End {
    return pipe === this.#up ? this.serverEnd : this.proxyEnd;
  }

  get closed(): boolean {
    return this.proxyEnd.destroyed && this.serverEnd.destroyed;
  }

  /** Breaks: what is on its way is lost, both ends hear of it. */
  cut(): void {
    this.proxyEnd.destroy(new Error('ECONNRESET'));
    this.serverEnd.destroy(new Error('ECONNRESET'));
  }

  /** Bytes flow again. */
  resume(): void {
    this.stalled = false;
    this.#up.move();
    this.#down.move();
  }

  #tell(end: End): void {
    if (end.destroyed) return;
    const delayMs = this.stalled ? unheardMs : this.random.between(...wayMs);
    this.time.after(delayMs, `${this.#name}: closed`, () => void end.destroy());
  }
}
