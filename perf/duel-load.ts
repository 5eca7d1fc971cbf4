/**
 * The sending half of a duel: bursts of requests to the one target and to the other, which take turns (A B B A A B …) so
 * quickly that what slows the machine down slows both. First bursts of one connection, which waits for each answer, then
 * bursts of many connections. Reads a `DuelPlan` as JSON on stdin, prints a `DuelResult`.
 */
import { text } from 'node:stream/consumers';
import { nowUs } from '../bench/load/clock.ts';
import { type Lanes, openLanes } from '../bench/load/lanes.ts';
import type { Endpoint, LoadPlan } from '../bench/model.ts';
import { threadsCpuMs } from '../bench/run/usage.ts';
import { median, midmean } from '../bench/statistics.ts';

/** What is sent, where, how long, and whose CPU time is counted. */
export interface DuelPlan {
  /** The reference first. */
  readonly endpoints: readonly [Endpoint, Endpoint];
  /** Process ids of each target's own, and of the app behind both. */
  readonly pids: readonly [readonly number[], readonly number[]];
  readonly app: readonly number[];
  readonly payloadBytes: number;
  /** Before each of the two parts. */
  readonly warmUpSeconds: number;
  /** Of both parts together. */
  readonly seconds: number;
}

/** What the reference showed, and the other target's to it. */
export interface DuelResult {
  readonly reference: DuelFigures;
  readonly ratio: DuelFigures;
  /** Shares of the time in which many connections sent: of one core, by whose CPU time it was. */
  readonly shares: Readonly<Record<'load' | 'app' | 'proxy', number>>;
}

/** Middle latency of one connection's requests, µs; of many connections answers a second and the target's CPU time for one, µs. */
export interface DuelFigures {
  readonly p50Us: number;
  readonly perSecond: number;
  readonly cpuUsPerAnswer: number;
}

/** Connections, and requests of a burst: some 5 and 10 ms of x86-64. */
const [one, many] = [
  { connections: 1, requests: 16 },
  { connections: 16, requests: 112 },
] as const;
/** The first requests of a burst find cold caches; they do not count as one connection's latency. */
const coldRequests = 4;

/** What one burst saw. CPU time is in µs. */
interface Burst {
  readonly latenciesUs: readonly number[];
  readonly us: number;
  readonly targetUs: number;
  readonly appUs: number;
  readonly loadUs: number;
}

/** Connections to one target, each with one request at a time. */
class Caller {
  readonly #lanes: Lanes;
  readonly #count: number;
  readonly #pids: readonly number[];
  readonly #app: readonly number[];
  readonly #ready = new Set<number>();
  readonly #sentUs: number[] = [];
  #latenciesUs: number[] = [];
  #left = 0;
  #idle = Promise.withResolvers<void>();

