/** A sending thread: opens its connections, says that they are open, waits for the start, and gives what it saw. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadPlan } from '../model.ts';
import { ClosedLoop } from './closed-loop.ts';
import { type Bounds, boundsFrom, type Engine, type StartAt } from './engine.ts';
import { Unreachable } from './exit-codes.ts';
import { openLanes } from './lanes.ts';
import { OpenLoop, type Share } from './open-loop.ts';
import type { ThreadResult } from './tally.ts';
import { beUrgent } from './urgent.ts';

/** What a sending thread is told. */
export interface ThreadWork {
  readonly plan: LoadPlan;
  /** Connections of this thread. */
  readonly connections: number;
  /** Its place among the threads, from 0, and how many they are. */
  readonly thread: number;
  readonly threads: number;
  /** For the open loop. */
  readonly timed?: Pick<Share, 'times' | 'wake' | 'lead'> & { readonly urgent: boolean };
}

/** What a sending thread tells: that it is ready, and then its result. */
export type ThreadMessage = { readonly ready: true } | { readonly result: ThreadResult };

/** Something that is prepared, and then runs once. */
interface Prepared {
  run(bounds: Bounds): Promise<ThreadResult>;
  close(): void;
}

async function prepare(work: ThreadWork): Promise<Prepared> {
  const { plan, connections } = work;
  if (plan.measure === 'throughput' && plan.protocol === 'http1') {
    // autocannon takes a while to load, and no other engine needs it.
    const { cannon } = await import('./cannon.ts');
    return cannon(plan, connections);
  }
  return prepareEngine(work, engineOf(work));
}

function engineOf({ plan, connections, thread, threads, timed }: ThreadWork): Engine {
  if (plan.measure === 'throughput') return new ClosedLoop();
  if (timed === undefined) throw new Error('a thread of an open loop without a timetable');
  return new OpenLoop({ ...timed, first: thread, step: threads, connections });
}

/** Resolves when every lane is ready. A connection that cannot be opened before the start is an error. */
async function prepareEngine({ plan, connections }: ThreadWork, engine: Engine): Promise<Prepared> {
  const { promise: allReady, resolve, reject } = Promise.withResolvers<void>();
  const opening = new Set<number>();
  let open = false;
  const lanes = openLanes(plan, connections, {
    ...engine.events,
    ready(lane) {
      engine.events.ready(lane);
      if (opening.delete(lane) && opening.size === 0) resolve();
    },
    broken(why) {
      if (open) engine.events.broken(why);
      else reject(new Unreachable(`no connection to ${plan.endpoint.host}:${plan.endpoint.port}: ${why}`));
    },
  });
  for (let lane = 0; lane < lanes.count; lane += 1) opening.add(lane);
  await allReady;
  open = true;
  await engine.prove(lanes);
  return {
    run(bounds) {
      return engine.run(bounds);
    },
    close: () => lanes.close(),
  };
}

const port = parentPort;
if (port !== null) {
  const work = workerData as ThreadWork;
  const prepared = await prepare(work);
  if (work.timed?.urgent) beUrgent();
  port.once('message', async ({ startUs }: StartAt) => {
    const result = await prepared.run(boundsFrom(startUs, work.plan));
    prepared.close();
    port.postMessage({ result } satisfies ThreadMessage);
  });
  port.postMessage({ ready: true } satisfies ThreadMessage);
}
