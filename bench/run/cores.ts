/** Who runs on which cores, so that load, app and proxy do not push each other about. */
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Role } from '../model.ts';
import type { Program } from '../targets/target.ts';

/** Cores of each role, as `taskset -c` writes them; null where nothing can be pinned. */
export type Cores = Readonly<Record<Role, string>> | null;

/**
 * With two cores the proxy has one to itself and load and app share the other, in every row alike; with more, each
 * role has its own, and proxies have all that are left.
 */
export function coresFor(count: number): Cores {
  if (count < 2) return null;
  if (count === 2) return { load: '0', app: '0', proxy: '1' };
  return { load: '0', app: '1', proxy: count === 3 ? '2' : `2-${count - 1}` };
}

/** Those of this machine. */
export function coresHere(): Cores {
  return programOnPath('taskset') === undefined ? null : coresFor(availableParallelism());
}

/** The program on the cores of its role. */
export function pinned(program: Program, role: Role, cores: Cores): Program {
  if (cores === null) return program;
  return { ...program, file: 'taskset', args: ['-c', cores[role], program.file, ...program.args] };
}

/** How many cores a role has. */
export function widthOf(role: Role, cores: Cores): number {
  if (cores === null) return availableParallelism();
  const [from = 0, to = from] = cores[role].split('-').map(Number);
  return to - from + 1;
}

/** Path of a program that PATH has; undefined when there is none. */
export function programOnPath(name: string): string | undefined {
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one.
    }
  }
  return undefined;
}
