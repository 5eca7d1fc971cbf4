/**
 * Two targets side by side, closer than rounds of a suite can set them: both are up at once, in front of one app, and are
 * asked in turns of milliseconds (`duel-load.ts`), by one connection and by many. Programs are started afresh several
 * times, now the one first and now the other, for one that has just been started may lie better or worse in memory than
 * the one before.
 *
 * `node perf/duel.ts <reference> <target>` prints `DuelStart[]` as JSON. A target is named as in a suite; `<checkout>:<name>`
 * is that of another checkout.
 */
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { coresHere, pinned, pinSelf } from '../bench/run/cores.ts';
import { Keeper } from '../bench/run/keeper.ts';
import { Sender } from '../bench/run/load.ts';
import { isClientBound } from '../bench/run/rounds.ts';
import { stopSignal, unlessStopped } from '../bench/run/stop.ts';
import { cpuMsOf, memoryOf } from '../bench/run/usage.ts';
import { targets as ownTargets, pathOf, startApps } from '../bench/targets/index.ts';
import type { Running, Site, Target } from '../bench/targets/target.ts';
import { plainSetting } from '../bench/variants.ts';
import { moduleFile } from '../src/api/package.ts';
import type { Callee } from './caller.ts';
import type { DuelFigures, DuelPlan, DuelResult } from './duel-load.ts';

/** What one target showed in one start. */
export interface Side extends DuelFigures {
  /** Resident in all its processes, MiB. */
  readonly rssMiB: number;
  /** CPU time of its processes while nothing is asked, ms/s. */
  readonly idleMsPerSecond: number;
}

/** One start of both. */
export interface DuelStart {
  readonly reference: Side;
  readonly target: Side;
  /** Load and app were the limit: requests/s say how fast they are. */
  readonly clientBound: boolean;
}

const [starts, payloadBytes] = [4, 1024];
const lengths = { warmUpSeconds: 0.4, seconds: 5 } as const;
const idleMs = 1000;

const cores = coresHere();
const signal = stopSignal();
const keeper = new Keeper();

async function duel(names: Pair<string>, swapped: boolean, dir: string): Promise<DuelStart> {
  const up: Running[] = [];
  try {
    const start: Site['start'] = (program, role) => keeper.start(pinned(program, role, cores)).child;
    const network = `127.${randomInt(64, 250)}`;
    const apps = await startApps(start, { addresses: [`${network}.0.1`] });
    for (const [at, name] of (swapped ? names.toReversed() : names).entries()) {
      const place = join(dir, String(at));
      await mkdir(place, { recursive: true });
      const address = (n: number): string => `${network}.${at + 1}.${n}`;
      up.push(await (await targetOf(name)).start({ app: apps.app, dir: place, address, start, ...plainSetting }));
    }
    const app = apps.processes.map(({ pid }) => pid);
    return await compared(
      pair((swapped ? up.toReversed() : up).map((side, at) => calleeOf(names[at] ?? '', side, app))),
    );
  } finally {
    await keeper.end();
    for (const running of up) await running.close().catch(() => {});
  }
}

function calleeOf(name: string, running: Running, app: readonly number[]): Callee {
  const endpoint = running.endpoint('http1');
  const pids = running.processes.map(({ pid }) => pid);
  return { name, endpoint: { ...endpoint, path: pathOf(endpoint, payloadBytes) }, pids, app, payloadBytes };
}

/** Sends to both, then looks what they do while nobody asks. */
async function compared(callees: Pair<Callee>): Promise<DuelStart> {
  const plan: DuelPlan = { callees, ...lengths };
  const sender = new Sender(moduleFile('./duel-load', import.meta.url), { keeper, cores, signal });
  const { sides, shares } = (await sender.result(plan)) as DuelResult;
  const cpuMs = (): number[] => callees.map(({ pids }) => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0));
  const before = cpuMs();
  await delay(idleMs, undefined, { signal });
  const idle = cpuMs().map((now, at) => ((now - (before[at] ?? 0)) / idleMs) * 1000);
  const [reference, target] = pair(
    sides.map((side, at): Side => {
      const { name, pids } = callees[at] ?? callees[0];
      const residents = pids.map(pid => memoryOf(pid).rssMiB);
      if (residents.includes(0)) throw new Error(`${name}: a process of it has ended`);
      const rssMiB = residents.reduce((sum, each) => sum + each, 0);
      return checked(name, { ...side, rssMiB, idleMsPerSecond: idle[at] ?? Number.NaN });
    }),
  );
  return { reference, target, clientBound: isClientBound(shares, cores, callees[1].pids.length) };
}

/** @throws Error when a figure is none: of such a start nothing can be said */
function checked(name: string, side: Side): Side {
  for (const [figure, value] of Object.entries(side))
    if (!Number.isFinite(value) || value < 0) throw new Error(`${name}: ${figure} came out as ${value}`);
  return side;
}

/** @throws Error when there is no such target, or no such checkout */
async function targetOf(text: string): Promise<Target> {
  const at = text.lastIndexOf(':');
  const [checkout, name] = at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
  const found = (checkout === '' ? ownTargets : await targetsIn(checkout)).find(each => each.name === name);
  if (found === undefined) throw new Error(`there is no target ${text}`);
  return found;
}

async function targetsIn(checkout: string): Promise<readonly Target[]> {
  const index = pathToFileURL(join(resolve(checkout), 'bench', 'targets', 'index.ts'));
  try {
    return ((await import(index.href)) as { targets: readonly Target[] }).targets;
  } catch (error) {
    throw new Error(`${checkout} has no harness that fits this one: ${error instanceof Error ? error.message : error}`);
  }
}

type Pair<T> = readonly [T, T];

function pair<T>([a, b]: readonly T[]): Pair<T> {
  if (a === undefined || b === undefined) throw new Error('name a reference and a target');
  return [a, b];
}

const dir = await mkdtemp(join(tmpdir(), 'fsm-duel-'));
try {
  pinSelf(cores);
  const names = pair(process.argv.slice(2));
  const results: DuelStart[] = [];
  for (let start = 0; start < starts; start++) {
    signal.throwIfAborted();
    results.push(await unlessStopped(signal, duel(names, start % 2 === 1, join(dir, String(start)))));
  }
  process.stdout.write(`${JSON.stringify(results)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await keeper.close();
  await rm(dir, { recursive: true, force: true });
}
process.exit();
