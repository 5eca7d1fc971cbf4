/** Suites are data: `bench/suites/<name>.json`. Axes are lists, of the load and of the setting, and every combination is measured. */
import { readFileSync } from 'node:fs';
import Type, { type Static } from 'typebox';
import { Errors } from 'typebox/value';
import type { Experiment, Suite } from '../model.ts';
import { targets as allTargets } from '../targets/index.ts';
import { upstreamsMax } from '../targets/target.ts';
import { rowsOf, settingAxes } from '../variants.ts';

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
  try {
    return { ...suite, experiments: allOf(experiments) };
  } catch (error) {
    throw new Error(`suite ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws Error that names the place and the fix */
function allOf(written: readonly Static<typeof experimentSchema>[]): readonly Experiment[] {
  const all = written.flatMap(experimentsOf);
  const twice = twiceIn(all.map(({ name }) => name)) ?? all.map(({ targets }) => twiceIn(targets)).find(each => each);
  if (twice !== undefined) throw new Error(`"${twice}" is there twice: leave one out`);
  return all;
}

/** The first name that was there before. */
function twiceIn(names: readonly string[]): string | undefined {
  return names.find((name, at) => names.indexOf(name) !== at);
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

/** What the load is: each value makes an experiment of its own. Those of the setting make rows, see `rowsOf`. */
const loadAxes = ['connections', 'rate', 'payloadBytes'] as const;

type Load = Pick<Experiment, (typeof loadAxes)[number]>;

/** An experiment of every load, with a row of every target in every setting. @throws Error that names the place */
function experimentsOf(written: Static<typeof experimentSchema>, at: number): Experiment[] {
  const { protocol, measure, rate } = written;
  if ((measure === 'latency') !== (rate !== undefined))
    throw new Error(`/experiments/${at} (${protocol} ${measure}): "rate" is for latency, and latency needs one`);
  const named = written.targets.flatMap(name => allTargets.filter(target => target.name === name));
  const varied = settingAxes.filter(axis => written[axis] !== undefined);
  const idle = varied.find(axis => !named.some(({ heeds }) => heeds.includes(axis)));
  if (idle !== undefined)
    throw new Error(`/experiments/${at}/${idle} makes no difference to any of its targets: leave it out`);
  const rows = named.flatMap(target => rowsOf(target, written));
  const variants = rows.filter(({ name, target }) => name !== target);
  const measured = { protocol, measure, targets: rows.map(({ name }) => name) };
  return loadsOf(written).map(load => {
    const experiment = { ...load, ...measured, ...(variants.length > 0 && { variants }) };
    return { name: nameOf(experiment, varied), ...experiment };
  });
}

function loadsOf(written: Static<typeof experimentSchema>): Load[] {
  let loads: Partial<Load>[] = [{}];
  for (const axis of loadAxes) {
    const { [axis]: values } = written;
    if (values !== undefined) loads = loads.flatMap(load => values.map(value => ({ ...load, [axis]: value })));
  }
  // The schema demands the axes that a load must have.
  return loads as Load[];
}

/** `http1 latency, 16 connections, 1000/s, 1024 B, by services`. */
function nameOf(experiment: Omit<Experiment, 'name'>, varied: readonly string[]): string {
  const { protocol, measure, connections, rate, payloadBytes } = experiment;
  const parts = [
    `${protocol} ${measure}`,
    `${connections} connection${connections === 1 ? '' : 's'}`,
    rate !== undefined && `${rate}/s`,
    `${payloadBytes} B`,
    varied.length > 0 && `by ${varied.join(' and ')}`,
  ];
  return parts.filter(part => part !== false).join(', ');
}
