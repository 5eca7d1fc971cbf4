/** What processes use, as Linux counts it. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all threads of a process until now, milliseconds; 0 when it is gone. */
export function cpuMsOf(pid: number): number {
  try {
    const tasks = `/proc/${pid}/task`;
    return readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(`${tasks}/${task}/schedstat`), 0) / 1e6;
  } catch {
    return 0;
  }
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
