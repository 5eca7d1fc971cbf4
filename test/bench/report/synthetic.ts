/** Results that nobody measured, of the shape of those that are: seeded, so that a page of them can be looked at again. */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type {
  Distribution,
  Experiment,
  LoadResult,
  Machine,
  ProcessUse,
  Result,
  Round,
  Suite,
} from '../../../bench/model.ts';
import { random, summarise } from '../../../bench/statistics.ts';

/** What is invented about a target: how much slower than `direct`, what it costs, how often it stalls. */
export interface Character {
  readonly slower: number;
  /** µs for one answer. */
  readonly cpuUs: number;
  readonly rssMiB: number;
  /** Share of requests that meet a pause. */
  readonly stalls: number;
}

/** Targets that stand in the examples, from cheap to dear. */
export const characters: Readonly<Record<string, Character>> = {
  direct: { slower: 1, cpuUs: 0, rssMiB: 0, stalls: 0.0008 },
  'direct-again': { slower: 1.004, cpuUs: 0, rssMiB: 0, stalls: 0.0008 },
  nginx: { slower: 1.32, cpuUs: 21, rssMiB: 11, stalls: 0.001 },
  'bare-pipy': { slower: 1.55, cpuUs: 34, rssMiB: 24, stalls: 0.001 },
  'pipy-pair': { slower: 1.92, cpuUs: 71, rssMiB: 58, stalls: 0.0016 },
  'pipy-pair, 1000 services': { slower: 1.99, cpuUs: 73, rssMiB: 74, stalls: 0.0016 },
  envoy: { slower: 2.02, cpuUs: 96, rssMiB: 71, stalls: 0.0013 },
  'node-pair': { slower: 3.6, cpuUs: 212, rssMiB: 171, stalls: 0.008 },
};

const plainTargets = Object.keys(characters).filter(name => !name.includes(','));

/** Experiments of the examples. */
export const experiments: readonly Experiment[] = [
  {
    name: 'http1 latency 16 connections 1000/s',
    protocol: 'http1',
    measure: 'latency',
    targets: plainTargets,
    connections: 16,
    rate: 1000,
    payloadBytes: 128,
  },
  {
    name: 'http1 throughput 64 connections',
    protocol: 'http1',
    measure: 'throughput',
    targets: plainTargets,
    connections: 64,
    payloadBytes: 1024,
  },
  {
    name: 'grpc latency 8 connections 500/s, by services',
    protocol: 'grpc',
    measure: 'latency',
    targets: ['direct', 'pipy-pair', 'pipy-pair, 1000 services', 'envoy', 'node-pair'],
    variants: [{ name: 'pipy-pair, 1000 services', target: 'pipy-pair', services: 1000 }],
    connections: 8,
    rate: 500,
    payloadBytes: 128,
  },
];

/** A machine like one that a pull request is measured on. */
export const machine: Machine = {
  arch: 'x64',
  platform: 'linux',
  kernel: '6.1.0-28-amd64',
  cpu: 'AMD EPYC 7B13',
  cores: 4,
  memoryMiB: 15_990,
  governor: null,
  virtualisation: 'kvm',
  class: 'x64-4c-AMD-EPYC',
};

/** What an example may be given. */
export interface Options {
  readonly seed?: number;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly experiments?: readonly Experiment[];
  readonly machine?: Partial<Machine>;
  /** Everything takes this much longer, as on a slower machine. */
  readonly slowness?: number;
  readonly characters?: Readonly<Record<string, Character>>;
  readonly change?: (round: Round) => Round;
}

/** A whole result, the same for the same options. */
export function syntheticResult(options: Options = {}): Result {
  const { seed = 7, rounds: times = 5, seconds = 10, change = round => round } = options;
  const suite: Suite = { name: 'release', rounds: times, seconds, experiments: options.experiments ?? experiments };
  const next = random(seed);
  const rounds = suite.experiments.flatMap(experiment =>
    Array.from({ length: times }, (_, at) =>
      experiment.targets.map(target => change(roundOf(experiment, target, at + 1, seconds, options, next))),
    ).flat(),
  );
  return {
    schema: 'fsm-bench/1',
    suite,
    startedAt: '2026-03-02T09:00:00.000Z',
    endedAt: '2026-03-02T09:41:10.000Z',
    state: 'whole',
    machine: { ...machine, ...options.machine },
    versions: { fsm: '0.1.0 274b3d4', node: 'v24.21.0', pipy: '1.5.10', nginx: '1.22.1', envoy: '1.31.2' },
    rules: [
      'Targets of an experiment run in turn, round by round, on the same cores.',
      'A round is void when the sender was late by more than 1 ms at the 99th percentile.',
      'No round is repeated because of its figures.',
    ],
    skips: [{ target: 'linkerd', why: 'no linkerd2-proxy on PATH: set LINKERD_PROXY_BIN' }],
    rounds,
    summary: summarise(suite, rounds),
  };
}

