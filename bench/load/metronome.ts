/**
 * A thread that sleeps until a request is due and then wakes the thread that is to send it. Timers of Node come once a
 * millisecond; a thread that may sleep on a futex (`Atomics.wait`) wakes within the kernel's slack of 50 µs.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { nowUs } from './clock.ts';
import type { StartAt } from './engine.ts';

/** What the metronome is told: the timetable, and the threads that send its times in turn. */
export interface MetronomeWork {
  readonly times: Float64Array;
  readonly senders: readonly MessagePort[];
  readonly leadUs: number;
}

function beat({ times, senders, leadUs }: MetronomeWork, startUs: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (const [at, time] of times.entries()) {
    for (;;) {
      const leftUs = startUs + time - leadUs - nowUs();
      if (leftUs <= 0) break;
      Atomics.wait(never, 0, 0, leftUs / 1000);
    }
    senders[at % senders.length]?.postMessage(at);
  }
}

parentPort?.once('message', ({ startUs }: StartAt) => beat(workerData as MetronomeWork, startUs));
