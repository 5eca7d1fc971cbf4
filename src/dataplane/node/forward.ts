/** From a client's exchange to an upstream's call and back: bodies stream both ways, and what breaks stays broken. */
import { callHTTP1 } from './call1.ts';
import { callHTTP2 } from './call2.ts';
import {
  type Answer,
  type Call,
  type CallEvents,
  type Exchange,
  IdleError,
  type Message,
  RefusedError,
  type ResponseHead,
  type Sink,
} from './exchange.ts';
import { guarded } from './guard.ts';
import { type HeaderList, interimHeaders, without } from './headers.ts';
import { splice } from './tcp.ts';
import type { Pool, Upstream } from './upstreams.ts';

/** What happens to an exchange that found no upstream, or lost it. */
export interface Failure {
  readonly status: 502 | 503 | 504;
  /** Stable word for logs. */
  readonly reason:
    | 'upstream-unreachable'
    | 'upstream-identity'
    | 'upstream-closed'
    | 'upstream-silent'
    | 'upstream-busy'
    | 'upstream-refused'
    | 'unexpected';
  readonly detail: string;
}

/** A server is not who it should be. */
export class IdentityError extends Error {}

export interface Forwarding {
  readonly upstream: Upstream;
  readonly pool: Pool;
  readonly version: 1 | 2;
  readonly idleTimeoutMs: number;
  /** Nothing has been answered yet: the caller answers. */
  unanswered(failure: Failure): void;
  /** The response had begun; it was broken off. */
  broken(failure: Failure): void;
  /** Something threw that never should: logs it and says under which id. */
  unexpected(error: Error): string;
}

/** Sends an exchange to an upstream. Never called twice for one exchange. */
export function forward(exchange: Exchange, to: Forwarding): void {
  const message: Message = { ...pick(exchange), idleTimeoutMs: to.idleTimeoutMs };
  let call: Call | undefined;
  let begun = false;
  let answered = false;
  let over = false;
  const end = (tell: () => void) => {
    if (over) return;
    over = true;
    call?.abort();
    tell();
  };
  const failed = (error: Error) =>
    end(() => {
      if (answered) return;
      if (!begun) return to.unanswered(failureOf(error));
      exchange.abort();
      to.broken(failureOf(error));
    });
  const unexpected = (error: Error) =>
    end(() => {
      if (answered) return;
      const failure = unexpectedFailure(to.unexpected(error));
      if (begun) exchange.abort();
      else guarded(to.unanswered, () => exchange.abort())(failure);
    });
  const begin = () => {
    begun = true;
  };
  const finish = (status: number) => {
    answered = true;
    if (call !== undefined && !over) watchLateBody(exchange, call, status, to.idleTimeoutMs);
  };
  const events = eventsFor(exchange, { begin, finish, failed, idleTimeoutMs: to.idleTimeoutMs, guard: unexpected });
  guarded(() => {
    call = start(to, message, events);
    if (call === undefined) return failed(new BusyError('every connection to it is full'));
    exchange.onGone(guarded(() => end(() => undefined), unexpected));
    passBody(exchange, call, unexpected);
  }, unexpected)();
}

interface Progress {
  begin(): void;
  /** The whole answer is passed on. */
  finish(status: number): void;
  failed(error: Error): void;
  guard(error: Error): void;
  readonly idleTimeoutMs: number;
}

/** What becomes of an upstream's events; whatever they throw ends this exchange only. */
function eventsFor(exchange: Exchange, { begin, finish, failed, guard, idleTimeoutMs }: Progress): CallEvents {
  const refused = (why: string) => failed(new Error(why));
  let informed = 0;
  return {
    informed: guarded((status, headers) => {
      informed += 1;
      if (status === switching) refused(unasked);
      else if (informed <= informedMax) exchange.inform(status, interimHeaders(headers));
    }, guard),
    answered: guarded(answer => {
      if (!isFinal(answer.head.status)) return refused(`the upstream answered with status ${answer.head.status}`);
      // An answer that fails while it begins leaves nothing to answer with.
      begin();
      const sink = exchange.respond(headFor(exchange.method, answer.head));
      const end = (trailers: HeaderList) => {
        sink.finish(trailers);
        finish(answer.head.status);
      };
      passAnswer(exchange, answer, { ...sink, finish: end }, () => refused('the response was cut short'), guard);
    }, guard),
    switched: guarded((headers, stream) => {
      stream.on('error', () => stream.destroy());
      if (!exchange.upgrade) {
        stream.destroy();
        return refused(unasked);
      }
      begin();
      splice(exchange.switchProtocols(headers), stream, idleTimeoutMs, () => undefined);
    }, guard),
    failed: guarded(failed, guard),
  };
}

