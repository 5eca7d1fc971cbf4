import { formatProblem, type Problem } from '../../api/problem.ts';
import { isRecord } from '../object.ts';

/** A condition as every kind has it (Condition, apimachinery meta/v1). */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** The generation that was judged; absent where it is not known. */
  readonly observedGeneration?: number;
  /** When `status` last changed. */
  readonly lastTransitionTime: string;
}

/** The condition that says whether the mesh does what an object says. */
export const acceptedType = 'Accepted';

/** Longest message of a Condition. */
const mostMessage = 32_768;

/** What the mesh thinks of an object: accepted, or the code of its first problem and the text of all. */
export function judgement(problems: readonly Problem[]): Pick<Condition, 'type' | 'status' | 'reason' | 'message'> {
  const [first] = problems;
  if (first === undefined) return { type: acceptedType, status: 'True', reason: 'Accepted', message: '' };
  const message = problems.map(formatProblem).join('\n');
  return { type: acceptedType, status: 'False', reason: first.code, message: cut(message, mostMessage) };
}

/**
 * The conditions of an object with ours among them; those of others stay as they are.
 *
 * @param present `status.conditions` as it is, anything.
 * @param generation The generation that was judged; undefined leaves it out of the comparison.
 * @returns undefined when ours says the same already.
 */
export function withJudgement(
  present: unknown,
  problems: readonly Problem[],
  generation: number | undefined,
  nowMs: number,
): unknown[] | undefined {
  const conditions: unknown[] = Array.isArray(present) ? present : [];
  const old = conditions.find(isOurs);
  const ours = judgement(problems);
  if (old && sameWords(old, ours) && (generation === undefined || old.observedGeneration === generation))
    return undefined;
  const since = old?.status === ours.status ? old.lastTransitionTime : undefined;
  const condition: Condition = {
    ...ours,
    ...(generation !== undefined && { observedGeneration: generation }),
    lastTransitionTime: typeof since === 'string' ? since : timestamp(nowMs),
  };
  return [...conditions.filter(each => !isOurs(each)), condition];
}

/** Whether the server kept our condition; a schema without `conditions` makes it drop them without a word. */
export function keepsJudgement(present: unknown, problems: readonly Problem[]): boolean {
  const ours = judgement(problems);
  return Array.isArray(present) && present.some(each => isOurs(each) && sameWords(each, ours));
}

/** RFC 3339 in whole seconds, as `metav1.Time` is written. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function isOurs(condition: unknown): condition is Record<string, unknown> {
  return isRecord(condition) && condition.type === acceptedType;
}

function sameWords(condition: Record<string, unknown>, ours: ReturnType<typeof judgement>): boolean {
  return (
    condition.status === ours.status && condition.reason === ours.reason && (condition.message ?? '') === ours.message
  );
}
