#!/usr/bin/env node
/**
 * The benchmark harness: `npm run bench -- --help` says how it is called. In the built package it is the command
 * `fsm-bench`, with the same options. A run has a directory: the journal of its rounds, `result.json`, `report.html` and `report.md`.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result, Skip } from './model.ts';
import { chosen, command, help, labelsFrom, parseOptions, results, type Values } from './options.ts';
import { compareCommand } from './report/comparison.ts';
import { markdown } from './report/markdown.ts';
import { coresHere } from './run/cores.ts';
import { Journal } from './run/journal.ts';
import { Keeper } from './run/keeper.ts';
import { machineHere, ownVersion } from './run/machine.ts';
import { Progress } from './run/progress.ts';
import { checkPlace, publish } from './run/publish.ts';
import { journalFile, writeResult } from './run/result.ts';
import { type RunPlan, roundsLeftOut, rules, runSuite } from './run/rounds.ts';
import { stopSignal } from './run/stop.ts';
import { loadSuite } from './run/suites.ts';
import { readResult } from './schema.ts';
import { targets as allTargets } from './targets/index.ts';
import type { Target } from './targets/target.ts';
import { targetOf, targetsIn } from './variants.ts';

const exitCodes = { whole: 0, broken: 1, usage: 2, interrupted: 130 } as const;

async function main(): Promise<number> {
  const { values, positionals } = parseOptions(process.argv.slice(2));
  if (values.help) {
    process.stdout.write(`${help}\n`);
    return exitCodes.whole;
  }
  const [asked, ...rest] = positionals;
  if (asked === 'compare') return compareCommand(rest, values);
  labelsFrom(values.label);
  if (values.configmap !== undefined) await checkPlace(values.configmap);
  if (asked === 'report') return published(rest[0] ?? '.', reportAgain(rest[0] ?? '.'), values);
  const keeper = new Keeper();
  try {
    return await measured(asked, keeper, values);
  } finally {
    await keeper.close();
  }
}

/** Measures what is asked for. @returns the exit code */
async function measured(asked: string | undefined, keeper: Keeper, values: Values): Promise<number> {
  const found = await findTargets(keeper);
  const { journal, dir } = await openRun(asked, found, values);
  process.stderr.write(`${journal.head.skips.map(({ target, why }) => `skipped: ${target}: ${why}\n`).join('')}`);
  const what = { journal, targets: found.usable, keeper, retriesLeftOut: values.resume !== undefined };
  const state = await run(what, dir);
  journal.close();
  return published(dir, finish(dir, state, values), values);
}

/** Leaves the report in the cluster if that is asked for. @returns the exit code */
async function published(dir: string, code: number, { configmap, label }: Values): Promise<number> {
  if (configmap === undefined) return code;
  try {
    const result = readResult(readFileSync(join(dir, 'result.json'), 'utf8'));
    await publish(dir, configmap, result, labelsFrom(label));
    process.stderr.write(`left in ConfigMap ${configmap}\n`);
    return code;
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    const again = `${command} report ${dir} --configmap ${configmap}`;
    process.stderr.write(`not left in ConfigMap ${configmap}: ${why}; ${again} tries once more\n`);
    return Math.max(code, exitCodes.broken);
  }
}

interface FoundTargets {
  readonly usable: ReadonlyMap<string, Target>;
  readonly skips: readonly Skip[];
  readonly versions: Readonly<Record<string, string>>;
}

async function findTargets(keeper: Keeper): Promise<FoundTargets> {
  const usable = new Map<string, Target>();
  const skips: Skip[] = [];
  const versions: Record<string, string> = { fsm: await ownVersion(), node: process.version };
  for (const target of allTargets) {
    const found = await target.find(keeper.print);
    if ('why' in found) skips.push({ target: target.name, why: found.why });
    else {
      usable.set(target.name, target);
      versions[target.name] = found.version;
    }
  }
  return { usable, skips, versions };
}

