/**
 * One request and its response, whatever version of HTTP carries them: the middle between the two sides of a sidecar.
 * `http1.ts` and `http2.ts` each make exchanges of what clients send, and calls of what goes to an upstream.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { HeaderList } from './headers.ts';

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  /** There is no body and there are no trailers (HTTP/2: END_STREAM on the headers). */
  readonly ends: boolean;
}

/** A body on its way out. */
export interface Sink {
  readonly stream: Writable;
  /** Ends the body, with trailers. */
  finish(trailers: HeaderList): void;
}

/** A request as it came from a client. */
export interface Exchange {
  readonly version: 1 | 2;
  readonly method: string;
  /** Path with query, or `*`. */
  readonly target: string;
  /** Host or `:authority`. */
  readonly authority: string;
  /** End-to-end headers, without `host`. */
  readonly headers: HeaderList;
  readonly hasBody: boolean;
  /** The client takes trailers (`TE: trailers`, which gRPC needs). */
  readonly takesTrailers: boolean;
  /** The client asks for a WebSocket (RFC 6455) on its HTTP/1 connection. */
  readonly upgrade: boolean;
  readonly body: Readable;
  /** Whether the body that has ended came whole. */
  isWhole(): boolean;
  /** Trailers of the request, known when `body` has ended. */
  trailers(): HeaderList;
  /** Sends an interim response (100, 103). */
  inform(status: number, headers: HeaderList): void;
  /** Begins the response; at most once. */
  respond(head: ResponseHead): Sink;
  /** Answers 101 and gives the connection away. Only for `upgrade`. */
  switchProtocols(headers: HeaderList): Duplex;
  /** Breaks the response off, so that the client cannot take it for a complete one. */
  abort(): void;
  /** Says that nobody has looked at the request, which may be sent again (RFC 9113, 8.7). Null where it cannot be said. */
  readonly giveBack: (() => void) | null;
  /** The client went away before the response was complete. */
  onGone(listener: () => void): void;
}

/** What is sent to an upstream. */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderList;
  readonly hasBody: boolean;
  readonly takesTrailers: boolean;
  readonly upgrade: boolean;
  /** Silence after which the call fails. */
  readonly idleTimeoutMs: number;
}

export interface Answer {
  readonly head: ResponseHead;
  readonly body: Readable;
  trailers(): HeaderList;
  /** Whether the body that has ended came whole. */
  isWhole(): boolean;
}

/** What an upstream does. `failed` may also come after `answered`: then the body is broken. */
export interface CallEvents {
  informed(status: number, headers: HeaderList): void;
  answered(answer: Answer): void;
  switched(headers: HeaderList, stream: Duplex): void;
  failed(error: Error): void;
}

/** A request on its way to an upstream. */
export interface Call extends Sink {
  abort(): void;
}

/** An upstream has not looked at a request (REFUSED_STREAM; RFC 9113, 8.7). */
export class RefusedError extends Error {}

/** An upstream was silent for too long. */
export class IdleError extends Error {}
