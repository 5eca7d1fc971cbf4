/**
 * A thread that sleeps until a request is due and then wakes the thread that is to send it. Timers of Node come once a
 * millisecond; a thread that may sleep on a futex (`Atomics.wait`) wakes within the kernel's slack of 50 µs.
 *
 * What was compared, on two cores that others used as well (so p99 is mostly theirs), from 500 to 5000 times a second:
 *
 * | | late, p50 | late, p99 | share of a core |
 * |---|---|---|---|
 * | a timer each millisecond | 550 to 590 µs | 1.2 to 10 ms | 3 % |
 * | polling with `setImmediate` | 1 µs | 2 to 60 ms: it uses up its time and is set aside | 77 to 101 % |
 * | metronome | 92 to 141 µs | 0.9 to 18 ms | 4 to 20 %, of which the metronome 2 to 12 % |
 *
 * `Atomics.waitAsync` instead of a message costs and takes the same. Waking earlier (`lead.ts`) and polling through the
 * rest makes p50 20 to 55 µs, the writing included, and p99 100 to 200 µs in calm rounds. All that a sender does
 * then, writing and reading answers too, is 5 % of a core at 500/s, 8 to 10 % at 1000/s, 16 to 20 % at 2000/s, 35 % at
 * 5000/s.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { nowUs } from './clock.ts';
import type { StartAt } from './engine.ts';
import { Lead, type SharedLead } from './lead.ts';
import { beUrgent } from './urgent.ts';

/** What the metronome is told: the timetable, and the threads that send its times in turn. */
export interface MetronomeWork {
  readonly times: Float64Array;
  readonly senders: readonly MessagePort[];
  readonly lead: SharedLead;
  readonly urgent: boolean;
}

function beat({ times, senders, lead: shared }: MetronomeWork, startUs: number): void {
  const lead = new Lead(shared);
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (const [at, time] of times.entries()) {
    for (;;) {
      const leftUs = startUs + time - lead.us - nowUs();
      if (leftUs <= 0) break;
      Atomics.wait(never, 0, 0, leftUs / 1000);
    }
    senders[at % senders.length]?.postMessage(at);
  }
}

const work = workerData as MetronomeWork;
if (work?.urgent) beUrgent();
parentPort?.once('message', ({ startUs }: StartAt) => beat(work, startUs));
