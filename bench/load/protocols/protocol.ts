/** What a protocol of the load is, and what the protocols have in common. */
import { connect, type Socket } from 'node:net';
import type { Endpoint, LoadPlan } from '../../model.ts';

/** What lanes tell. A request ends once, with `answered` or with `gone`. */
export interface LaneEvents {
  /** The lane can take a request. */
  ready(lane: number): void;
  /** The last byte of an answer has come; `wrong` says what was wrong with it. */
  answered(lane: number, wrong: string | null): void;
  /** The lane can take nothing until it is ready again; its request, if it has one, will not be answered. */
  gone(lane: number): void;
  /** A connection broke, or could not be opened. It opens again by itself. */
  broken(why: string): void;
}

/** A connection, or what opens a new one for every request, with its lanes. */
export interface Connection {
  /** Only for a lane that is ready. Writes before it returns, if the socket takes it. */
  send(lane: number): void;
  close(): void;
}

/** Opens a connection for these lanes. */
export type Open = (plan: LoadPlan, lanes: readonly number[], events: LaneEvents) => Connection;

/** The wait before a connection is opened again; refused at once, it would spin otherwise. */
export const reopenMs = 20;

/** What is wrong with the status and the length of an answer; null when nothing is. */
export function wrongAnswer(status: number, length: number, wanted: number): string | null {
  if (status !== 200) return `status ${status}`;
  return length === wanted ? null : `body of ${length} bytes instead of ${wanted}`;
}

/** What a protocol does with a connection that opens again whenever it is lost. */
export interface WireUser {
  opened(): void;
  /** What it throws is told as broken, and a new connection is opened. */
  data(chunk: Buffer): void;
  /** After `opened`, when the connection is no more. */
  lost(): void;
}

/** A TCP connection that opens again whenever it is lost. */
export interface Wire {
  write(bytes: Buffer): void;
  /** Ends the connection and opens a new one; null when that is no fault of anybody. */
  renew(why: string | null): void;
  close(): void;
}

/** A user whose connection is open when a CONNECT is answered (RFC 9110 9.3.6). Whoever answers waits for the user's bytes. */
function tunnelled(target: string, user: WireUser, write: (bytes: Buffer) => void): WireUser {
  let head: string | null = null;
  return {
    opened() {
      head = '';
      write(Buffer.from(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`));
    },
    data(chunk) {
      if (head === null) return user.data(chunk);
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      const [line = ''] = head.split('\r\n');
      head = null;
      if (!/^HTTP\/1\.[01] 200\b/.test(line)) throw new Error(`CONNECT ${target} was answered with ${line}`);
      user.opened();
    },
    lost: () => user.lost(),
  };
}

/** Opens one, through a CONNECT where the endpoint says so. An end that nobody asked for is told as broken. */
export function openWire(endpoint: Endpoint, asked: WireUser, broken: (why: string) => void): Wire {
  const { host, port } = endpoint;
  const user = endpoint.connect === undefined ? asked : tunnelled(endpoint.connect, asked, bytes => wire.write(bytes));
  let socket: Socket | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const open = () => {
    let isOpen = false;
    let why: string | null = 'closed by the peer';
    const own = connect({ host, port, noDelay: true });
    socket = own;
    own.on('connect', () => {
      isOpen = true;
      user.opened();
    });
    own.on('data', chunk => {
      if (own !== socket || own.destroyed) return;
      try {
        user.data(chunk);
      } catch (error) {
        wire.renew(error instanceof Error ? error.message : String(error));
      }
    });
    own.on('error', error => {
      why = error.message;
    });
    own.on('end', () => own.destroy());
    own.on('close', () => {
      if (closed || own !== socket) return;
      if (why !== null) broken(why);
      if (isOpen) user.lost();
      timer = setTimeout(open, reopenMs);
    });
  };
  const wire: Wire = {
    write: bytes => socket?.write(bytes),
    renew(why) {
      const old = socket;
      socket = undefined;
      if (why !== null) broken(why);
      user.lost();
      if (why === null) open();
      else timer = setTimeout(open, reopenMs);
      old?.destroy();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.destroy();
    },
  };
  open();
  return wire;
}

/** The lane of a connection that has one, as its protocol sees it. */
export interface Lane extends Pick<Wire, 'write' | 'renew'> {
  /** A request is under way. */
  readonly pending: boolean;
  ready(): void;
  /** The request under way is over; `wrong` says what was wrong with its answer. */
  answered(wrong: string | null): void;
}

/** Opens a connection with one lane, whose requests are all the same bytes. @param speak what the protocol does with it */
export function openLane(
  { endpoint }: LoadPlan,
  lane: number,
  events: LaneEvents,
  request: Buffer,
  speak: (own: Lane) => WireUser,
): Connection {
  let pending = false;
  const user = speak({
    get pending() {
      return pending;
    },
    write: bytes => wire.write(bytes),
    renew: why => wire.renew(why),
    ready: () => events.ready(lane),
    answered(wrong) {
      pending = false;
      events.answered(lane, wrong);
    },
  });
  const lost = () => {
    user.lost();
    pending = false;
    events.gone(lane);
  };
  const wire = openWire(endpoint, { opened: user.opened, data: user.data, lost }, events.broken);
  return {
    send() {
      pending = true;
      wire.write(request);
    },
    close: () => wire.close(),
  };
}
