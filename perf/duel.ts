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
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../bench/model.ts';
import { coresHere, pinned, pinSelf } from '../bench/run/cores.ts';
import { Keeper } from '../bench/run/keeper.ts';
import { median } from '../bench/statistics.ts';
import { pathOf, startApps, targets } from '../bench/targets/index.ts';
import type { Running, Site, Target } from '../bench/targets/target.ts';
import type { DuelPlan, DuelResult } from './duel-load.ts';

const [starts, seconds, warmUpSeconds, payloadBytes] = [3, 3, 0.5, 1024];
const cores = coresHere();

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
    return median((await load(keeper, { endpoints: pair(endpoints), payloadBytes, warmUpSeconds, seconds })).ratios);
  } finally {
    for (const each of running) await each.close();
    await keeper.end();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Longer than its seconds the sending may take by so much. */
const graceMs = 15_000;

async function load(keeper: Keeper, plan: DuelPlan): Promise<DuelResult> {
  const script = fileURLToPath(new URL('./duel-load.ts', import.meta.url));
  const { child, ended } = keeper.start(pinned({ file: process.execPath, args: [script] }, 'load', cores), true);
  const limit = AbortSignal.any([stopped.signal, AbortSignal.timeout((warmUpSeconds + seconds) * 1000 + graceMs)]);
  limit.addEventListener('abort', () => void keeper.end([child]));
  child.stdin?.end(JSON.stringify(plan));
  const output = child.stdout === null ? '' : await text(child.stdout);
  const how = await ended;
  stopped.signal.throwIfAborted();
  if (limit.aborted) throw new Error('a target does not answer any more');
  if (child.exitCode !== 0) throw new Error(`the load ${how}`);
  return JSON.parse(output) as DuelResult;
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

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));

const keeper = new Keeper();
try {
  pinSelf(cores);
  const names = pair(process.argv.slice(2));
  const ratios: number[] = [];
  for (let start = 0; start < starts; start++) {
    stopped.signal.throwIfAborted();
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
