/**
 * The sending half of a duel: bursts of requests to the one target and to the other, which take turns (A B B A A B …) so
 * quickly that what slows the machine down slows both. First bursts of one connection, which waits for each answer, then
 * bursts of many connections. Reads a `DuelPlan` as JSON on stdin, prints a `DuelResult`; errors on stderr, exit 1.
 */
import { text } from 'node:stream/consumers';
import { nowUs } from '../bench/load/clock.ts';
import { median, midmean } from '../bench/statistics.ts';
import { type Burst, type Callee, Caller } from './caller.ts';

/** What is sent, where and how long. */
export interface DuelPlan {
  /** The reference first. */
  readonly callees: readonly [Callee, Callee];
  /** Before each of the two parts. */
  readonly warmUpSeconds: number;
  /** Of both parts together. */
  readonly seconds: number;
}

/** What each of the two showed, the reference first. */
export interface DuelResult {
  readonly sides: readonly [DuelFigures, DuelFigures];
  /** Shares of the time in which many connections sent: of one core, by whose CPU time it was. */
  readonly shares: Readonly<Record<'load' | 'app' | 'proxy', number>>;
}

/** Of one connection the middle latency, µs; of many connections answers a second, and the target's CPU time for one, µs. */
export interface DuelFigures {
  readonly p50Us: number;
  readonly perSecond: number;
  readonly cpuUsPerAnswer: number;
}

/** A burst: some 5 and 10 ms of x86-64. */
const [alone, crowd] = [
  { connections: 1, requests: 16 },
  { connections: 16, requests: 112 },
] as const;

/** The first requests of a burst find cold caches; they do not count as one connection's latency. */
const coldRequests = 4;

type Pair<T> = readonly [T, T];

/** Pairs of bursts that are neighbours, the reference's first in each. */
async function exchange([reference, other]: Pair<Caller>, requests: number, seconds: number): Promise<Pair<Burst>[]> {
  const pairs: Pair<Burst>[] = [];
  for (const endUs = nowUs() + seconds * 1e6; nowUs() < endUs || pairs.length === 0; ) {
    const isFirst = pairs.length % 2 === 0;
    const early = await (isFirst ? reference : other).burst(requests);
    const late = await (isFirst ? other : reference).burst(requests);
    pairs.push(isFirst ? [early, late] : [late, early]);
  }
  return pairs;
}

async function part(plan: DuelPlan, { connections, requests }: typeof alone | typeof crowd): Promise<Pair<Burst>[]> {
  const [reference, other] = plan.callees;
  const callers = [new Caller(reference, connections), new Caller(other, connections)] as const;
  await exchange(callers, requests, plan.warmUpSeconds);
  const pairs = await exchange(callers, requests, plan.seconds / 2);
  for (const caller of callers) caller.close();
  return pairs;
}

/** The middle of the reference's bursts, and what the midmean of the neighbours' ratios makes of it: steadier than a median. */
function latencies(pairs: readonly Pair<Burst>[]): Pair<number> {
  const middles = pairs.map(pair => pair.map(({ latenciesUs }) => median(latenciesUs.slice(coldRequests))));
  const reference = median(middles.map(([value = Number.NaN]) => value));
  const ratio = Math.exp(midmean(middles.map(([before = 0, now = 0]) => Math.log(now / before))));
  return [reference, reference * ratio];
}

function sumOf(bursts: readonly Burst[], of: (burst: Burst) => number): number {
  return bursts.reduce((sum, burst) => sum + of(burst), 0);
}

/** Sums over all bursts: what costs time only now and then counts, too. */
function throughput(bursts: readonly Burst[]): Omit<DuelFigures, 'p50Us'> {
  const answers = sumOf(bursts, ({ latenciesUs }) => latenciesUs.length);
  return {
    perSecond: (answers / sumOf(bursts, ({ us }) => us)) * 1e6,
    cpuUsPerAnswer: sumOf(bursts, ({ targetUs }) => targetUs) / answers,
  };
}

async function duel(plan: DuelPlan): Promise<DuelResult> {
  const [before, now] = latencies(await part(plan, alone));
  const pairs = await part(plan, crowd);
  const shareOf = (of: (burst: Burst) => number): number =>
    sumOf(pairs.flat(), of) / sumOf(pairs.flat(), ({ us }) => us);
  return {
    sides: [
      { p50Us: before, ...throughput(pairs.map(([reference]) => reference)) },
      { p50Us: now, ...throughput(pairs.map(([, other]) => other)) },
    ],
    shares: {
      load: shareOf(({ loadUs }) => loadUs),
      app: shareOf(({ appUs }) => appUs),
      proxy: shareOf(({ targetUs }) => targetUs),
    },
  };
}

try {
  const result = await duel(JSON.parse(await text(process.stdin)) as DuelPlan);
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`, () => process.exit(1));
}
