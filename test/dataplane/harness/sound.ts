/** Lines whose point is what must not happen. */
import { expect } from 'vitest';
import { request } from './client.ts';
import type { LogLine } from './program.ts';
import type { Chapter, World } from './world.ts';

/** Has sidecars that still run, and met nothing that nobody foresaw, after what a line does. */
export function sound(chapter: Chapter): Chapter {
  return Object.fromEntries(
    Object.entries(chapter).map(([title, run]) => [
      title,
      async (world: World) => {
        const programs = [world.buyer.program, world.store.program];
        const before = programs.map(program => program?.log.length ?? 0);
        await run(world);
        world.app.reset();
        expect((await request(world.buyer, { host: 'store' })).status).toBe(200);
        expect(programs.map(program => program?.running)).toEqual([true, true]);
        expect(programs.flatMap((program, at) => program?.log.slice(before[at]).filter(isUnforeseen))).toEqual([]);
      },
    ]),
  );
}

function isUnforeseen({ message }: LogLine): boolean {
  return message === 'something unexpected failed';
}

/** A line for each entry of a table. */
export function lines<T>(
  table: Readonly<Record<string, T>>,
  title: string,
  run: (world: World, entry: T) => Promise<void>,
): Chapter {
  return Object.fromEntries(
    Object.entries(table).map(([name, entry]) => [`${title}: ${name}`, (world: World) => run(world, entry)]),
  );
}
