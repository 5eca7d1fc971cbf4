/** What processes use, as Linux counts it. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time of a process until now, milliseconds; 0 when it is gone. To the nanosecond where the kernel keeps `schedstat`;
 * else in hundredths of a second, of threads that have ended, too.
 */
export function cpuMsOf(pid: number): number {
  try {
    const tasks = `/proc/${pid}/task`;
    const exact = readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(`${tasks}/${task}/schedstat`), 0);
    return exact > 0 ? exact / 1e6 : ticks(readFileSync(`/proc/${pid}/stat`, 'utf8')) * 10;
  } catch {
    return 0;
  }
}

/** Fields 14 and 15 of proc(5), after a name that may hold anything. */
function ticks(stat: string): number {
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** A thread may end between the listing and the look. */
function nanoseconds(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]);
  } catch {
    return 0;
  }
}

/** Resident memory now and at its highest, MiB; zeros when the process is gone. */
export function memoryOf(pid: number): { readonly rssMiB: number; readonly peakMiB: number } {
  let status = '';
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // Gone.
  }
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
  return { rssMiB: of('VmRSS'), peakMiB: of('VmHWM') };
}
