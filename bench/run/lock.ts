/** One process at a time: a file beside what it writes says which. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { textOf } from './files.ts';

/**
 * Takes the lock at this path; that of a process which is gone is taken over.
 *
 * @returns what gives it back
 * @throws Error when another process has it
 */
export function takeLock(path: string): () => void {
  const own = identityOf(process.pid);
  try {
    writeFileSync(path, own, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const holder = readFileSync(path, 'utf8');
    const [pid = ''] = holder.split(' ');
    if (identityOf(Number(pid)) === holder)
      throw new Error(`process ${pid} is at work on it (${path}): wait for its end, or stop it`);
    writeFileSync(path, own);
  }
  return () => rmSync(path, { force: true });
}

/** A number comes again, above all in containers; with the moment of its start it does not. Alone where there is no such process. */
function identityOf(pid: number): string {
  // The name stands in brackets and may have any sign in it; what is counted from its end is in proc(5).
  const stat = textOf(`/proc/${pid}/stat`);
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return start === undefined ? String(pid) : `${pid} ${start}`;
}
