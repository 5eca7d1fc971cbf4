/** Connections of HTTP/1.1 clients: what is under way on each, who has to wait for it, and for how long. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { endSoon } from './tcp.ts';

/** Time that a head may take once it has begun (RFC 9112, 9.5): Node looks at it only in servers that listen. */
const headTimeoutMs = 60_000;

interface Open {
  /** Responses of requests under way, the oldest first. */
  readonly responses: Set<ServerResponse>;
  /** The request that came last. */
  last: IncomingMessage | undefined;
  /** What comes now is no request: what came before cannot be told from it, or is the last one. */
  refused: boolean;
  /** Ends a connection that is between two requests for too long, whatever comes on it bit by bit. */
  readonly timer: NodeJS.Timeout;
  /** What becomes of the connection when all but so many answers were given. */
  next: (() => void) | undefined;
  unawaited: number;
  readonly closed: () => void;
}

export class Connections {
  readonly #open = new Map<Duplex, Open>();
  readonly #keepAliveMs: () => number;
  #draining = false;

  /** @param keepAliveMs how long a connection may wait for its next request */
  constructor(keepAliveMs: () => number) {
    this.#keepAliveMs = keepAliveMs;
  }

  add(socket: Duplex): void {
    const timer = setTimeout(() => this.#late(socket, entry), this.#keepAliveMs() + headTimeoutMs).unref();
    const closed = () => this.#forget(socket, entry);
    const rest = { last: undefined, refused: false, next: undefined, unawaited: 0 };
    const entry: Open = { responses: new Set(), timer, closed, ...rest };
    this.#open.set(socket, entry);
    socket.once('close', closed);
  }

  /** Counts a request. @returns false when nobody may look at it */
  begin(socket: Duplex, request: IncomingMessage, response: ServerResponse): boolean {
    const entry = this.#open.get(socket);
    if (entry === undefined || entry.refused) return false;
    entry.last = request;
    entry.responses.add(response);
    if (this.#draining) response.shouldKeepAlive = false;
    response.once('close', () => this.#ended(socket, entry, response));
    return true;
  }

  /** Nothing that comes after the request at hand is looked at. */
  refuse(socket: Duplex): void {
    const entry = this.#open.get(socket);
    if (entry !== undefined) entry.refused = true;
  }

  /**
   * What came cannot be read. Requests before it get their answers first; then the client is told by `refuse`, in
   * place of the answer to a request that broke in its body, unless that has begun, or was given early.
   */
  spoil(socket: Duplex, refuse: () => void): void {
    const entry = this.#open.get(socket);
    if (entry === undefined || entry.refused) return;
    entry.refused = true;
    const { last, responses } = entry;
    const broken = last?.complete === false ? last : undefined;
    const pending = [...responses].find(({ req }) => req === broken);
    entry.unawaited = pending === undefined ? 0 : 1;
    entry.next = () => {
      if (broken === undefined || pending?.headersSent === false) refuse();
      else if (pending === undefined) endSoon(socket);
      else socket.destroy();
    };
    if (responses.size <= entry.unawaited) this.#goOn(entry);
  }

  /** The connection leaves Node's server, after the answers that it still has to give on it. */
  leave(socket: Duplex, run: () => void): void {
    const entry = this.#open.get(socket);
    if (entry === undefined || entry.refused) return;
    const drained = () => entry.responses.forEach(drain);
    socket.on('drain', drained);
    entry.next = () => {
      socket.off('drain', drained);
      this.#forget(socket, entry);
      if (!socket.writable) return void socket.destroy();
      (socket as Socket).setTimeout(0);
      run();
    };
    if (entry.responses.size === 0) this.#goOn(entry);
  }

  /** Closes connections between two requests; the others after their response. */
  drain(): void {
    this.#draining = true;
    for (const [socket, { responses }] of this.#open) if (responses.size === 0) socket.destroy();
  }

  #ended(socket: Duplex, entry: Open, response: ServerResponse): void {
    entry.responses.delete(response);
    if (entry.responses.size > entry.unawaited) return;
    if (entry.next !== undefined) this.#goOn(entry);
    else if (this.#draining) socket.end();
    else if (this.#open.has(socket)) entry.timer.refresh();
  }

  #goOn(entry: Open): void {
    const { next } = entry;
    entry.next = undefined;
    next?.();
  }

  /** A request that is under way takes as long as its upstream may. */
  #late(socket: Duplex, { responses, timer, next }: Open): void {
    if (responses.size > 0 || next !== undefined) timer.refresh();
    else socket.destroy();
  }

  #forget(socket: Duplex, { timer, closed }: Open): void {
    clearTimeout(timer);
    socket.off('close', closed);
    this.#open.delete(socket);
  }
}

/** Node tells a response no more that there is room again once a connection is to leave its server. */
function drain(response: ServerResponse): void {
  if (response.socket !== null) response.emit('drain');
}
