/** Who runs on which cores, so that load, app and proxy do not push each other about. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Role } from '../model.ts';
import { onPath } from '../targets/programs.ts';
import type { Program } from '../targets/target.ts';
import { textOf } from './files.ts';

/** Cores of each role, as `taskset -c` writes them; null where nothing can be pinned. */
export type Cores = Readonly<Record<Role, string>> | null;

/** Cores from which on the load has two: proxies have three then, and a thread that sends is slower than the app. */
const plenty = 6;

/**
 * With two cores the proxy has one to itself and load and app share the other, in every row alike; with more, each
 * role has its own, the load two where there are plenty, and proxies have all that are left.
 *
 * @param allowed numbers of the cores that this process may use
 */
export function coresFor(allowed: readonly number[]): Cores {
  const [first, second, ...others] = allowed.map(String);
  if (first === undefined || second === undefined) return null;
  if (others.length === 0) return { load: first, app: first, proxy: second };
  if (allowed.length < plenty) return { load: first, app: second, proxy: others.join(',') };
  const [app = '', ...proxy] = others;
  return { load: `${first},${second}`, app, proxy: proxy.join(',') };
}

/** Threads that send: one for each core of the load, and one where nothing is pinned. */
export function sendersOn(cores: Cores): number {
  return cores === null ? 1 : widthOf('load', cores);
}

/** Those that this process may use, which are not the first ones in a container with a set of its own. */
export function coresHere(): Cores {
  if (onPath('taskset') === undefined) return null;
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(textOf('/proc/self/status'))?.[1] ?? '';
  return coresFor(numbersOf(list));
}

/** `0-2,5` → 0, 1, 2, 5. */
function numbersOf(list: string): number[] {
  return list.split(',').flatMap(range => {
    const [from = Number.NaN, to = from] = range.split('-').map(Number);
    return Number.isNaN(from) ? [] : Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

/** The program on the cores of its role. */
export function pinned(program: Program, role: Role, cores: Cores): Program {
  if (cores === null) return program;
  const taskset = onPath('taskset') ?? 'taskset';
  return { ...program, file: taskset, args: ['-c', cores[role], program.file, ...program.args] };
}

/** Puts this process where the load is: what it does meanwhile is not to be on the proxy's cores. */
export function pinSelf(cores: Cores): void {
  const taskset = onPath('taskset');
  if (cores !== null && taskset !== undefined)
    spawnSync(taskset, ['-a', '-c', '-p', cores.load, String(process.pid)], { stdio: 'ignore' });
}

/** How many cores a role has. */
export function widthOf(role: Role, cores: Cores): number {
  if (cores === null) return availableParallelism();
  return cores[role].split(',').length;
}
