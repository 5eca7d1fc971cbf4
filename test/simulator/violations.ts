/** Where a broken invariant is noted. Nothing is thrown: production code between here and there would catch it. */

/** The invariants by number, as `docs/simulator.md` lists them. */
export const invariants = {
  1: 'it converges',
  2: 'incremental equals from scratch',
  3: 'replay equals live',
  4: 'nothing is pushed without a change in meaning',
  5: 'no endpoint is served longer than its bound after it is gone',
  6: 'access is what the old or the new policy allows',
  7: 'queues, roots and nodes are bounded',
  8: 'no proxy is taken back in time',
} as const;

/** Number of an invariant. */
export type Invariant = keyof typeof invariants;

/** What broke: an invariant, or code that failed. */
export interface Violation {
  readonly invariant: Invariant | 'defect';
  readonly detail: string;
}

/** Takes reports, keeps the first. */
export class Violations {
  /** The first one; what follows it is mostly its consequence. */
  first: Violation | undefined;

  report(invariant: Violation['invariant'], detail: string): void {
    this.first ??= { invariant, detail };
  }
}
