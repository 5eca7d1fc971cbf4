import type { ObjectRef } from '../api/problem.ts';
import { type Problem, ProblemError } from '../api/problem.ts';
import { isRecord } from './object.ts';

/** What a request was about; only names, never contents, so it can be shown to people. */
export interface RequestSubject {
  /** As Kubernetes calls it: get, list, watch, create, update, patch, delete. */
  readonly verb: string;
  /** `Pod shop/cart`, `pods`, or a path. */
  readonly of: string;
  readonly object?: ObjectRef;
}

/** A request to the Kubernetes API that did not succeed. */
export class KubeError extends ProblemError {
  /** HTTP status, or 0 when there was no answer. */
  readonly status: number;
  /** `reason` of the Status object (apimachinery meta/v1), or ''. */
  readonly reason: string;
  /** How long the server asked to stay away, from `Retry-After` or `details.retryAfterSeconds`. */
  readonly retryAfterMs: number | undefined;

  constructor(
    problem: Problem,
    answer: Partial<Pick<KubeError, 'status' | 'reason' | 'retryAfterMs'>>,
    cause?: unknown,
  ) {
    super(problem, cause);
    this.name = 'KubeError';
    this.status = answer.status ?? 0;
    this.reason = answer.reason ?? '';
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** The server answered, and the answer is no (FSM4001). `body` is what it sent, best a Status object. */
export function refused(subject: RequestSubject, status: number, body: unknown, retryAfter?: string): KubeError {
  const answer = isRecord(body) ? body : {};
  const reason = typeof answer.reason === 'string' ? answer.reason : '';
  const message = typeof answer.message === 'string' ? answer.message : 'without a message';
  const problem: Problem = {
    code: 'FSM4001',
    ...(subject.object && { object: subject.object }),
    path: '',
    what: `${subject.verb} ${subject.of} was answered with ${`${status} ${reason}`.trim()}: ${shorten(message)}`,
    ...adviceFor(status, subject, message),
  };
  return new KubeError(problem, { status, reason, retryAfterMs: retryAfterMs(answer, retryAfter) });
}

/** No answer came (FSM4002). */
export function unreachable(subject: RequestSubject, server: string, cause: unknown): KubeError {
  const problem: Problem = {
    code: 'FSM4002',
    ...(subject.object && { object: subject.object }),
    path: '',
    what: `${subject.verb} ${subject.of} got no answer from ${server}: ${reasonOf(cause)}`,
    why: 'without the Kubernetes API no change is seen and nothing can be written',
    fix: 'check that the server runs, that its address is right and that its certificate is signed by the CA in use',
  };
  return new KubeError(problem, {}, cause);
}

/** A watch stream that cannot be trusted any further (FSM4003). */
export function unreadable(kind: string, what: string, cause?: unknown): ProblemError {
  return new ProblemError(
    {
      code: 'FSM4003',
      path: '',
      what: `the watch of ${kind} sent ${what}`,
      why: 'an event may be hidden in it, so the stream is opened again from the last event that was read',
      fix: 'if it comes back, look at what stands between here and the Kubernetes API, such as a proxy or a load balancer',
    },
    cause,
  );
}

/** A watch stream on which not even bookmarks come (FSM4002). */
export class SilentStream extends ProblemError {
  constructor(kind: string, idleMs: number) {
    super({
      code: 'FSM4002',
      path: '',
      what: `the watch of ${kind} was silent for ${Math.round(idleMs / 1000)} s`,
      why: 'the Kubernetes API sends a bookmark about every minute, so something holds back what it sends',
      fix: 'look at what stands between here and the Kubernetes API; until then changes are found by listing',
    });
  }
}

/** Changes that only a new list brought (FSM4004). */
export function lostEvents(kind: string, count: number): Problem {
  return {
    code: 'FSM4004',
    path: '',
    what: `the watch of ${kind} missed ${count} ${count === 1 ? 'change' : 'changes'}, which a new list found`,
    why: 'they took effect later than they could have',
    fix: 'nothing if this is rare; else look for what interrupts the connection to the Kubernetes API',
  };
}

/** Text of whatever was thrown; for a connection refused on several addresses Node leaves the message empty. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(reasonOf).join(', ');
  return cause instanceof Error ? cause.message : String(cause);
}

const advice: Readonly<Record<number, Pick<Problem, 'why' | 'fix'>>> = {
  401: { why: 'the server does not know who asks', fix: 'renew the token or the client certificate in use' },
  404: { why: 'the server has no such object or no such kind', fix: 'check the name, and that the CRDs are installed' },
  409: { why: 'somebody else wrote it first, or it exists already', fix: 'read it again and repeat the change' },
  410: { why: 'the server no longer has the history that was asked for', fix: 'nothing, the list is read again' },
  413: { why: 'the object is too large for the server', fix: 'make it smaller' },
  422: { why: 'the server finds the object invalid', fix: 'correct the fields that the message names' },
  429: { why: 'the server is asked more than it wants to be', fix: 'nothing, it is asked again later' },
};

function adviceFor(status: number, subject: RequestSubject, message: string): Pick<Problem, 'why' | 'fix'> {
  if (status === 403) return isAdmission(message) ? notAdmitted : forbidden(subject);
  if (status >= 500) return { why: 'the server is not well', fix: 'look at the log of the Kubernetes API server' };
  return advice[status] ?? { why: 'the server does not accept the request', fix: 'correct what the message names' };
}

/** An authoriser says who `cannot` do what; whatever else is forbidden was forbidden by an admission plugin. */
function isAdmission(message: string): boolean {
  return /is forbidden: /.test(message) && !/ cannot \S+ resource /.test(message);
}

const notAdmitted = {
  why: 'the server does not let such an object in',
  fix: 'see to what the message says is missing',
};

function forbidden(subject: RequestSubject): Pick<Problem, 'why' | 'fix'> {
  return {
    why: `the account in use may not ${subject.verb} it`,
    fix: `allow the verb "${subject.verb}" in a Role or ClusterRole that is bound to this account`,
  };
}

/** RFC 9110, section 10.2.3: seconds or a date; a Status says `details.retryAfterSeconds`. */
function retryAfterMs(answer: Record<string, unknown>, header: string | undefined): number | undefined {
  const details = isRecord(answer.details) ? answer.details.retryAfterSeconds : undefined;
  const seconds = header === undefined ? details : Number(header);
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

function shorten(text: string): string {
  return text.length > 1000 ? `${text.slice(0, 1000)}…` : text;
}