  constructor(plan: DuelPlan, side: 0 | 1, connections: number) {
    const { payloadBytes, app, pids, endpoints } = plan;
    this.#count = connections;
    this.#pids = pids[side];
    this.#app = app;
    const fail = (why: string): void => this.#idle.reject(new Error(why));
    const asked = { endpoint: endpoints[side], payloadBytes, protocol: 'http1', measure: 'throughput' } as LoadPlan;
    this.#lanes = openLanes(asked, connections, {
      ready: lane => this.#next(lane),
      answered: (lane, wrong) => {
        this.#latenciesUs.push(nowUs() - (this.#sentUs[lane] ?? 0));
        if (wrong !== null) fail(wrong);
      },
      gone: () => fail('the connection broke off'),
      broken: fail,
    });
  }

  /** Sends so many requests on all connections, and waits for their answers. @throws Error when an answer is not right */
  async burst(requests: number): Promise<Burst> {
    await this.#idle.promise;
    this.#idle = Promise.withResolvers();
    this.#latenciesUs = [];
    const before = this.#cpu();
    const beganUs = nowUs();
    this.#left = requests;
    for (const lane of [...this.#ready]) this.#next(lane);
    await this.#idle.promise;
    const tookUs = nowUs() - beganUs;
    const [targetUs, appUs, loadUs] = this.#cpu().map((now, at) => now - (before[at] ?? 0));
    return {
      latenciesUs: this.#latenciesUs,
      us: tookUs,
      targetUs: targetUs ?? 0,
      appUs: appUs ?? 0,
      loadUs: loadUs ?? 0,
    };
  }

  #next(lane: number): void {
    if (this.#left > 0) {
      this.#left--;
      this.#ready.delete(lane);
      this.#sentUs[lane] = nowUs();
      this.#lanes.send(lane);
    } else {
      this.#ready.add(lane);
      if (this.#ready.size === this.#count) this.#idle.resolve();
    }
  }

  /** µs until now: nothing is under way, so none of it is missing. */
  #cpu(): number[] {
    const { user, system } = process.cpuUsage();
    const of = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + threadsCpuMs(pid), 0) * 1000;
    return [of(this.#pids), of(this.#app), user + system];
  }

  close(): void {
    this.#lanes.close();
  }
}

type Pair<T> = readonly [T, T];

/** Pairs of bursts that are neighbours, the reference's first in each. */
async function exchange([reference, other]: Pair<Caller>, requests: number, seconds: number): Promise<Pair<Burst>[]> {
  const pairs: Pair<Burst>[] = [];
  for (const endUs = nowUs() + seconds * 1e6; nowUs() < endUs; ) {
    const isFirst = pairs.length % 2 === 0;
    const early = await (isFirst ? reference : other).burst(requests);
    const late = await (isFirst ? other : reference).burst(requests);
    pairs.push(isFirst ? [early, late] : [late, early]);
  }
  return pairs;
}

async function part(plan: DuelPlan, { connections, requests }: typeof one | typeof many): Promise<Pair<Burst>[]> {
  const callers = [new Caller(plan, 0, connections), new Caller(plan, 1, connections)] as const;
  await exchange(callers, requests, plan.warmUpSeconds);
  const pairs = await exchange(callers, requests, plan.seconds / 2);
  for (const caller of callers) caller.close();
  return pairs;
}

/** The middle of the reference's bursts, and the midmean of the ratios of neighbours: it is steadier than their median. */
function figure(pairs: readonly Pair<Burst>[], of: (burst: Burst) => number): Pair<number> {
  const values = pairs.map(([reference, other]) => [of(reference), of(other)] as const);
  const ratios = values.map(([reference, other]) => Math.log(other / reference));
  return [median(values.map(([value]) => value)), Math.exp(midmean(ratios))];
}

function shareOf(pairs: readonly Pair<Burst>[], whose: 'targetUs' | 'appUs' | 'loadUs'): number {
  const bursts = pairs.flat();
  const sum = (of: (burst: Burst) => number): number => bursts.reduce((all, burst) => all + of(burst), 0);
  return sum(burst => burst[whose]) / sum(({ us }) => us);
}

const plan = JSON.parse(await text(process.stdin)) as DuelPlan;
const alone = await part(plan, one);
const crowd = await part(plan, many);
const p50 = figure(alone, ({ latenciesUs }) => median(latenciesUs.slice(coldRequests)));
const perSecond = figure(crowd, ({ latenciesUs, us }) => latenciesUs.length / (us / 1e6));
const cpu = figure(crowd, ({ latenciesUs, targetUs }) => targetUs / latenciesUs.length);
const at = (which: 0 | 1): DuelFigures => ({
  p50Us: p50[which],
  perSecond: perSecond[which],
  cpuUsPerAnswer: cpu[which] || 0,
});
const shares = { load: shareOf(crowd, 'loadUs'), app: shareOf(crowd, 'appUs'), proxy: shareOf(crowd, 'targetUs') };
const result: DuelResult = { reference: at(0), ratio: at(1), shares };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
