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

/** The condition that says of an accepted object what of it does nothing; there only as long as something does. */
export const notInForceType = 'NotInForce';

/** Longest message of a Condition. */
const mostMessage = 32_768;

/** What we say in a condition; times and generation belong to the object. */
export type Judgement = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const all: Judgement = { type: acceptedType, status: 'True', reason: 'Accepted', message: '' };

/** What the mesh thinks of an object: accepted, or the code of its first problem and the text of all; then its warnings. */
export function judgement(problems: readonly Problem[]): readonly [accepted: Judgement, ...warnings: Judgement[]] {
  const errors = problems.filter(({ severity }) => severity === undefined);
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const accepted = said(acceptedType, 'False', errors) ?? all;
  const warned = said(notInForceType, 'True', warnings);
  return warned === undefined ? [accepted] : [accepted, warned];
}

function said(type: string, status: Condition['status'], problems: readonly Problem[]): Judgement | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  const message = problems.map(formatProblem).join('\n');
  return { type, status, reason: first.code, message: cut(message, mostMessage) };
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
  const [old, ours] = [conditions.filter(isOurs), judgement(problems)];
  const isSaid = (words: Judgement): boolean =>
    old.some(each => sameWords(each, words) && (generation === undefined || each.observedGeneration === generation));
  if (old.length === ours.length && ours.every(isSaid)) return undefined;
  const written = ours.map((words): Condition => {
    const before = old.find(({ type, status }) => type === words.type && status === words.status)?.lastTransitionTime;
    return {
      ...words,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: typeof before === 'string' ? before : timestamp(nowMs),
    };
  });
  return [...conditions.filter(each => !isOurs(each)), ...written];
}

/** Whether the server kept our condition; a schema without `conditions` makes it drop them without a word. */
export function keepsJudgement(present: unknown, problems: readonly Problem[]): boolean {
  if (!Array.isArray(present)) return false;
  const kept = present.filter(isOurs);
  return judgement(problems).every(words => kept.some(each => sameWords(each, words)));
}

/** RFC 3339 in whole seconds, as `metav1.Time` is written. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function isOurs(condition: unknown): condition is Record<string, unknown> {
  return isRecord(condition) && (condition.type === acceptedType || condition.type === notInForceType);
}

function sameWords(condition: Record<string, unknown>, ours: Judgement): boolean {
  return (
    condition.type === ours.type &&
    condition.status === ours.status &&
    condition.reason === ours.reason &&
    (condition.message ?? '') === ours.message
  );
}
