/** One round of load, by a process of its own, and what everybody used meanwhile. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadPlan, LoadResult, ProcessUse, Role } from '../model.ts';
import { type Cores, pinned } from './cores.ts';
import type { Keeper } from './keeper.ts';
import { cpuMsOf, memoryOf } from './usage.ts';

/** Who is watched during a round. */
export interface Watched {
  readonly role: Role;
  readonly name: string;
  readonly pid: number;
}

/** What came of it. */
export interface Loaded {
  readonly load: LoadResult;
  readonly processes: readonly ProcessUse[];
}

/** Longer than its warm-up and its round the load may take by so much, to start and to wait for the last answers. */
const graceMs = 15_000;

/** @throws Error that says what became of the load process */
export async function runLoad(
  plan: LoadPlan,
  watched: readonly Watched[],
  { keeper, cores, signal }: { keeper: Keeper; cores: Cores; signal: AbortSignal },
): Promise<Loaded> {
  const script = fileURLToPath(new URL('../load/main.ts', import.meta.url));
  const { child, ended } = keeper.start(pinned({ file: process.execPath, args: [script] }, 'load', cores), true);
  const everyone: Watched[] = [{ role: 'load', name: 'load', pid: child.pid ?? 0 }, ...watched];
  const use = new Use(everyone);
  child.on('message', message => {
    if (message === 'measuring') use.begin();
    if (message === 'measured') use.end();
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', chunk => output.push(chunk));
  child.stdin?.on('error', () => {});
  child.stdin?.end(JSON.stringify(plan));
  const limit = AbortSignal.timeout((plan.warmUpSeconds + plan.seconds) * 1000 + graceMs);
  const stop = (): void => void keeper.end([child]);
  for (const one of [signal, limit]) one.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const closed = once(child, 'close');
  const how = await ended;
  await closed;
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (limit.aborted) throw new Error('the load did not come to its end in time: it hangs');
  if (child.exitCode !== 0) throw new Error(`the load ${how}`);
  return { load: JSON.parse(Buffer.concat(output).toString()) as LoadResult, processes: use.figures() };
}

/** Differences of CPU time between two moments. */
class Use {
  readonly #watched: readonly Watched[];
  #before: readonly number[];
  #figures: readonly ProcessUse[] = [];

  constructor(watched: readonly Watched[]) {
    this.#watched = watched;
    this.#before = watched.map(({ pid }) => cpuMsOf(pid));
  }

  begin(): void {
    this.#before = this.#watched.map(({ pid }) => cpuMsOf(pid));
  }

  end(): void {
    this.#figures = this.#watched.map(({ role, name, pid }, at) => ({
      role,
      name,
      cpuMs: Math.max(0, cpuMsOf(pid) - (this.#before[at] ?? 0)),
      ...memoryOf(pid),
    }));
  }

  figures(): readonly ProcessUse[] {
    return this.#figures;
  }
}
