/** A failure in words. */
import type { Outcome } from './run.ts';
import { invariants } from './violations.ts';

/** The story, which invariant broke, where and how, and the command that does it again. */
export function tellOutcome({ seed, violation, story, steps }: Outcome, actions: number): string {
  if (violation === undefined) return `seed ${seed} held`;
  const { invariant, detail } = violation;
  const name = invariant === 'defect' ? 'a defect' : `invariant ${invariant}: ${invariants[invariant]}`;
  const again = `again: npm run simulate -- --seed ${seed} --actions ${actions}`;
  return [...story, '', `seed ${seed} broke at step ${steps}: ${name}`, `  ${detail}`, again].join('\n');
}
