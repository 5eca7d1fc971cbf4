/** From a client's exchange to an upstream's call and back: bodies stream both ways, and what breaks stays broken. */
import { callHTTP1 } from './call1.ts';
import { callHTTP2 } from './call2.ts';
import { type Answer, type Call, type CallEvents, type Exchange, IdleError, type Message } from './exchange.ts';
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
    | 'upstream-busy';
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
}

/** Sends an exchange to an upstream. Never called twice for one exchange. */
export function forward(exchange: Exchange, to: Forwarding): void {
  const { idleTimeoutMs } = to;
  const message: Message = { ...pick(exchange), idleTimeoutMs };
  let begun = false;
  let over = false;
  const events: CallEvents = {
    informed: (status, headers) => exchange.inform(status, headers),
    answered(answer) {
      begun = true;
      passAnswer(exchange, answer, () => events.failed(new Error('the response was cut short')));
    },
    switched(headers, stream) {
      if (!exchange.upgrade) {
        stream.destroy();
        events.failed(new Error('the upstream switched protocols, which nobody had asked for'));
        return;
      }
      begun = true;
      splice(exchange.switchProtocols(headers), stream, idleTimeoutMs, () => undefined);
    },
    failed(error) {
      if (over) return;
      over = true;
      if (!begun) return to.unanswered(failureOf(error));
      exchange.abort();
      to.broken(failureOf(error));
    },
  };
  const call = start(to, message, events);
  if (call === undefined) {
    events.failed(new BusyError('every connection to it is full'));
    return;
  }
  exchange.onGone(() => {
    over = true;
    call.abort();
  });
  passBody(exchange, call);
}

class BusyError extends Error {}

function pick(exchange: Exchange): Omit<Message, 'idleTimeoutMs'> {
  const { method, target, authority, headers, hasBody, takesTrailers, upgrade } = exchange;
  return { method, target, authority, headers, hasBody, takesTrailers, upgrade };
}

function start(to: Forwarding, message: Message, events: CallEvents): Call | undefined {
  return (to.version === 2 ? callHTTP2 : callHTTP1)(to.pool, to.upstream, message, events);
}

/** A client that breaks off its body breaks off the call: an upstream must not take a part for the whole. */
function passBody(exchange: Exchange, call: Call): void {
  if (!exchange.hasBody) {
    call.finish([]);
    return;
  }
  exchange.body.once('error', () => call.abort());
  exchange.body.pipe(call.stream, { end: false });
  exchange.body.once('end', () => (exchange.isWhole() ? call.finish(exchange.trailers()) : call.abort()));
}

function passAnswer(exchange: Exchange, answer: Answer, cut: () => void): void {
  const sink = exchange.respond(answer.head);
  if (answer.head.ends) {
    answer.body.resume();
    sink.finish([]);
    return;
  }
  answer.body.once('close', () => answer.body.readableEnded || cut());
  answer.body.pipe(sink.stream, { end: false });
  answer.body.once('end', () => (answer.isWhole() ? sink.finish(answer.trailers()) : cut()));
}

const unreachable = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'];

/** RFC 9110, 15.6.3 to 15.6.5. */
export function failureOf(error: NodeJS.ErrnoException): Failure {
  const detail = error.message;
  if (error instanceof IdentityError) return { status: 502, reason: 'upstream-identity', detail };
  if (error instanceof BusyError) return { status: 503, reason: 'upstream-busy', detail };
  if (error instanceof IdleError || error.code === 'ETIMEDOUT')
    return { status: 504, reason: 'upstream-silent', detail };
  if (unreachable.includes(error.code ?? '')) return { status: 503, reason: 'upstream-unreachable', detail };
  return { status: 502, reason: 'upstream-closed', detail };
}
