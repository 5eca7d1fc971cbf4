/**
 * The result file as others may read it: `fsm-bench/1`, JSON Schema 2020-12, written down in report/result.schema.json.
 * Fields that it does not name are left alone, so that a later writer of the same schema can add some.
 */
import Type, { type Static, type TProperties, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { below, expected, fieldName, shown, valueAt } from '../src/api/describe.ts';
import type { SchemaNode } from '../src/api/schema.ts';
import type { Result } from './model.ts';

const text = (description: string) => Type.String({ description });
const name = (description: string) => Type.String({ description, minLength: 1 });
const flag = (description: string) => Type.Boolean({ description });
/** A measured quantity, never negative. */
const amount = (description: string) => Type.Number({ description, minimum: 0 });
const count = (description: string, minimum = 0) => Type.Integer({ description, minimum });
const list = <T extends TSchema>(description: string, items: T) => Type.Array(items, { description });
const object = <P extends TProperties>(description: string, properties: P) => Type.Object(properties, { description });
const choice = <const V extends string[]>(description: string, values: readonly [...V]) =>
  Type.Enum(values, { type: 'string', description });
/** The same, or null for none. */
const orNull = <T extends TSchema>(schema: T) =>
  Type.Unsafe<Static<T> | null>({ ...schema, type: [(schema as SchemaNode).type ?? [], 'null'].flat() });
const when = (description: string) =>
  Type.String({ description, pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' });

const variant = object('A target in another setting than the plain one: a row of its own.', {
  name: name('As it stands among the targets.'),
  target: name('Name of the target.'),
  services: Type.Optional(count('Services in the configuration besides the one that is called.')),
  upstreams: Type.Optional(count('Places of the service that is called.', 1)),
  policies: Type.Optional(choice('off: everybody in the mesh may call everything.', ['on', 'off'])),
});

const experiment = object('One point on every axis, and who is measured at it.', {
  name: name('Unique in its suite.'),
  protocol: choice('What is spoken between the load and the target.', [
    'http1',
    'http2',
    'grpc',
    'tcp',
    'tls',
    'websocket',
    'mqtt',
  ]),
  measure: choice('latency: open loop at a fixed rate; throughput: closed loop at the most that goes.', [
    'latency',
    'throughput',
  ]),
  targets: Type.Array(name('Name of a target or of a variant.'), {
    minItems: 1,
    description: 'Names of targets and of variants; the first is the baseline that ratios are of.',
  }),
  connections: count('Connections of the load.', 1),
  rate: Type.Optional(amount('Requests a second over all connections; for latency alone.')),
  payloadBytes: count('Bytes of the body of an answer, of an echoed message, of a payload.'),
  variants: Type.Optional(list('Targets in other settings than the plain one.', variant)),
});

const suite = object('Experiments, and how often and how long each of them is run.', {
  name: name('Name of the suite.'),
  rounds: count('Rounds of each target.', 1),
  seconds: amount('Length of one round.'),
  experiments: list('In the order in which they were run.', experiment),
});

const distribution = object('Quantiles of a histogram, µs, and the histogram itself.', {
  count: count('Values.'),
  meanUs: amount('Mean.'),
  p50Us: amount('Median.'),
  p90Us: amount('90th percentile.'),
  p99Us: amount('99th percentile.'),
  p999Us: amount('99.9th percentile.'),
  maxUs: amount('The most.'),
  histogram: text('HdrHistogram V2, compressed, base64; values are µs.'),
});

const load = object('What the load of one round saw; null when it saw nothing.', {
  answers: count('Answers that were right, after the warm-up.'),
  inTime: Type.Optional(
    count('Those that came between the warm-up and the end, whenever they were due: what the rate is of; for latency.'),
  ),
  wrong: count('Answers that were wrong (status, length).'),
  broken: count('Broken connections.'),
  unanswered: count('Requests without an answer.'),
  silent: Type.Optional(
    count(
      'Of them those that were still waited for two seconds after the end, their connections open; for throughput.',
    ),
  ),
  seconds: Type.Number({ exclusiveMinimum: 0, description: 'Length of what was counted.' }),
  latency: distribution,
  lateness: orNull(distribution),
  urgent: flag('The sender had a real-time priority.'),
  threads: Type.Optional(count('Threads that sent.', 1)),
  busy: amount('Share of one core that the busiest sending thread used.'),
  complaints: list('First few things that went wrong.', text('One of them.')),
});

const processUse = object('What a process used in a round.', {
  role: choice('Whose process it is; the control plane of a mesh is in the harness.', [
    'load',
    'app',
    'proxy',
    'harness',
  ]),
  name: name('What it is called.'),
  cpuMs: amount('CPU time.'),
  rssMiB: amount('Resident at the end of the round.'),
  peakMiB: amount('The most that was ever resident.'),
});

const round = object('One round of one target.', {
  experiment: name('Name of an experiment of the suite.'),
  target: name('Name of a target of the experiment.'),
  round: count('From 1.', 1),
  at: when('When it began, ISO 8601 in UTC.'),
  void: orNull(text('Why it counts for nothing; null when it counts.')),
  clientBound: flag('The load generator was the limit.'),
  load: orNull(load),
  processes: list('What processes used.', processUse),
});

const machine = object('The machine: absolute figures are compared within one class only.', {
  arch: name('As Node calls it.'),
  platform: name('As Node calls it.'),
  kernel: text('Release of the kernel.'),
  cpu: text('Model of the processor.'),
  cores: count('Logical processors.', 1),
  memoryMiB: amount('Memory.'),
  governor: orNull(text('Of cpufreq; null where the kernel has none.')),
  virtualisation: text('none on bare metal, else the kind of hypervisor or emulation.'),
  class: name('Machines whose figures may stand in one baseline.'),
  threadsPerCore: Type.Optional(count('Hyper-threads of one core.', 1)),
  pinning: Type.Optional(
    orNull(
      object('Cores of each role, as taskset -c writes them; null where nothing is pinned.', {
        load: text('Of the load.'),
        app: text('Of the app.'),
        proxy: text('Of the target.'),
      }),
    ),
  ),
});

const number = Type.Number();
const estimated = (description: string) =>
  object(
    `${description} The interval is of 95 % confidence from 6 values on; of fewer, n, it is 1 - 2^(1 - n) at the most.`,
    {
      value: number,
      low: number,
      high: number,
    },
  );

const row = object('One target of one experiment, over its rounds. Where none counts, its figures are 0.', {
  experiment: name('Name of an experiment of the suite.'),
  target: name('Name of a target of the experiment.'),
  rounds: count('Rounds that count.'),
  voids: count('Rounds that do not.'),
  clientBound: flag('The load generator was the limit in one of them.'),
  wrong: count('Wrong answers, broken connections and requests without an answer, over the rounds that count.'),
  perSecond: estimated('Answers a second.'),
  p50Us: estimated('Median latency, µs.'),
  p99Us: estimated('99th percentile of latency, µs.'),
  latenessUs: orNull(amount('How late the sender was: 99th percentile of its worst round, µs.')),
  cpuUsPerAnswer: orNull(estimated("CPU time of the target's own processes for one answer, µs.")),
  rssMiB: orNull(amount("Resident memory of the target's own processes.")),
  peakMiB: orNull(amount('The most of it.')),
  ratios: orNull(
    object("To the baseline's round of the same number; null for the baseline, or where no two rounds count.", {
      perSecond: estimated('Of answers a second.'),
      p50: estimated('Of median latency.'),
      p99: estimated('Of the 99th percentile of latency.'),
      pairs: Type.Optional(count('Pairs of rounds that they are medians over.', 1)),
    }),
  ),
});

const version = 'fsm-bench/1';

/** The schema of a result file. */
export const resultSchema = Type.Object(
  {
    schema: Type.Literal(version, { description: 'Name and version of this schema.' }),
    suite,
    startedAt: when('When the run began, ISO 8601 in UTC.'),
    endedAt: when('When it ended, ISO 8601 in UTC.'),
    state: name('whole, or why it ended early.'),
    machine,
    versions: Type.Unsafe<Readonly<Record<string, string>>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Program to version; fsm also has the commit, with + when the tree was not clean.',
    }),
    rules: list('Rules that were fixed before the run, in words.', text('One rule.')),
    skips: list(
      'Targets that could not be measured.',
      object('One of them.', { target: name('Name of the target.'), why: text('Why not.') }),
    ),
    rounds: list('Every round, as it was measured.', round),
    summary: list('Computed from the rounds.', row),
  },
  {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: version,
    description: 'A result of the FSM benchmark harness.',
  },
);

const validator = Compile(resultSchema);

/** One thing that keeps a file from being a result. */
export interface Fault {
  /** JSON pointer (RFC 6901) into the file; `''` is the whole of it. */
  readonly path: string;
  readonly what: string;
  readonly fix: string;
}

/** A text that is no result, with everything that is wrong with it (at most 8 of it in the message). */
export class ResultError extends Error {
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    const told = faults.slice(0, 8).map(({ path, what, fix }) => `${path || 'the file'}: ${what}. Fix: ${fix}`);
    const more = faults.length > told.length ? [`and ${faults.length - told.length} more`] : [];
    super(['no result of the benchmark harness', ...told, ...more].join('\n  '));
    this.name = 'ResultError';
    this.faults = faults;
  }
}

