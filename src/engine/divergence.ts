/** The typed answer to "does this version lead where the recorded one led?". */
import { type Problem, ProblemError } from '../api/problem.ts';
import type { Ask } from './history.ts';

/** One place where a replay differs from what was recorded; `null` stands for nothing at all. */
export type Divergence =
  | Differs<'snapshot'>
  /** `proxy` is the `namespace/pod` whose configuration differs. */
  | (Differs<'root'> & { readonly proxy: string })
  /** `ask` is the request that is decided otherwise. */
  | (Differs<'decision'> & { readonly ask: Ask });

interface Differs<Part extends string> {
  readonly part: Part;
  /** State after this revision. */
  readonly revision: number;
  /** Revision that the fold began at; 0 is the beginning. */
  readonly from: number;
  readonly expected: string | null;
  readonly found: string | null;
}

/** FSM5003 with every difference; its text names the first. */
export class DivergenceError extends ProblemError {
  readonly divergences: readonly Divergence[];

  /** @param divergences at least one, in order of revisions */
  constructor(divergences: readonly [Divergence, ...Divergence[]]) {
    super(problemOf(divergences[0], divergences.length - 1));
    this.name = 'DivergenceError';
    this.divergences = divergences;
  }
}

function problemOf(first: Divergence, others: number): Problem {
  const more = others === 0 ? '' : `, and ${others} more ${others === 1 ? 'difference' : 'differences'}`;
  const start = first.from === 0 ? '' : `, folded from revision ${first.from}`;
  return {
    code: 'FSM5003',
    path: '',
    what: `after revision ${first.revision}${start} ${subjectOf(first)} is ${said(first.found)}, expected was ${said(first.expected)}${more}`,
    why: whys[first.part],
    fix: 'keep the file and report it; where the change is meant, raise the derive version (docs/replay.md)',
  };
}

const whys = {
  snapshot: 'a state must be the fold of its events, wherever the fold begins',
  root: 'within one derive version equal events must give equal configurations',
  decision: 'the same events must let the same callers through to the same places',
} as const;

/** What differs, in words: `the configuration of shop/buyer-1`. */
export function subjectOf(divergence: Divergence): string {
  if (divergence.part === 'snapshot') return 'the snapshot';
  return divergence.part === 'root' ? `the configuration of ${divergence.proxy}` : wordsOf(divergence.ask);
}

/** A request in words: `GET /buy of shop/buyer to shop/store:80`. */
export function wordsOf({ client, service, port, method, path, headers }: Ask): string {
  const request = method === undefined ? 'a connection' : `${method} ${path}`;
  const named = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`);
  return `${[request, ...named].join(', ')} of ${client} to ${service}:${port}`;
}

function said(value: string | null): string {
  return value === null ? 'nothing' : `"${value}"`;
}