async function openRun(asked: string | undefined, { usable, skips, versions }: FoundTargets, values: Values) {
  const machine = machineHere();
  if (values.resume !== undefined)
    return { journal: Journal.resume(join(values.resume, journalFile), { machine, versions }), dir: values.resume };
  const suite = chosen(loadSuite(asked ?? (values.quick ? 'quick' : 'full')), values);
  const named = targetsIn(suite.experiments);
  const whys = new Set(skips.filter(({ target }) => named.has(target)).map(({ why }) => why));
  if (![...named].some(target => usable.has(target)))
    throw new Error(`nothing of suite ${suite.name} can be measured here: ${[...whys].join('; ')}`);
  const startedAt = new Date().toISOString();
  const dir = values.output ?? join(results, `${suite.name}-${startedAt.replaceAll(/\W/g, '').slice(0, 15)}`);
  mkdirSync(dir, { recursive: true });
  const path = join(dir, journalFile);
  if (existsSync(path) && !values.continue)
    throw new Error(`${dir} has a run already: ${command} --resume ${dir} goes on with it, or give another --output`);
  const head = { suite, startedAt, machine, versions, rules, skips: skips.filter(({ target }) => named.has(target)) };
  return { journal: values.continue ? Journal.continue(path, head) : Journal.begin(path, head), dir };
}

/** @returns `whole`, or why it ended early */
async function run(
  what: Pick<RunPlan, 'journal' | 'targets' | 'keeper' | 'retriesLeftOut'>,
  runDir: string,
): Promise<string> {
  const signal = stopSignal();
  const dir = join(tmpdir(), `fsm-bench-${randomUUID()}`);
  const progress = new Progress();
  try {
    await mkdir(dir, { mode: 0o700 });
    const onRound = progress.round.bind(progress);
    const network = `127.${randomInt(64, 250)}`;
    const plan = { ...what, suite: what.journal.head.suite, cores: coresHere(), dir, network };
    await runSuite({ ...plan, signal, onRound });
    return 'whole';
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\nended early: ${why}; ${command} --resume ${runDir} goes on from here\n`);
    return why;
  } finally {
    progress.end();
    await what.keeper.end();
    // What was just starting may write until it notices.
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function finish(dir: string, state: string, values: Values): number {
  let result: Result;
  try {
    result = writeResult(dir, state, new Date().toISOString());
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    process.stderr.write(`no report: ${why}; the rounds are in ${join(dir, journalFile)}: ${command} report ${dir}\n`);
    return exitCodes.broken;
  }
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : markdown(result));
  process.stderr.write(`\nwritten: ${join(dir, 'report.html')}, report.md, result.json\n`);
  const skipped = new Set(result.skips.map(({ target }) => target));
  const empty = result.suite.experiments.filter(
    experiment =>
      experiment.targets.some(row => !skipped.has(targetOf(experiment, row))) &&
      result.summary.every(row => row.experiment !== experiment.name || row.rounds === 0),
  );
  for (const { name } of empty) process.stderr.write(`no round counts: ${name}\n`);
  for (const experiment of result.suite.experiments) {
    const rounds = roundsLeftOut(experiment, result.rounds);
    if (rounds.length > 0)
      process.stderr.write(
        `no quiet hour: ${experiment.name}, round ${rounds.join(', ')}; ${command} --resume ${dir} tries again\n`,
      );
  }
  // Who starts it again by itself would do so for ever: there is nothing left to measure, and the report says what is missing.
  if (state === 'whole') return empty.length === 0 || values.continue ? exitCodes.whole : exitCodes.broken;
  return state.startsWith('stopped by') ? exitCodes.interrupted : exitCodes.broken;
}

function reportAgain(dir: string): number {
  const { state, endedAt } = endOf(dir);
  const result = writeResult(dir, state, endedAt);
  process.stdout.write(markdown(result));
  return exitCodes.whole;
}

/** How a run ended, as its result says; one that has none was killed. */
function endOf(dir: string): Pick<Result, 'state' | 'endedAt'> {
  try {
    return readResult(readFileSync(join(dir, 'result.json'), 'utf8'));
  } catch {
    return { state: 'killed', endedAt: new Date().toISOString() };
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = exitCodes.usage;
}
process.exit();
