/** One round of load, by a process of its own, and what everybody used meanwhile. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { moduleFile } from '../../src/api/package.ts';
import { exitCodes } from '../load/exit-codes.ts';
import { nodeOptionsFor } from '../load/urgent.ts';
import type { LoadPlan, LoadResult, ProcessUse } from '../model.ts';
import { type Cores, pinned } from './cores.ts';
import { type Keeper, type Kept, talking } from './keeper.ts';
import { cpuMsOf, memoryOf } from './usage.ts';

/** Who is watched during a round. */
export interface Watched {
  readonly role: ProcessUse['role'];
  readonly name: string;
  readonly pid: number;
}

/** What came of it. */
export interface Loaded {
  readonly load: LoadResult;
  readonly processes: readonly ProcessUse[];
}

/**
 * Longer than its warm-up and its seconds a sender may take by so much, to start and to wait for the last answers. Where
 * Node alone takes ten seconds to start, that is no fault of what is measured.
 */
const graceMs = 60_000;

/** The load broke off by itself: it was killed, or the machine had no room for it. Of its target that says nothing. */
export class LoadFailure extends Error {}

/** What a sender is started with. */
export interface Place {
  readonly keeper: Keeper;
  readonly cores: Cores;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A sending process: its plan goes in as JSON, and its result comes out as JSON when `result` is asked for. */
export class Sender {
  readonly child: ChildProcess;
  readonly #kept: Kept;
  readonly #place: Place;

  /** @param script what Node runs, on the cores of the load; @param options Node's own */
  constructor(script: string, place: Place, options: readonly string[] = []) {
    this.#place = place;
    const program = { file: process.execPath, args: [...options, script] };
    this.#kept = place.keeper.start(pinned(program, 'load', place.cores), talking);
    this.child = this.#kept.child;
  }

  /** @throws LoadFailure that says what became of the process; another Error when the target cannot be reached */
  async result(plan: { readonly warmUpSeconds: number; readonly seconds: number }): Promise<unknown> {
    const { keeper, signal } = this.#place;
    const { child } = this;
    const closed = once(child, 'close');
    const output: Buffer[] = [];
    child.stdout?.on('data', chunk => output.push(chunk));
    child.stdin?.on('error', () => {});
    child.stdin?.end(JSON.stringify(plan));
    const limit = AbortSignal.timeout((plan.warmUpSeconds + plan.seconds) * 1000 + graceMs);
    const stop = (): void => void keeper.end([child]);
    for (const one of [signal, limit]) one.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const how = await this.#kept.ended;
    await closed;
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
    if (limit.aborted) throw new LoadFailure('the load did not come to its end in time: it hangs');
    if (child.exitCode === exitCodes.unreachable) throw new Error(`the load ${how}`);
    if (child.exitCode !== 0) throw new LoadFailure(`the load ${how}`);
    return JSON.parse(Buffer.concat(output).toString());
  }
}

/** @throws Error as `Sender.result` does */
export async function runLoad(plan: LoadPlan, watched: readonly Watched[], place: Place): Promise<Loaded> {
  const sender = new Sender(moduleFile('../load/main', import.meta.url), place, nodeOptionsFor(plan.measure));
  const use = new Use([{ role: 'load', name: 'load', pid: sender.child.pid ?? 0 }, ...watched]);
  sender.child.on('message', message => {
    if (message === 'measuring') use.begin();
    if (message === 'measured') use.end();
  });
  const load = (await sender.result(plan)) as LoadResult;
  return { load, processes: use.figures() };
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
