/**
 * How good the gate is: checks of a copy of this tree that is the same, and of copies that were made worse on purpose, each
 * beside this tree as `npm run perf:check -- --base` does it. Results are added to `perf/results/quality/<class>.jsonl`, a
 * line a check, so this can be stopped and taken up again; `--report` prints how often what was found, and the operating
 * curve, over the machines of all classes.
 *
 *   --same 100     checks of an unchanged tree
 *   --each 20      checks of each kind of worse tree
 *   --checks 5     end after so many, where the machine is needed for something else
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineHere } from '../bench/run/machine.ts';
import { median } from '../bench/statistics.ts';
import { decide } from './decide.ts';
import { asProgram, exitCodes, type Guarded, guardedHere, here, isStopped, measureBeside, wordsOf } from './measure.ts';
import { type Budgets, loadBudgets, type Row } from './rows.ts';
import { copyWith, type Doses, type Sabotage } from './sabotage.ts';

const options = {
  same: { type: 'string', default: '100' },
  each: { type: 'string', default: '20' },
  checks: { type: 'string' },
  report: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

/** One check: what was done to the copy, and the rows of its one or two looks. */
interface Check {
  readonly sabotage: Sabotage;
  readonly at: string;
  readonly seconds: number;
  readonly looks: readonly (readonly Row[])[];
  /** Why nothing could be said, where that is so: no alarm, but nothing found either. */
  readonly error?: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Found by trial on the machine that the results are of: `latency` +10 % of the middle, `throughput` -10 %, `memory` +20 %. */
const doses: Doses = { latencyTurns: 640, throughputTurns: 125, ballast: 104_000 };

const kinds = ['latency', 'throughput', 'memory', 'allocation'] as const;

/** The row that has to find it. A false alarm is one of any row. */
const guard: Readonly<Record<(typeof kinds)[number], string>> = {
  latency: 'http1 pipy-pair: p50',
  throughput: 'http1 pipy-pair: requests/s',
  memory: 'http1 pipy-pair: RSS',
  allocation: 'http1 pipy-pair: CPU/answer',
};
const folder = fileURLToPath(new URL('./results/quality/', import.meta.url));

function done(): Check[] {
  mkdirSync(folder, { recursive: true });
  const lines = readdirSync(folder).flatMap(name => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
  return lines.map(line => JSON.parse(line) as Check);
}

/** What is still to be done, the kinds spread evenly over the same: an hour that is noisy is noisy for all. */
function missing(checks: readonly Check[], values: Values): Sabotage[] {
  const left = (kind: Sabotage, wanted: number): number =>
    Math.max(0, wanted - checks.filter(({ sabotage }) => sabotage === kind).length);
  const queues = (['nothing', ...kinds] as const).map(kind => {
    const wanted = Number(kind === 'nothing' ? values.same : values.each);
    const count = left(kind, wanted);
    return Array.from({ length: count }, (_, at) => ({ kind, place: (wanted - count + at + 0.5) / wanted }));
  });
  return queues
    .flat()
    .sort((a, b) => a.place - b.place)
    .map(({ kind }) => kind);
}

/** What the budgets are multiplied with in the operating curve, the least first. */
const factors = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2] as const;

function scaled(factor: number): Budgets {
  const budgets = Object.entries(loadBudgets()).map(([kind, budget]) => {
    return [kind, { ...budget, allowed: budget.allowed * factor }] as const;
  });
  return Object.fromEntries(budgets) as Budgets;
}

/** Rows that every look calls worse; a check takes a second one only when there is one in the first. */
function found(looks: readonly (readonly Row[])[], budgets: Budgets): string[] {
  const worse = looks.map(rows =>
    decide(rows, budgets)
      .filter(({ state }) => state === 'worse')
      .map(({ row }) => row),
  );
  return (worse[0] ?? []).filter(row => worse.every(rows => rows.includes(row)));
}

async function look(guarded: Guarded, sabotage: Sabotage): Promise<Pick<Check, 'looks' | 'error'>> {
  const looks: (readonly Row[])[] = [];
  const tree = await copyWith(sabotage, doses);
  try {
    looks.push(await measureBeside(guarded, here, tree));
    // A second look for every budget that the report is of.
    if (found(looks, scaled(factors[0])).length > 0) looks.push(await measureBeside(guarded, here, tree));
    return { looks };
  } catch (error) {
    if (isStopped()) throw error;
    return { looks, error: wordsOf(error) };
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** @throws Error without Pipy, whose scripts are what is made worse */
async function run(values: Values): Promise<void> {
  const guarded = await guardedHere();
  if (guarded.target !== 'pipy-pair') throw new Error('there is no Pipy here: set PIPY_BIN');
  const { versions } = guarded;
  const budgets = loadBudgets();
  const queue = missing(done(), values).slice(0, values.checks === undefined ? undefined : Number(values.checks));
  for (const [at, sabotage] of queue.entries()) {
    const beganMs = performance.now();
    const seen = await look(guarded, sabotage);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    const check: Check = { sabotage, at: new Date().toISOString(), seconds, versions, ...seen };
    appendFileSync(join(folder, `${machineHere().class}.jsonl`), `${JSON.stringify(check, rounded)}\n`);
    const rowsFound = seen.error ?? (found(seen.looks, budgets).join('; ') || 'nothing found');
    process.stderr.write(`${at + 1}/${queue.length} ${sabotage}: ${rowsFound}, ${seconds} s\n`);
  }
}

/** Five digits are enough. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

/** How often something was found by the row that guards it, for budgets from a quarter to twice what they are. */
function report(): string {
  const checks = done();
  const budgets = loadBudgets();
  const of = (sabotage: Sabotage): Check[] => checks.filter(check => check.sabotage === sabotage);
  const share = (sabotage: Sabotage, allowed: Budgets): string => {
    const isHit = (rows: readonly string[]): boolean =>
      sabotage === 'nothing' ? rows.length > 0 : rows.includes(guard[sabotage]);
    // What could not be judged is no alarm, and has found nothing.
    const hits = of(sabotage).filter(({ error, looks }) => error === undefined && isHit(found(looks, allowed))).length;
    return `${hits}/${of(sabotage).length}`;
  };
  const lines = factors.map(factor => {
    const budgets = scaled(factor);
    return [factor, share('nothing', budgets), ...kinds.map(kind => share(kind, budgets))].join(' | ');
  });
  const effect = (kind: (typeof kinds)[number]): string => {
    const worse = of(kind).map(({ looks }) => decide(looks[0] ?? [], budgets).find(({ row }) => row === guard[kind]));
    return `+${(median(worse.map(verdict => verdict?.worse ?? Number.NaN)) * 100).toFixed(1)} %`;
  };
  const head = ['budgets ×', 'nothing (false alarms)', ...kinds].join(' | ');
  const effects = ['worse by (middle)', '', ...kinds.map(effect)].join(' | ');
  const seconds = checks.map(check => check.seconds).sort((a, b) => a - b);
  const longest = `a check took ${seconds[seconds.length >> 1]} s (middle), at most ${seconds.at(-1)} s`;
  const rule = ['---', '---:', ...kinds.map(() => '---:')].join(' | ');
  const table = [head, rule, effects, ...lines].map(row => `| ${row} |`);
  const unjudged = checks.filter(({ error }) => error !== undefined).length;
  // A tree with changes of its own has a plus behind its commit.
  const commits = new Set(checks.map(({ versions }) => versions.fsm?.replace(/\+$/, ''))).size;
  return `${table.join('\n')}\n\n${longest}; of ${unjudged} nothing could be said; made at ${commits} commits\n`;
}

await asProgram(async () => {
  const { values } = parseArgs({ options });
  if (!values.report) await run(values);
  process.stdout.write(report());
  return exitCodes.same;
});
