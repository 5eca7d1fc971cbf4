/** Which proxies an answer is about that do not run what they should, as far as people need to know. */
import type { Standing } from './world.ts';

/** Proxies of one kind of standing. */
export interface ExplainedProxy {
  /** One of them; the client where it is one. */
  readonly pod: string;
  /** How many there are. */
  readonly count: number;
  readonly connected: boolean;
  readonly runs: Standing['runs'];
  /** Revision that the one acknowledged last, `<journal>.<n>`, and when (epoch milliseconds). */
  readonly rev?: string;
  readonly at?: number;
  /** Code of the problem for which it refused what it was sent last. */
  readonly problem?: string;
}

/** Those that are not connected or run something else, the client first, servers of one standing together. */
export function proxiesOf(standings: ReadonlyMap<string, Standing>, client: string): ExplainedProxy[] {
  const groups = new Map<string, ExplainedProxy>();
  for (const [pod, standing] of standings) {
    const { connected, runs, problem } = standing;
    if (connected && runs === 'newest') continue;
    const id = [pod === client, connected, runs, problem].join(' ');
    const group = groups.get(id);
    groups.set(id, group === undefined ? proxyOf(pod, standing) : { ...group, count: group.count + 1 });
  }
  return [...groups.values()];
}

function proxyOf(pod: string, { root: _, ...standing }: Standing): ExplainedProxy {
  return { pod, count: 1, ...standing };
}
