/**
 * The latency of a target to that of a reference, steadier than rounds of seconds can tell: see `duel-load.ts`. With one
 * connection nothing waits for anything else. Programs are started afresh several times, for one that has just been
 * started may lie better or worse in memory than the one before.
 *
 * `node perf/duel.ts <reference> <target>` prints the ratio of each start as JSON.
 */
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint } from '../bench/model.ts';
import { coresHere, pinned, pinSelf } from '../bench/run/cores.ts';
import { Keeper } from '../bench/run/keeper.ts';
import { Sender } from '../bench/run/load.ts';
import { stopSignal } from '../bench/run/stop.ts';
import { median } from '../bench/statistics.ts';
import { pathOf, startApps, targets } from '../bench/targets/index.ts';
import type { Running, Site, Target } from '../bench/targets/target.ts';
import type { DuelPlan, DuelResult } from './duel-load.ts';

const [starts, seconds, warmUpSeconds, payloadBytes] = [3, 3, 0.5, 1024];
const cores = coresHere();
const signal = stopSignal();

async function duel(names: readonly [string, string], keeper: Keeper): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-duel-'));
  const running: Running[] = [];
  try {
    const start: Site['start'] = (program, role) => keeper.start(pinned(program, role, cores)).child;
    const network = `127.${randomInt(64, 250)}`;
    const apps = await startApps(start, { address: `${network}.0.1` });
    for (const [at, name] of names.entries()) {
      const place = join(dir, name);
      await mkdir(place);
      const address = (n: number): string => `${network}.${at + 1}.${n}`;
      running.push(await targetOf(name).start({ app: apps.app, dir: place, address, start, services: 0 }));
    }
    const endpoints = running.map(each => each.endpoint('http1')).map(withPath);
    const plan: DuelPlan = { endpoints: pair(endpoints), payloadBytes, warmUpSeconds, seconds };
    const sender = new Sender(new URL('./duel-load.ts', import.meta.url), { keeper, cores, signal });
    return median(((await sender.result(plan)) as DuelResult).ratios);
  } finally {
    for (const each of running) await each.close();
    await keeper.end();
    await rm(dir, { recursive: true, force: true });
  }
}

function targetOf(name: string): Target {
  const target = targets.find(each => each.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  return target;
}

function withPath(endpoint: Endpoint): Endpoint {
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
  const ratios: number[] = [];
  for (let start = 0; start < starts; start++) {
    signal.throwIfAborted();
    ratios.push(await duel(names, keeper));
  }
  process.stdout.write(`${JSON.stringify(ratios)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await keeper.close();
}
process.exit();
