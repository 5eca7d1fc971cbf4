/** Suites are data: `bench/suites/<name>.json`. Axes are lists, and an experiment is made of every combination. */
import { readFileSync } from 'node:fs';
import Type, { type Static } from 'typebox';
import { Errors } from 'typebox/value';
import type { Experiment, Suite } from '../model.ts';
import { targets as allTargets } from '../targets/index.ts';
import { upstreamsMax } from '../targets/target.ts';

const atLeastOne = { minItems: 1 } as const;
const count = Type.Integer({ minimum: 1 });

const experimentSchema = Type.Object(
  {
    protocol: Type.Enum(['http1', 'http2', 'grpc', 'tcp', 'tls', 'websocket', 'mqtt']),
    measure: Type.Enum(['latency', 'throughput']),
    targets: Type.Array(Type.String(), atLeastOne),
    connections: Type.Array(count, atLeastOne),
    /** Requests a second; for latency. */
    rate: Type.Optional(Type.Array(count, atLeastOne)),
    payloadBytes: Type.Array(Type.Integer({ minimum: 0 }), atLeastOne),
    services: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), atLeastOne)),
    upstreams: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: upstreamsMax }), atLeastOne)),
    policies: Type.Optional(Type.Array(Type.Enum(['on', 'off']), atLeastOne)),
  },
  { additionalProperties: false },
);

const suiteSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    rounds: count,
    seconds: Type.Number({ exclusiveMinimum: 0 }),
    experiments: Type.Array(experimentSchema, atLeastOne),
  },
  { additionalProperties: false },
);

/** Names of the suites that come with the harness. */
export const suiteNames = ['quick', 'full'] as const;

/** A suite of the harness by its name, or of a file by its path. @throws Error that names the place and the fix */
export function loadSuite(nameOrPath: string): Suite {
  const own = (suiteNames as readonly string[]).includes(nameOrPath);
  const path = own ? new URL(`../suites/${nameOrPath}.json`, import.meta.url) : nameOrPath;
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new Error(`there is no suite ${nameOrPath}: name one of ${suiteNames.join(', ')}, or a file`);
  }
  return parseSuite(nameOrPath, text);
}

/** @throws Error that names the place and the fix */
export function parseSuite(name: string, text: string): Suite {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new Error(`suite ${name} is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  const [problem] = Errors(suiteSchema, raw);
  if (problem !== undefined)
    throw new Error(`suite ${name}: ${problem.instancePath || 'the whole of it'} ${problem.message}`);
  const { experiments, ...suite } = raw as Static<typeof suiteSchema>;
  const strangers = unknownTargets(experiments.flatMap(({ targets }) => targets));
  if (strangers.length > 0) throw new Error(`suite ${name}: ${noTargets(strangers)}`);
  const points = experiments.flatMap((experiment, at) => {
    if ((experiment.measure === 'latency') !== (experiment.rate !== undefined))
      throw new Error(
        `suite ${name}: /experiments/${at} (${experiment.protocol} ${experiment.measure}): "rate" is for latency, and latency needs one`,
      );
    return pointsOf(experiment);
  });
  const twice = points.find(({ name }, at) => points.findIndex(other => other.name === name) !== at);
  if (twice !== undefined) throw new Error(`suite ${name}: "${twice.name}" is there twice: leave one out`);
  return { ...suite, experiments: points };
}

/** Names that no target has, each once. */
export function unknownTargets(names: readonly string[]): string[] {
  return [...new Set(names)].filter(name => allTargets.every(target => target.name !== name));
}

/** What is to be said of such names. */
export function noTargets(names: readonly string[]): string {
  const told = names.map(name => `"${name}"`).join(', ');
  return `there is no target ${told}: name some of ${allTargets.map(({ name }) => name).join(', ')}`;
}

/** In the order in which they are varied and told. */
const axes = ['connections', 'rate', 'payloadBytes', 'services', 'upstreams', 'policies'] as const;

type Point = Pick<Experiment, (typeof axes)[number]>;

/** Every combination of what stands on the axes. */
function pointsOf(written: Static<typeof experimentSchema>): Experiment[] {
  const { protocol, measure, targets } = written;
  let points: Partial<Point>[] = [{}];
  for (const axis of axes) {
    const { [axis]: values } = written;
    if (values !== undefined) points = points.flatMap(point => values.map(value => ({ ...point, [axis]: value })));
  }
  // The schema demands the axes that a point must have.
  return points
    .map(point => ({ ...(point as Point), protocol, measure, targets }))
    .map(nameless => ({ name: nameOf(nameless), ...nameless }));
}

/** `http1 latency, 16 connections, 1000/s, 1024 B`. */
function nameOf({ protocol, measure, ...point }: Omit<Experiment, 'name'>): string {
  const { connections, rate, payloadBytes, services, upstreams, policies } = point;
  const parts = [
    `${protocol} ${measure}`,
    times(connections, 'connection'),
    rate !== undefined && `${rate}/s`,
    `${payloadBytes} B`,
    services !== undefined && `${services} services`,
    upstreams !== undefined && times(upstreams, 'upstream'),
    policies !== undefined && `policies ${policies}`,
  ];
  return parts.filter(part => part !== false).join(', ');
}

function times(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
