/** Connections of HTTP/1.1 clients: what is under way on each, who has to wait for it, and for how long. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Time that a head may take once it has begun (RFC 9112, 9.5): Node looks at it only in servers that listen. */
const headTimeoutMs = 60_000;

interface Open {
  /** Responses of requests under way, the oldest first. */
  readonly responses: Set<ServerResponse>;
  /** What came behind a request that was refused for its form cannot be told from its body. */
  refused: boolean;
  /** Ends a connection that is between two requests for too long, whatever comes on it bit by bit. */
  readonly timer: NodeJS.Timeout;
  /** A request that takes the connection away, and waits for the answers before its own. */
  next: (() => void) | undefined;
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
    const entry: Open = { responses: new Set(), refused: false, timer, next: undefined };
    this.#open.set(socket, entry);
    socket.once('close', () => this.#forget(socket, entry));
  }

  /** Counts a request. @returns false when nobody may look at it */
  begin(socket: Duplex, response: ServerResponse): boolean {
    const entry = this.#open.get(socket);
    if (entry === undefined || entry.refused) return false;
    entry.responses.add(response);
    if (this.#draining) response.shouldKeepAlive = false;
    response.once('close', () => this.#ended(socket, entry, response));
    return true;
  }

  /** The request at hand was refused for its form. */
  refuse(socket: Duplex): void {
    const entry = this.#open.get(socket);
    if (entry !== undefined) entry.refused = true;
  }

  /** Whether the answer that comes next can still be any: none has begun, and it is the first. */
  isOpenForAnswer(socket: Duplex): boolean {
    const [first, second] = this.#open.get(socket)?.responses ?? [];
    return first?.headersSent !== true && second === undefined;
  }

  /** The connection leaves Node's server, after the answers that it still has to give on it. */
  leave(socket: Duplex, run: () => void): void {
    const entry = this.#open.get(socket);
    if (entry === undefined || entry.refused) return;
    const next = () => {
      this.#forget(socket, entry);
      if (!socket.writable) return void socket.destroy();
      (socket as Socket).setTimeout(0);
      run();
    };
    if (entry.responses.size === 0) next();
    else entry.next = next;
  }

  /** Closes connections between two requests; the others after their response. */
  drain(): void {
    this.#draining = true;
    for (const [socket, { responses }] of this.#open) if (responses.size === 0) socket.destroy();
  }

  #ended(socket: Duplex, entry: Open, response: ServerResponse): void {
    entry.responses.delete(response);
    if (entry.responses.size > 0) return;
    if (this.#draining) socket.end();
    else if (entry.next !== undefined) entry.next();
    else if (this.#open.has(socket)) entry.timer.refresh();
  }

  /** A request that is under way takes as long as its upstream may. */
  #late(socket: Duplex, { responses, timer, next }: Open): void {
    if (responses.size > 0 || next !== undefined) timer.refresh();
    else socket.destroy();
  }

  #forget(socket: Duplex, entry: Open): void {
    clearTimeout(entry.timer);
    this.#open.delete(socket);
  }
}
