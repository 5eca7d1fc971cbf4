/**
 * Two targets side by side, closer than rounds of a suite can set them: both are up at once, in front of one app, and are
 * asked in turn. First one connection sends one request at a time, in blocks of some 15 ms (`duel-load.ts`): nothing waits
 * for anything else there, so that is the latency. Then many connections send as fast as they are answered, in rounds
 * A B B A. Programs are started afresh several times, now the one first and now the other, for one that has just been
 * started may lie better or worse in memory than the one before.
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
import { runLoad, Sender, type Watched } from '../bench/run/load.ts';
import { isClientBound, whyVoid } from '../bench/run/rounds.ts';
import { stopSignal } from '../bench/run/stop.ts';
import { median } from '../bench/statistics.ts';
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
  /** Load and app were the limit of some round: requests/s say how fast they are. */
  readonly clientBound: boolean;
}

const [starts, payloadBytes] = [3, 1024];
const alone = { warmUpSeconds: 0.5, seconds: 3 } as const;
const crowd = { connections: 16, threads: 1, warmUpSeconds: 0.3, seconds: 0.5 } as const;
/** Which side a round of the crowd is of. */
const turns = [0, 1, 1, 0, 0, 1] as const;

const cores = coresHere();
const signal = stopSignal();

/** A target that is up. */
interface Up {
  readonly name: string;
  readonly running: Running;
  readonly watched: readonly Watched[];
}

async function duel(names: readonly [string, string], swapped: boolean, keeper: Keeper): Promise<DuelStart> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-duel-'));
  const up: Up[] = [];
  try {
    const start: Site['start'] = (program, role) => keeper.start(pinned(program, role, cores)).child;
    const network = `127.${randomInt(64, 250)}`;
    const apps = await startApps(start, { address: `${network}.0.1` });
    for (const [at, name] of (swapped ? names.toReversed() : names).entries()) {
      const place = join(dir, String(at));
      await mkdir(place);
      const address = (n: number): string => `${network}.${at + 1}.${n}`;
      const running = await (await targetOf(name)).start({ app: apps.app, dir: place, address, start, services: 0 });
      const watched = [
        ...apps.processes.map(each => ({ role: 'app' as const, ...each })),
        ...running.processes.map(each => ({ role: 'proxy' as const, ...each })),
      ];
      up.push({ name, running, watched });
    }
    return await compared(pair(swapped ? up.toReversed() : up), keeper);
  } finally {
    for (const { running } of up) await running.close();
    await keeper.end();
    await rm(dir, { recursive: true, force: true });
  }
}

async function compared(sides: readonly [Up, Up], keeper: Keeper): Promise<DuelStart> {
  const place = { keeper, cores, signal };
  const endpoints = pair(sides.map(({ running }) => endpointOf(running)));
  const plan: DuelPlan = { endpoints, payloadBytes, ...alone };
  const { referenceUs, ratio } = (await new Sender(moduleFile('./duel-load', import.meta.url), place).result(
    plan,
  )) as DuelResult;
  const rounds: [CrowdRound[], CrowdRound[]] = [[], []];
  for (const at of turns) rounds[at].push(await crowdRound(sides[at], keeper));
  const side = (of: readonly CrowdRound[], p50Us: number): Side => ({
    p50Us,
    perSecond: median(of.map(({ perSecond }) => perSecond)),
    cpuUsPerAnswer: median(of.map(({ cpuUsPerAnswer }) => cpuUsPerAnswer)),
    rssMiB: median(of.map(({ rssMiB }) => rssMiB)),
  });
  return {
    reference: side(rounds[0], referenceUs),
    target: side(rounds[1], referenceUs * ratio),
    clientBound: rounds.flat().some(round => round.clientBound),
  };
}

interface CrowdRound extends Omit<Side, 'p50Us'> {
  readonly clientBound: boolean;
}

/** @throws Error when the round counts for nothing: of such a start nothing can be said */
async function crowdRound({ name, running, watched }: Up, keeper: Keeper): Promise<CrowdRound> {
  const endpoint = endpointOf(running);
  const plan: LoadPlan = { protocol: 'http1', measure: 'throughput', endpoint, payloadBytes, ...crowd };
  const { load, processes } = await runLoad(plan, watched, { keeper, cores, signal });
  const why = whyVoid(load);
  if (why !== null) throw new Error(`${name}: ${why}`);
  const own = processes.filter(({ role }) => role === 'proxy');
  return {
    perSecond: load.answers / load.seconds,
    cpuUsPerAnswer: (own.reduce((sum, { cpuMs }) => sum + cpuMs, 0) * 1000) / load.answers,
    rssMiB: own.reduce((sum, { rssMiB }) => sum + rssMiB, 0),
    clientBound: isClientBound(load, processes, cores),
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
