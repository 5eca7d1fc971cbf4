/** Starting what is measured, so that nothing of it stays when it does not come up or the run is stopped meanwhile. */
import type { Child, Site } from '../targets/target.ts';
import { pinned } from './cores.ts';
import type { Place } from './load.ts';
import { unlessStopped } from './stop.ts';

/** Something that is up, and what was started for it. */
export interface Up<T> {
  readonly what: T;
  readonly children: readonly Child[];
}

/** Starts something, at most until the run is stopped; then, and when it fails, ends all that it has started. */
export async function bringUp<T>(place: Place, begin: (start: Site['start']) => Promise<T>): Promise<Up<T>> {
  const { keeper, cores, signal } = place;
  const children: Child[] = [];
  const start: Site['start'] = (program, role) => {
    signal.throwIfAborted();
    const { child } = keeper.start(pinned(program, role, cores));
    children.push(child);
    return child;
  };
  try {
    return { what: await unlessStopped(signal, begin(start)), children };
  } catch (error) {
    await keeper.end(children);
    throw error;
  }
}

/** Whether a child has ended. */
export function hasEnded({ exitCode, signalCode }: Child): boolean {
  return exitCode !== null || signalCode !== null;
}

/** What a machine says that has no room, memory or descriptors left: whatever is started then fails. */
const shortages = ['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'];

/** Whether the machine is at fault and not what was started. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && shortages.includes(String(error.code));
}
