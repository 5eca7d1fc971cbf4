/** What the parts of a running sidecar share. */
import { pathOf } from '../policy/policy.js';
import type { RequestDescription, Tables } from '../policy/types.ts';
import type { Credentials } from './credentials.ts';
import type { Exchange } from './exchange.ts';
import { type Forwarding, failureOf } from './forward.ts';
import { logUnexpected } from './guard.ts';
import { describe } from './headers.ts';
import type { LogFields, Logger } from './log.ts';
import { refuse } from './refuse.ts';

export interface Shell {
  readonly log: Logger;
  readonly credentials: Credentials;
  readonly podAddress: string;
  readonly appAddress: string;
  /** The tables in force; null before the first configuration. */
  readonly tables: () => Tables | null;
}

/** One side of a sidecar: takes connections, gives them back when it is asked to. */
export interface Side {
  drain(): void;
}

/** How long a connection may be silent before there is a configuration that says so. */
const idleDefaultMs = 60_000;

export function idleTimeoutMs(shell: Shell): number {
  return shell.tables()?.settings.idleTimeoutMs ?? idleDefaultMs;
}

/** A request as the policy reads it. */
export function describeRequest({ method, target, authority, headers }: Exchange): RequestDescription {
  return { method, path: pathOf(target), host: authority, headers: describe(headers) };
}

/** Longest path that a log line shows, in characters. */
const shownPathMax = 200;

/** What log lines say about a request. */
export function fieldsOf(exchange: Exchange): LogFields {
  const { method, target, authority } = exchange;
  return { method, path: pathOf(target).slice(0, shownPathMax), host: authority.slice(0, shownPathMax) };
}

/** What becomes of exchanges whose upstream fails: an answer where none was begun, and a log line. */
export function onFailure(
  shell: Shell,
  exchange: Exchange,
  fields: LogFields,
): Pick<Forwarding, 'unanswered' | 'broken' | 'unexpected'> {
  return {
    unexpected: error => logUnexpected(shell.log, 'exchange', error, { ...fieldsOf(exchange), ...fields }),
    unanswered(failure) {
      shell.log('warn', 'an upstream failed', { ...fieldsOf(exchange), ...fields, ...failure });
      if (failure.reason === 'upstream-refused' && exchange.giveBack !== null) exchange.giveBack();
      else refuse(exchange, failure);
    },
    broken(failure) {
      shell.log('warn', 'a response was broken off', { ...fieldsOf(exchange), ...fields, ...failure });
    },
  };
}

/** As `failureOf`, for log lines. */
export function failureFields(error: Error): LogFields {
  return { ...failureOf(error) };
}
