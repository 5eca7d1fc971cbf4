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
import { pathToFileURL } from 'node:url';
import type { LoadPlan } from '../bench/model.ts';
import { coresHere, pinned, pinSelf } from '../bench/run/cores.ts';
import { Keeper } from '../bench/run/keeper.ts';
import { Sender } from '../bench/run/load.ts';
import { isClientBound } from '../bench/run/rounds.ts';
import { stopSignal } from '../bench/run/stop.ts';
import { memoryOf } from '../bench/run/usage.ts';
import { targets as ownTargets, pathOf, startApps } from '../bench/targets/index.ts';
import type { Running, Site, Target } from '../bench/targets/target.ts';
import { moduleFile } from '../src/api/package.ts';
import type { DuelPlan, DuelResult } from './duel-load.ts';

/** What one target showed in one start. */
export interface Side {
  /** Middle latency of one request, µs. */
  readonly p50Us: number;
  readonly perSecond: number;
  /** CPU time of the target's own processes for one answer, µs; 0 of one that has none. */
  readonly cpuUsPerAnswer: number;
  /** Resident in all its processes, MiB. */
  readonly rssMiB: number;
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

const cores = coresHere();
const signal = stopSignal();

async function duel(names: readonly [string, string], swapped: boolean, keeper: Keeper): Promise<DuelStart> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-duel-'));
  const up: Running[] = [];
  try {
    const start: Site['start'] = (program, role) => keeper.start(pinned(program, role, cores)).child;
    const network = `127.${randomInt(64, 250)}`;
    const apps = await startApps(start, { address: `${network}.0.1` });
    for (const [at, name] of (swapped ? names.toReversed() : names).entries()) {
      const place = join(dir, String(at));
      await mkdir(place);
      const address = (n: number): string => `${network}.${at + 1}.${n}`;
      up.push(await (await targetOf(name)).start({ app: apps.app, dir: place, address, start, services: 0 }));
    }
    return await compared(
      pair(swapped ? up.toReversed() : up),
      apps.processes.map(({ pid }) => pid),
      keeper,
    );
  } finally {
    for (const running of up) await running.close();
    await keeper.end();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Sends to both. @param app process ids of what is behind them */
async function compared(
  sides: readonly [Running, Running],
  app: readonly number[],
  keeper: Keeper,
): Promise<DuelStart> {
  const endpoints = pair(sides.map(endpointOf));
  const pids = pair(sides.map(({ processes }) => processes.map(({ pid }) => pid)));
  const plan: DuelPlan = { endpoints, pids, app, payloadBytes, ...lengths };
  const sender = new Sender(moduleFile('./duel-load', import.meta.url), { keeper, cores, signal });
  const { reference, ratio, shares } = (await sender.result(plan)) as DuelResult;
  const [ours = 0, theirs = 0] = pids.map(each => each.reduce((sum, pid) => sum + memoryOf(pid).rssMiB, 0));
  const target = {
    p50Us: reference.p50Us * ratio.p50Us,
    perSecond: reference.perSecond * ratio.perSecond,
    cpuUsPerAnswer: reference.cpuUsPerAnswer * ratio.cpuUsPerAnswer,
  };
  return {
    reference: { ...reference, rssMiB: ours },
    target: { ...target, rssMiB: theirs },
    clientBound: isClientBound(shares, cores),
  };
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
  return ((await import(index.href)) as { targets: readonly Target[] }).targets;
}

function endpointOf(running: Running): LoadPlan['endpoint'] {
  const endpoint = running.endpoint('http1');
  return { ...endpoint, path: pathOf(endpoint, payloadBytes) };
}

function pair<T>([a, b]: readonly T[]): [T, T] {
  if (a === undefined || b === undefined) throw new Error('name a reference and a target');
  return [a, b];
}

const keeper = new Keeper();
try {
  pinSelf(cores);
  const names = pair(process.argv.slice(2));
  const results: DuelStart[] = [];
  for (let start = 0; start < starts; start++) {
    signal.throwIfAborted();
    results.push(await duel(names, start % 2 === 1, keeper));
  }
  process.stdout.write(`${JSON.stringify(results)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await keeper.close();
}
process.exit();
