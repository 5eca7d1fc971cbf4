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
 * Hyper-threads of one core slow each other down. So load and app leave the others of theirs idle, and proxies have whole
 * cores; with two cores of several threads, load and app are two threads of the first.
 *
 * @param allowed numbers of the processors that this process may use
 * @param coreOf names the core of a processor: those of one name are its threads
 */
export function coresFor(allowed: readonly number[], coreOf: (processor: number) => string = String): Cores {
  const cores = [...Map.groupBy(allowed, coreOf).values()];
  const [first, second, third] = cores.map(([thread]) => String(thread));
  const proxiesFrom = (at: number): string => cores.slice(at).flat().join(',');
  const inFirst = cores[0]?.map(String) ?? [];
  // One core alone: its threads are all there is.
  if (second === undefined) return inFirst.length > 1 ? coresFor(allowed) : null;
  if (third === undefined)
    return { load: inFirst[0] ?? '', app: inFirst[1] ?? inFirst[0] ?? '', proxy: proxiesFrom(1) };
  if (cores.length < plenty) return { load: first ?? '', app: second, proxy: proxiesFrom(2) };
  return { load: `${first},${second}`, app: third, proxy: proxiesFrom(3) };
}

/** Threads that send: one for each core of the load, and one where nothing is pinned. */
export function sendersOn(cores: Cores): number {
  return cores === null ? 1 : widthOf('load', cores);
}

/** Those that this process may use, which are not the first ones in a container with a set of its own. */
export function coresHere(): Cores {
  if (onPath('taskset') === undefined) return null;
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(textOf('/proc/self/status'))?.[1] ?? '';
  return coresFor(numbersOf(list), coreOf);
}

/** Its threads, which name a core; by itself where the kernel does not say. */
function coreOf(processor: number): string {
  return textOf(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`).trim() || String(processor);
}

/** Threads of one core, on this machine. */
export function threadsOfCore(): number {
  return Math.max(1, numbersOf(coreOf(0)).length);
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