/** Interim responses that are passed on: nothing slows an app down that sends them without an end. */
const informedMax = 32;

const switching = 101;
const unasked = 'the upstream switched protocols, which nobody had asked for';

/** What a response may end with (RFC 9110, 15): others cannot be passed on in every version of HTTP. */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 599;
}

class BusyError extends Error {}

function pick(exchange: Exchange): Omit<Message, 'idleTimeoutMs'> {
  const { method, target, authority, headers, hasBody, takesTrailers, upgrade } = exchange;
  return { method, target, authority, headers, hasBody, takesTrailers, upgrade };
}

function start(to: Forwarding, message: Message, events: CallEvents): Call | undefined {
  return (to.version === 2 ? callHTTP2 : callHTTP1)(to.pool, to.upstream, message, events);
}

/**
 * A client that breaks off its body breaks off the call: an upstream must not take a part for the whole. What no upstream
 * takes any more is read all the same: many clients read their answer when they have said all.
 */
function passBody(exchange: Exchange, call: Call, unexpected: (error: Error) => void): void {
  if (!exchange.hasBody) {
    call.finish([]);
    return;
  }
  const { body } = exchange;
  body.on('error', () => call.abort());
  body.pipe(call.stream, { end: false });
  call.stream.once('close', () => body.resume());
  const ended = () => (exchange.isWhole() ? call.finish(exchange.trailers()) : call.abort());
  body.once('end', guarded(ended, unexpected));
}

/** Time in which an upstream that has answered with an error has to take a piece of what is left of the request. */
const errorBodyMs = 1000;

/** Gives a call up that is answered and takes no more of its request. An app may well go on reading, and rest a while before. */
function watchLateBody({ body, hasBody }: Exchange, { stream, abort }: Call, status: number, idleMs: number): void {
  if (!hasBody || body.readableEnded || stream.closed) return;
  let taken = false;
  const look = () => {
    const waits = body.readableLength > 0;
    if (waits && !taken) return abort();
    taken = false;
  };
  const take = () => {
    taken = true;
  };
  const timer = setInterval(look, status < 400 ? idleMs : errorBodyMs).unref();
  const stop = () => clearInterval(timer);
  body.on('data', take).once('end', stop).once('close', stop);
  stream.once('close', stop);
}

function passAnswer(
  exchange: Exchange,
  answer: Answer,
  sink: Sink,
  cut: () => void,
  unexpected: (error: Error) => void,
): void {
  if (headFor(exchange.method, answer.head).ends) {
    answer.body.resume();
    sink.finish([]);
    return;
  }
  answer.body.once('close', () => answer.body.readableEnded || cut());
  answer.body.pipe(sink.stream, { end: false });
  const ended = () => (answer.isWhole() ? sink.finish(answer.trailers()) : cut());
  answer.body.once('end', guarded(ended, unexpected));
}

/** Whether there is a body, and its length, by what the status says (RFC 9110, 8.6, 9.3.2 and 15.3.6). */
function headFor(method: string, { status, headers, ends }: ResponseHead): ResponseHead {
  if (method === 'HEAD' || status === 304) return { status, headers, ends: true };
  if (status === 204) return { status, headers: without(headers, 'content-length'), ends: true };
  if (status !== 205) return { status, headers, ends };
  return { status, headers: [...without(headers, 'content-length'), ['content-length', '0']], ends: true };
}

const unreachable = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'];

function unexpectedFailure(id: string): Failure {
  return { status: 502, reason: 'unexpected', detail: `the sidecar failed; its log has it under id ${id}` };
}

/** RFC 9110, 15.6.3 to 15.6.5. */
export function failureOf(wrapped: NodeJS.ErrnoException): Failure {
  const error = causeOf(wrapped);
  const detail = error.message;
  if (error instanceof IdentityError) return { status: 502, reason: 'upstream-identity', detail };
  if (error instanceof RefusedError) return { status: 503, reason: 'upstream-refused', detail };
  if (error instanceof BusyError) return { status: 503, reason: 'upstream-busy', detail };
  if (error instanceof IdleError || error.code === 'ETIMEDOUT')
    return { status: 504, reason: 'upstream-silent', detail };
  if (unreachable.includes(error.code ?? '')) return { status: 503, reason: 'upstream-unreachable', detail };
  return { status: 502, reason: 'upstream-closed', detail };
}

/** A call of HTTP/2 fails with an error of its own, and what its connection failed with is the cause. */
function causeOf(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
  return error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : error;
}
