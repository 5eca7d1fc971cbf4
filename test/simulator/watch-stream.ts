/** One open watch: lines of events as bytes that arrive in any pieces, at seeded moments. */
import { Readable } from 'node:stream';
import type { Kind } from '../../src/engine/model.ts';
import type { WatchQuery } from '../../src/kube/client.ts';
import type { ApiServer } from './api-server.ts';
import { type Change, status } from './cluster.ts';
import type { Random } from './random.ts';

/** Shortest and longest wait of a piece, milliseconds. */
const pieceMs = [0, 30] as const;

/** Between two bookmarks, milliseconds; a real server sends one about every minute. */
const bookmarkMs = 60_000;

/** One stream, from the request that opened it to its end. */
export class WatchStream {
  readonly client: string;
  readonly kind: Kind;
  readonly body = new Readable({ read: () => undefined, highWaterMark: 1 << 20 });
  /** Nothing arrives, and nobody is told. */
  stalled = false;
  readonly #api: ApiServer;
  readonly #random: Random;
  /** Everything up to here is in `#bytes` or sent. */
  #position: number;
  /** Index into the log from which to look on. */
  #next = 0;
  #bytes = Buffer.alloc(0);
  #moving = false;
  #ending = false;

  /** @param gone the place is forgotten: the stream says so in its first line and ends */
  constructor(api: ApiServer, client: string, kind: Kind, query: WatchQuery, gone: boolean) {
    this.#api = api;
    this.client = client;
    this.kind = kind;
    this.#random = api.random.fork(`${client} ${kind} ${query.resourceVersion}`);
    this.#position = Number(query.resourceVersion);
    this.body.on('error', () => undefined);
    this.body.once('close', () => api.streams.delete(this));
    api.streams.add(this);
    if (gone) {
      this.#say('ERROR', status(410), true);
      return;
    }
    api.time.after(query.timeoutSeconds * 1000, `${this.name} ends`, () => this.end());
    this.#bookmarkLater();
    this.more();
  }

  get name(): string {
    return `watch of ${this.kind} by ${this.client}`;
  }

  /** There may be events that were not sent. */
  more(): void {
    if (this.#ending) return;
    for (; this.#next < this.#api.cluster.log.length; this.#next++) {
      const change = this.#api.cluster.log[this.#next] as Change;
      if (change.kind !== this.kind || change.revision <= this.#position) continue;
      this.#position = change.revision;
      this.#say(change.type, change.object);
      if (this.#random.chance(this.#api.faults.repeating)) this.#say(change.type, change.object);
    }
  }

  /** The server ends the stream in good order. */
  end(): void {
    this.#ending = true;
    this.#move();
  }

  /** The connection breaks, wherever the bytes are. */
  cut(): void {
    this.body.destroy(new Error('ECONNRESET'));
  }

  /** Bytes flow again. */
  resume(): void {
    this.stalled = false;
    this.#move();
  }

  #bookmarkLater(): void {
    this.#api.time.after(bookmarkMs + this.#random.between(-9000, 9000), `${this.name}: bookmark`, () => {
      if (this.body.destroyed || this.#ending) return;
      this.#say('BOOKMARK', { metadata: { resourceVersion: String(this.#api.cluster.revision) } });
      this.#bookmarkLater();
    });
  }

  #say(type: string, object: unknown, last = false): void {
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(`${JSON.stringify({ type, object })}\n`)]);
    if (last) this.#ending = true;
    this.#move();
  }

  #move(): void {
    if (this.#moving || this.stalled || this.body.destroyed || (this.#bytes.length === 0 && !this.#ending)) return;
    this.#moving = true;
    const slowMs = this.#api.faults.slowMs.get(this.kind) ?? 0;
    const delayMs = this.#random.between(...pieceMs) + slowMs;
    this.#api.time.after(delayMs, `${this.name}: bytes`, () => {
      this.#moving = false;
      if (this.stalled || this.body.destroyed) return;
      this.#deliver();
      this.#move();
    });
  }

  /** Mostly all that there is; sometimes a piece that ends within a line, or within a character. */
  #deliver(): void {
    if (this.#bytes.length === 0) return void this.body.push(null);
    const length = this.#random.chance(0.7) ? this.#bytes.length : this.#random.between(1, this.#bytes.length);
    const piece = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    this.body.push(piece);
  }
}
