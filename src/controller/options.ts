import type { Log } from '../admin/log.ts';
import { ProblemError } from '../api/problem.ts';
import type { JournalLimits } from '../engine/journal.ts';
import type { Clock } from '../engine/pipeline.ts';
import type { ShardHost } from '../engine/shards/pool.ts';
import { systemTiming, type Timing } from '../kube/timing.ts';

/** What a control plane has from the process around it; a simulator brings its own. */
export interface Surroundings extends Clock {
  /** Timers and chance of everything that talks to the Kubernetes API. */
  readonly timing: Timing;
  /** Ends the process, after a defect was logged. */
  exit(code: number): void;
  /** Whether the process is this control plane's alone, so that its memory and CPU are among the metrics. */
  readonly ownProcess: boolean;
  /** How much a journal keeps; the journal's own bounds unless given. */
  readonly journalLimits?: JournalLimits;
  /** Begins one shard; a worker thread unless given. */
  readonly spawnShard?: () => ShardHost;
}

/** The surroundings of the production process. */
export const systemSurroundings: Surroundings = {
  now: Date.now,
  elapsedMs: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  timing: systemTiming,
  exit: code => process.exit(code),
  ownProcess: true,
};

export interface ControllerOptions {
  readonly kubeconfig?: string;
  /** Journal and roots; made with mode 0700. */
  readonly stateDir: string;
  /** `host:port` of the TLS port for proxies. */
  readonly listen: string;
  /** `host:port` of the read model; loopback. */
  readonly readModel: string;
  /** `host:port` of metrics and health. */
  readonly metrics: string;
  readonly trustDomain: string;
  /** Worker threads that derive; 0 derives in the main thread. */
  readonly threads: number;
  readonly heartbeatMs?: number;
  readonly log: Log;
  /** The process's own unless given. */
  readonly surroundings?: Surroundings;
}

/**
 * What a control plane's process is started with, for memory is scarce at the edge. A young generation of 2 MiB instead of
 * 16, one arena of glibc, and TLS buffers that are given back at once take some 50 MiB off 2,000 proxies, at no CPU time
 * that could be told from noise. Node reads every TLS stream into 64 KiB of its own, of which one page is ever written:
 * as long as nothing is left at the top of the heap, malloc maps them, and the other pages are never there (15 MiB more).
 * (`--heap-growing-percent=40` takes off more after a burst, but a change then costs a third more: docs/scale.md.)
 */
export const processOptions = {
  node: ['--max-semi-space-size=2'],
  env: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '16384', MALLOC_TOP_PAD_: '4096' },
} as const;

/** Takes `host:port` apart. @throws ProblemError FSM6003 */
export function addressOf(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (colon > 0 && Number.isInteger(port) && port >= 0 && port < 65536) return { host: text.slice(0, colon), port };
  const what = `${text} is no host:port`;
  throw new ProblemError({
    code: 'FSM6003',
    path: '',
    what,
    why: 'an address is needed there',
    fix: 'write for example 127.0.0.1:17001',
  });
}
