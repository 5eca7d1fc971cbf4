import { formatProblem, type Problem } from '../api/problem.ts';

/** Why an enrolment does not happen: what the caller hears, and what only the control plane's log says. */
export interface Refusal {
  /** HTTP status: 400 and 413 never pass, 401 may with another nonce or token, 429 and 503 later. */
  readonly status: 400 | 401 | 404 | 413 | 429 | 503;
  /** The same words for every cause of a kind, so that nobody can feel their way forward. */
  readonly problem: Problem;
  /** For the log: no token, no key. */
  readonly detail: string;
}

/** The request is not one. */
export function malformed(detail: string, status: 400 | 404 | 413 = 400): Refusal {
  return { status, problem: malformedProblem, detail };
}

/** Nonce, proof or token do not pass; the caller does not learn which. */
export function refused(detail: string): Refusal {
  return { status: 401, problem: refusedProblem, detail };
}

/** The caller is who it says, and cannot have a certificate: it hears why, for nobody else could mend it. */
export function impossible(problem: Problem): Refusal {
  return { status: 400, problem, detail: formatProblem(problem) };
}

/** A limit is reached. */
export function busy(detail: string, status: 429 | 503 = 503): Refusal {
  return { status, problem: busyProblem, detail };
}

/** Nothing is wrong with the request. */
export function unavailable(detail: string, problem: Problem = unavailableProblem): Refusal {
  return { status: 503, problem, detail };
}

const malformedProblem: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the request is not an enrolment',
  why: 'it has another form or size than the protocol says',
  fix: 'Use a sidecar of the version of the control plane, or of the one before.',
};

const refusedProblem: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the nonce, the proof or the token did not pass',
  why: 'a certificate is given only to the pod that the token was made for',
  fix: 'Look into the log of the control plane: it names the check.',
};

const busyProblem: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'there are too many enrolments at once',
  why: 'the control plane bounds what it works on',
  fix: 'Wait: a sidecar tries again by itself.',
};

const unavailableProblem: Problem = {
  code: 'FSM2001',
  path: '',
  what: 'the control plane cannot issue a certificate now',
  why: 'something that it needs did not answer',
  fix: 'Wait: a sidecar tries again by itself. The log of the control plane names the cause.',
};