/** @throws ResultError when the text is not JSON, is of another schema, breaks it, or names what it does not have */
export function readResult(source: string): Result {
  const raw = parsed(source);
  const found = valueAt(raw, '/schema');
  if (found !== version)
    throw new ResultError([
      {
        path: '/schema',
        what: `schema is ${shown(found)}, and this program reads ${version}`,
        fix: 'give a file that `bench` wrote, or read it with the version of the harness that wrote it',
      },
    ]);
  if (!validator.Check(raw)) {
    const faults = validator.Errors(raw).flatMap(error => faultsOf(raw, error));
    throw new ResultError([...new Map(faults.toReversed().map(fault => [fault.path, fault])).values()].toReversed());
  }
  const result: Result = raw;
  const strays = straysOf(result);
  if (strays.length > 0) throw new ResultError(strays);
  return result;
}

function parsed(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ResultError([
      { path: '', what: `it is not JSON (${why})`, fix: 'give the whole file as it was written' },
    ]);
  }
}

function faultsOf(raw: unknown, error: TLocalizedValidationError): Fault[] {
  // No field is forbidden: this only says once more that one in a mapping is wrong.
  if (error.keyword === 'additionalProperties') return [];
  const found = valueAt(resultSchema, error.schemaPath.replace(/^#/, ''));
  const node = (typeof found === 'object' && found !== null ? found : {}) as SchemaNode;
  if (error.keyword === 'required')
    return error.params.requiredProperties.map(missing => ({
      path: below(error.instancePath, missing),
      what: `${missing} is missing`,
      fix: `add ${missing}, ${expected(node.properties?.[missing] ?? {})}`,
    }));
  const path = error.instancePath;
  const what = `${fieldName(path)} is ${shown(valueAt(raw, path))}, and has to be ${expected(node)}`;
  return [{ path, what, fix: `write ${expected(node)}` }];
}

/** What a schema cannot say: names are unique, and every name that is used is there. */
function straysOf({ suite: { experiments }, rounds, summary }: Result): Fault[] {
  const known = new Map(experiments.map(each => [each.name, each]));
  const twice = experiments.flatMap((each, at) =>
    known.get(each.name) === each
      ? []
      : [{ path: `/suite/experiments/${at}/name`, what: `${shown(each.name)} is there twice`, fix: 'rename one' }],
  );
  const stray = (list: string) => (line: { experiment: string; target: string }, at: number) => {
    const own = known.get(line.experiment);
    if (own?.targets.includes(line.target)) return [];
    const [field, why] = own === undefined ? ['experiment', 'the suite'] : ['target', `experiment ${shown(own.name)}`];
    const what = `${shown(line[field as 'experiment' | 'target'])} is no ${field} of ${why}`;
    return [{ path: `/${list}/${at}/${field}`, what, fix: `add it to ${why}, or take the entry out` }];
  };
  // A round that did not count may be there again: it was run once more.
  const keys = rounds.map((line, at) =>
    JSON.stringify([line.experiment, line.target, line.round, line.void === null || at]),
  );
  const first = new Map(keys.map((key, at) => [key, at] as const).toReversed());
  const again = rounds.flatMap(({ round }, at) =>
    first.get(keys[at] ?? '') === at
      ? []
      : [{ path: `/rounds/${at}/round`, what: `round ${round} is there twice`, fix: 'take one of them out' }],
  );
  return [...twice, ...rounds.flatMap(stray('rounds')), ...again, ...summary.flatMap(stray('summary'))];
}
