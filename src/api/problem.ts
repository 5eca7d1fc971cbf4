/**
 * The one shape of everything that can be wrong in the mesh. CLI text, status condition, Kubernetes event and
 * documentation page are all made from it, so a user meets the same words everywhere.
 */
import type { ProblemCode } from './problem-codes.ts';

/** Names one object of the cluster: `namespace` is empty for cluster-scoped kinds. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What is wrong, with which object, and how to mend it. */
export interface Problem {
  /** Stable code; the list with its documentation is `problemCodes`. */
  readonly code: ProblemCode;
  /** The object is in force, but not quite as a reader may think. Absent: it is not in force as it is written. */
  readonly severity?: 'warning';
  /** The object a person has to change, or undefined where it is not about an object. */
  readonly object?: ObjectRef;
  /** JSON pointer (RFC 6901) to the field inside the object; `''` is the whole object. */
  readonly path: string;
  /** One sentence: what was found. */
  readonly what: string;
  /** One sentence: why that cannot be used. */
  readonly why: string;
  /** One sentence: what to do. */
  readonly fix: string;
}

/** `kind namespace/name`, as people write it. */
export function formatRef(ref: ObjectRef): string {
  return ref.namespace === '' ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`;
}

/** The text that the CLI and the logs show: `CODE object path: what; why. Fix: fix`; of a warning `CODE (warning) …`. */
export function formatProblem(problem: Problem): string {
  const where = [problem.object && formatRef(problem.object), problem.path].filter(Boolean).join(' ');
  const code = problem.severity === 'warning' ? `${problem.code} (warning)` : problem.code;
  const head = where === '' ? code : `${code} ${where}`;
  return `${head}: ${problem.what}; ${problem.why}. Fix: ${problem.fix}`;
}

/** An error that carries a `Problem`, for the edges where an exception is the only way out. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem, cause?: unknown) {
    super(formatProblem(problem), { cause });
    this.name = 'ProblemError';
    this.problem = problem;
  }
}
