/** Runs one plan: threads that send, a metronome for the open loop, and one result of all. */
import { MessageChannel, type MessagePort, Worker, type WorkerOptions } from 'node:worker_threads';
import { moduleFile } from '../../src/api/package.ts';
import type { LoadPlan, LoadResult } from '../model.ts';
import { nowUs, until } from './clock.ts';
import { boundsFrom, type StartAt } from './engine.ts';
import { Unreachable } from './exit-codes.ts';
import type { MetronomeWork } from './metronome.ts';
import { combine, type ThreadResult } from './tally.ts';
import type { ThreadMessage, ThreadWork } from './thread.ts';
import { timetable } from './timetable.ts';
import { canBeUrgent } from './urgent.ts';

/** Always the same: every target of an experiment is asked at the same moments. */
const seed = 1;
/** Connections that are not open by then will not be. */
const openMs = 30_000;
/** From the word to start until the start, so that every thread has heard it. */
const noticeUs = 50_000;

/** Told when what counts begins, and when it ends: others may look at what the target uses meanwhile. */
export type OnMoment = (moment: 'measuring' | 'measured') => void;

/** Throws when the plan cannot be run or nothing can be connected to; everything after the start is in the result. */
export async function runLoad(plan: LoadPlan, onMoment: OnMoment = () => {}): Promise<LoadResult> {
  check(plan);
  const threads = Math.min(plan.threads, plan.connections);
  const workers: Worker[] = [];
  const start: Start = (file, options) => {
    const worker = new Worker(moduleFile(file, import.meta.url), options);
    workers.push(worker);
    return worker;
  };
  try {
    return await runOn(plan, threads, start, onMoment);
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()));
  }
}

type Start = (file: string, options: WorkerOptions) => Worker;

async function runOn(plan: LoadPlan, threads: number, start: Start, onMoment: OnMoment): Promise<LoadResult> {
  const works = Array.from({ length: threads }, (_, thread): ThreadWork => {
    const connections = Math.floor((plan.connections + threads - 1 - thread) / threads);
    return { plan, connections, thread, threads };
  });
  const begin = plan.measure === 'latency' ? startTimed : startFree;
  const { sending, others, urgent } = begin(plan, works, start);
  const results = Promise.all(sending.map(({ result }) => result));
  await Promise.race([results, Promise.all(sending.map(({ ready }) => ready)), tooLate()]);
  const word: StartAt = { startUs: nowUs() + noticeUs };
  for (const worker of [...sending.map(({ worker }) => worker), ...others]) worker.postMessage(word);
  const { beginUs, endUs } = boundsFrom(word.startUs, plan);
  void until(beginUs).then(() => onMoment('measuring'));
  const measured = until(endUs).then(() => onMoment('measured'));
  const [parts] = await Promise.all([results, measured]);
  return { ...combine(plan, parts), urgent, threads: sending.length };
}

interface Started {
  readonly sending: readonly Followed[];
  readonly others: readonly Worker[];
  /** Its threads have a real-time priority. */
  readonly urgent: boolean;
}

function startFree(_: LoadPlan, works: readonly ThreadWork[], start: Start): Started {
  return { sending: works.map(work => follow(start('./thread', { workerData: work }))), others: [], urgent: false };
}

function startTimed({ rate = 0, ...plan }: LoadPlan, works: readonly ThreadWork[], start: Start): Started {
  const times = timetable(rate, plan.warmUpSeconds + plan.seconds, seed);
  const urgent = canBeUrgent();
  const lead = { memory: new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT), rate };
  const senders: MessagePort[] = [];
  const sending = works.map(work => {
    const { port1, port2: wake } = new MessageChannel();
    senders.push(port1);
    const workerData: ThreadWork = { ...work, timed: { times, wake, lead, urgent } };
    return follow(start('./thread', { workerData, transferList: [wake] }));
  });
  const workerData: MetronomeWork = { times, senders, lead, urgent };
  return { sending, others: [start('./metronome', { workerData, transferList: senders })], urgent };
}

interface Followed {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  readonly result: Promise<ThreadResult>;
}

function follow(worker: Worker): Followed {
  const ready = Promise.withResolvers<void>();
  const result = Promise.withResolvers<ThreadResult>();
  worker.on('message', (message: ThreadMessage) => {
    if ('ready' in message) ready.resolve();
    else result.resolve(message.result);
  });
  worker.on('error', error => result.reject(error));
  worker.on('exit', () => result.reject(new Error('a sending thread ended without a result')));
  return { worker, ready: ready.promise, result: result.promise };
}

function tooLate(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Unreachable(`connections were not open after ${openMs} ms`)), openMs).unref();
  });
}

/** What a plan must have; its types are the writer's affair. */
function check({ measure, rate, connections, threads, seconds, warmUpSeconds, payloadBytes }: LoadPlan): void {
  const needs = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`the plan needs ${what}`);
  };
  needs(measure === 'latency' || measure === 'throughput', "a measure: 'latency' or 'throughput'");
  needs(measure === 'throughput' || (rate ?? 0) > 0, 'a rate above 0 for latency');
  needs(Number.isInteger(connections) && connections > 0, 'connections');
  needs(Number.isInteger(threads) && threads > 0, 'threads');
  needs(seconds > 0 && warmUpSeconds >= 0, 'seconds above 0, and warmUpSeconds');
  needs(Number.isInteger(payloadBytes) && payloadBytes >= 0, 'payloadBytes');
}
