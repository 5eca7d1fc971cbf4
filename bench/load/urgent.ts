/**
 * Real-time priority (SCHED_FIFO, sched(7)) for the threads of an open loop, where the machine grants it: with
 * CAP_SYS_NICE, as root has it. Without, a thread that wakes waits until whoever runs has used up its slice, which is
 * most of what makes a sender late where it shares its core. Niceness does not help: with autogroups it says nothing to
 * processes of other sessions.
 *
 * What was compared, p99 of the lateness on a core shared with the app: at 2000/s 280 to 540 µs without and 105 to 145 µs
 * with; at 5000/s 1.8 to 2.1 ms without and 90 to 100 µs with.
 *
 * It is for threads of a Node that collects garbage in them alone. Otherwise V8 leaves sweeping to threads of ordinary
 * priority and looks in its event loop whether they have ended, over and over; an urgent thread that does so keeps them,
 * and all others, from the core for most of a second, until the kernel throttles it (seen with perf: IncrementalSweepTask).
 */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Measure } from '../model.ts';

/** Of `chrt`, from util-linux: SCHED_FIFO at the least of its priorities, which is above everything that is not real-time. */
const [policy, priority] = ['-f', '1'];

const options = { stdio: 'ignore', timeout: 2000 } as const;

/** What Node must have been started with, so that its threads may be made urgent. */
const urgentOption = '--single-threaded-gc';

/** Options of Node for the process that runs a plan: only an open loop has urgent threads. */
export function nodeOptionsFor(measure: Measure): readonly string[] {
  return measure === 'latency' ? [urgentOption] : [];
}

/** Whether threads of this process may be made urgent. */
export function canBeUrgent(): boolean {
  return process.execArgv.includes(urgentOption) && isGranted();
}

/** Whether the machine grants real-time priorities. */
export function isGranted(): boolean {
  return spawnSync('chrt', [policy, priority, 'true'], options).status === 0;
}

/** Makes the calling thread urgent, and no other. @throws Error when that is refused */
export function beUrgent(): void {
  const thread = basename(readlinkSync('/proc/thread-self'));
  const { status } = spawnSync('chrt', [policy, '-p', priority, thread], options);
  if (status !== 0) throw new Error('a thread of the sender got no real-time priority, though the machine grants it');
}
