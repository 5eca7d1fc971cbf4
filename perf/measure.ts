/**
 * One measurement of everything that is guarded: the sidecars of the mesh in a duel, and the control plane's own rows. It is
 * of this tree alone, to be compared with what was recorded, or of two trees side by side.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import { Keeper } from '../bench/run/keeper.ts';
import { ownVersion } from '../bench/run/machine.ts';
import { findPipyVersion } from '../bench/targets/programs.ts';
import type { Program } from '../bench/targets/target.ts';
import { packageFile } from '../src/api/package.ts';
import type { DuelStart } from './duel.ts';
import type { MicroRow } from './micro.ts';
import {
  controlsOfDuel,
  type Figure,
  figuresOfDuel,
  figuresOfMicro,
  pairedRows,
  type Row,
  rowsOfDuel,
} from './rows.ts';

/** The sidecars that are guarded here, and what they are set beside when they are measured alone. */
export interface Guarded {
  readonly target: string;
  readonly reference: string;
  /** Program → version. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What this tree showed. */
export interface Measurement {
  readonly figures: readonly Figure[];
  /** Of the reference, which is not ours: absolute ones. */
  readonly controls: readonly Figure[];
}

/** Nothing is collected while allocations are counted. */
const microOptions = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];

/** This checkout. */
export const here = packageFile('');

/**
 * Those on Pipy, or those on Node where there is none.
 *
 * @throws Error when PIPY_BIN names a Pipy that cannot be used: who set it does not mean Node
 */
export async function guardedHere(): Promise<Guarded> {
  const pipy = await kept(keeper => findPipyVersion(keeper.print));
  const versions = { fsm: await ownVersion(), node: process.version };
  if ('version' in pipy)
    return { target: 'pipy-pair', reference: 'pipy-bare-pair', versions: { ...versions, pipy: pipy.version } };
  if (process.env.PIPY_BIN) throw new Error(`PIPY_BIN is ${process.env.PIPY_BIN}, and ${pipy.why}`);
  return { target: 'node-pair', reference: 'direct', versions };
}

/** This tree alone. @throws Error when a program failed or answered wrongly */
export async function measureHere({ target, reference }: Guarded): Promise<Measurement> {
  return kept(async keeper => {
    const starts = await duelOf([reference, target], keeper);
    const micro = await microOf(here, keeper);
    return {
      figures: [...figuresOfDuel([reference, target], starts), ...micro],
      controls: controlsOfDuel(reference, starts),
    };
  });
}

/** Two checkouts side by side: their sidecars up at once, their control planes by turns. @throws Error as `measureHere` */
export async function measureBeside({ target }: Guarded, before: string, now: string): Promise<Row[]> {
  return kept(async keeper => {
    const starts = await duelOf([`${before}:${target}`, `${now}:${target}`], keeper);
    const early = await microOf(before, keeper);
    const counted = [await microOf(now, keeper), await microOf(now, keeper)];
    return [...rowsOfDuel(target, starts), ...pairedRows([early, await microOf(before, keeper)], counted)];
  });
}

/** Work whose processes end with it. */
export async function kept<T>(work: (keeper: Keeper) => Promise<T>): Promise<T> {
  const keeper = new Keeper();
  try {
    return await work(keeper);
  } finally {
    await keeper.close();
  }
}

async function duelOf(names: readonly [string, string], keeper: Keeper): Promise<DuelStart[]> {
  return JSON.parse(await nodeOutput([join(here, 'perf', 'duel.ts'), ...names], keeper));
}

async function microOf(tree: string, keeper: Keeper): Promise<Figure[]> {
  const rows = await nodeOutput([...microOptions, join(tree, 'perf', 'micro.ts')], keeper);
  return figuresOfMicro(JSON.parse(rows) as MicroRow[]);
}

/** What is under way: a signal to this process ends it, and only then this process; a second one ends all at once. */
let underWay: ChildProcess | null = null;
let stoppedBy: NodeJS.Signals | null = null;

/** Has signals end what is measured, so that it is cleared away; a second one waits for nothing. */
function heedSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (stoppedBy !== null && underWay === null) process.exit(exitCodes.unjudged);
      underWay?.kill(stoppedBy === null ? signal : 'SIGKILL');
      stoppedBy = signal;
    });
}

/** How programs of this folder end: a regression has a code that nothing else has. */
export const exitCodes = { same: 0, worse: 1, unjudged: 2 } as const;

/**
 * Runs a program of this folder, which ends with the code that comes of it, and with 2 whatever goes wrong.
 *
 * @param failed tells what went wrong
 */
export async function asProgram(
  main: () => Promise<number>,
  failed = (why: string): unknown => process.stderr.write(`${why}\n`),
): Promise<never> {
  const fail = (error: unknown): never => {
    try {
      failed(wordsOf(error));
    } catch (another) {
      process.stderr.write(`${wordsOf(another)}\n`);
    }
    process.exit(exitCodes.unjudged);
  };
  process.on('uncaughtException', fail);
  heedSignals();
  try {
    const code = await main();
    if (stoppedBy !== null) throw new Error(`stopped by ${stoppedBy}`);
    process.exit(code);
  } catch (error) {
    return fail(error);
  }
}

/** What an error says. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a signal has come. */
export function isStopped(): boolean {
  return stoppedBy !== null;
}

async function nodeOutput(args: readonly string[], keeper: Keeper): Promise<string> {
  return outputOf({ file: process.execPath, args }, keeper);
}

/**
 * Runs a program to its end, which comes with this process's own; what it writes to standard error is shown.
 *
 * @throws Error when it fails, or a signal has come
 */
export async function outputOf({ file, args }: Pick<Program, 'file' | 'args'>, keeper: Keeper): Promise<string> {
  if (stoppedBy !== null) throw new Error(`stopped by ${stoppedBy}`);
  const { child, ended } = keeper.start({ file, args, env: process.env }, ['ignore', 'pipe', 'inherit']);
  underWay = child;
  const output: Buffer[] = [];
  child.stdout?.on('data', chunk => output.push(chunk));
  await once(child, 'close');
  underWay = null;
  if (stoppedBy !== null) throw new Error(`stopped by ${stoppedBy}`);
  if (child.exitCode !== 0) throw new Error(`${[basename(file), ...args].join(' ')} ${await ended}`);
  return Buffer.concat(output).toString();
}
