import type { ObjectRef, Problem } from '../api/problem.ts';
import type { KubeClient } from './client.ts';
import { LatestQueue } from './status/latest-queue.ts';
import { Settled } from './status/settled.ts';
import type { DesiredStatus, StatusCounters, StatusResource } from './status/types.ts';
import { keyOfRef, type StatusTools, settle } from './status/work.ts';
import { systemTiming, type Timing } from './timing.ts';

export type { DesiredStatus, StatusCounters, StatusResource };

export interface StatusWriterOptions {
  readonly resources: readonly StatusResource[];
  readonly onProblem: (problem: Problem) => void;
  /** Most objects looked at in a second. 50. */
  readonly perSecond?: number;
  /** Most objects that wait. 10,000. */
  readonly maxPending?: number;
  readonly timing?: Timing;
}

/** Writes conditions. Only the elected leader has one. */
export interface StatusWriter {
  readonly counters: Readonly<StatusCounters>;
  /** How many objects wait to be looked at. */
  readonly waiting: number;
  /** Sees to it that the object says this; of several calls for an object the last one counts. */
  update(desired: DesiredStatus): void;
  /** The object is gone. */
  forget(object: ObjectRef): void;
  /** Resolves when everything is written or given up. */
  idle(): Promise<void>;
  /** Drops what waits. */
  close(): void;
}

const backoff = { firstMs: 500, mostMs: 60_000 };
const maxAttempts = 10;

/**
 * A writer of conditions. It reads an object before it writes, writes nothing that is there already, and leaves the
 * conditions of others alone. Where there is no status subresource it writes a Kubernetes Event.
 *
 * @throws TypeError (unhandled, in the background) for a kind that is not among `resources`.
 */
export function createStatusWriter(client: KubeClient, options: StatusWriterOptions): StatusWriter {
  const maxPending = options.maxPending ?? 10_000;
  const tools = toolsOf(client, options, maxPending);
  const { counters, settled } = tools;
  const queue = new LatestQueue<DesiredStatus>({
    work: (_, desired) => settle(tools, desired),
    onGivenUp: () => void counters.dropped++,
    intervalMs: 1000 / (options.perSecond ?? 50),
    maxPending,
    maxAttempts,
    backoff,
    timing: tools.timing,
  });
  const update = (desired: DesiredStatus) => {
    const key = keyOfRef(desired);
    // What is settled needs no write, but something that waits would undo it.
    if (settled.says(key, desired)) return queue.remove(key);
    if (queue.put(key, desired)) return;
    counters.dropped++;
    tools.tell(overflow(desired, maxPending));
  };
  const forget = (object: ObjectRef) => {
    queue.remove(keyOfRef(object));
    settled.delete(keyOfRef(object));
  };
  return {
    counters,
    get waiting() {
      return queue.size;
    },
    ...{ update, forget, idle: () => queue.idle(), close: () => queue.close() },
  };
}

function toolsOf(client: KubeClient, options: StatusWriterOptions, maxPending: number): StatusTools {
  return {
    client,
    resources: new Map(options.resources.map(resource => [resource.kind, resource])),
    settled: new Settled(maxPending),
    counters: { written: 0, unchanged: 0, events: 0, errors: 0, dropped: 0 },
    tell: onceInAWhile(options.onProblem, options.timing ?? systemTiming),
    timing: options.timing ?? systemTiming,
    withoutStatus: new Set(),
  };
}

const quietMs = 60_000;

/** Tells a problem of the same code at most once a minute: what fails for one object fails for all of them. */
function onceInAWhile(onProblem: (problem: Problem) => void, timing: Timing): (problem: Problem) => void {
  const toldMs = new Map<string, number>();
  return problem => {
    const nowMs = timing.scheduler.now();
    if (nowMs - (toldMs.get(problem.code) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    toldMs.set(problem.code, nowMs);
    onProblem(problem);
  };
}

function overflow(desired: DesiredStatus, maxPending: number): Problem {
  return {
    code: 'FSM4002',
    object: { kind: desired.kind, namespace: desired.namespace, name: desired.name },
    path: '/status',
    what: `its condition is not written, since ${maxPending} others wait`,
    why: 'the Kubernetes API takes conditions more slowly than they come',
    fix: 'look at the load of the Kubernetes API; the next change of the object tries again',
  };
}