/** Rounds as a bad hour gives them: one void, one that its target failed in, one target bound by the client, one that answers wrongly. */
export function troubled(round: Round): Round {
  const { experiment, target, load } = round;
  if (load === null || !experiment.startsWith('http1')) return round;
  if (target === 'envoy' && round.round === 3) return { ...round, void: 'the sender was late: 4.1 ms at p99' };
  if (target === 'bare-pipy' && round.round === 2) return { ...round, void: '90 of 4000 requests got no answer' };
  if (experiment.includes('throughput') && target.startsWith('direct')) return { ...round, clientBound: true };
  if (target === 'node-pair') return { ...round, load: { ...load, wrong: round.round, complaints: ['status 503'] } };
  return round;
}

function roundOf(
  experiment: Experiment,
  target: string,
  round: number,
  seconds: number,
  { slowness = 1, characters: own = characters }: Options,
  next: () => number,
): Round {
  const character = own[target] ?? { slower: 1.5, cpuUs: 50, rssMiB: 40, stalls: 0.001 };
  const weather = slowness * (1 + 0.06 * (next() - 0.5));
  const most = 38_000 / (character.slower * weather);
  const perSecond = experiment.measure === 'latency' ? (experiment.rate ?? 1000) : most;
  const answers = Math.round(perSecond * seconds);
  const middle =
    experiment.measure === 'latency'
      ? (110 + 90 * character.slower) * weather
      : (experiment.connections / perSecond) * 0.9e6;
  const minute = String(round).padStart(2, '0');
  return {
    experiment: experiment.name,
    target,
    round,
    at: `2026-03-02T09:${minute}:00.000Z`,
    void: null,
    clientBound: false,
    load: loadOf(answers, seconds, latencyOf(middle, character, answers, next)),
    processes: processesOf(target, character, answers, weather),
  };
}

function loadOf(answers: number, seconds: number, latency: Distribution): LoadResult {
  const counts = { answers, wrong: 0, broken: 0, unanswered: 0 };
  return { ...counts, seconds, latency, lateness: null, urgent: false, busy: 0.42, complaints: [] };
}

function processesOf(target: string, { cpuUs, rssMiB }: Character, answers: number, weather: number): ProcessUse[] {
  const app: ProcessUse = { role: 'app', name: 'app', cpuMs: answers * 0.02, rssMiB: 30, peakMiB: 31 };
  if (cpuUs === 0) return [app];
  const sides = target.endsWith('pair') ? ['client sidecar', 'server sidecar'] : [target];
  const own = sides.map(
    (name): ProcessUse => ({
      role: 'proxy',
      name,
      cpuMs: (answers * cpuUs * weather) / 1000 / sides.length,
      rssMiB: rssMiB / sides.length,
      peakMiB: (rssMiB * 1.12) / sides.length,
    }),
  );
  return [app, ...own];
}

/** Log-normal with a heavier tail: what queues and pauses do. At most 20,000 values are drawn and counted for more. */
function latencyOf(middle: number, { stalls }: Character, answers: number, next: () => number): Distribution {
  const histogram = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3, autoResize: true });
  const drawn = Math.min(answers, 20_000);
  for (let at = 0; at < drawn; at++) {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    const pause = next() < stalls ? 2500 * next() ** 2 + 600 : 0;
    histogram.recordValue(Math.max(1, Math.round(middle * Math.exp(0.22 * normal) + pause)));
  }
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile);
  return {
    count: histogram.totalCount,
    meanUs: Math.round(histogram.mean * 10) / 10,
    p50Us: at(50),
    p90Us: at(90),
    p99Us: at(99),
    p999Us: at(99.9),
    maxUs: histogram.maxValue,
    histogram: encodeIntoCompressedBase64(histogram),
  };
}
