/** What processes use, as Linux counts it. */
import { readdirSync, readFileSync } from 'node:fs';
import { textOf } from './files.ts';

/**
 * CPU time of a process until now, milliseconds; 0 when it is gone. To the nanosecond where the kernel keeps `schedstat`;
 * else in hundredths of a second, of threads that have ended, too.
 */
export function cpuMsOf(pid: number): number {
  try {
    return threadsCpuMs(pid) || ticks(readFileSync(`/proc/${pid}/stat`, 'utf8')) * 10;
  } catch {
    return 0;
  }
}

/** CPU time of the threads that a process has now, milliseconds (`schedstat`). @throws Error when it is gone */
export function threadsCpuMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  // A thread that has ended meanwhile counts no more.
  const nanoseconds = (task: string): number => Number(textOf(`${tasks}/${task}/schedstat`).split(' ')[0]);
  return readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(task), 0) / 1e6;
}

/** Fields 14 and 15 of proc(5), after a name that may hold anything. */
function ticks(stat: string): number {
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Resident memory now and at its highest, MiB; zeros when the process is gone. */
export function memoryOf(pid: number): { readonly rssMiB: number; readonly peakMiB: number } {
  const status = textOf(`/proc/${pid}/status`);
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
  return { rssMiB: of('VmRSS'), peakMiB: of('VmHWM') };
}
