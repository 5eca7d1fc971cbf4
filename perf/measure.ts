/** One measurement of everything that is guarded: the harness's suite for the gate, and the control plane's own rows. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from '../bench/model.ts';
import { Keeper } from '../bench/run/keeper.ts';
import type { MicroRow } from './micro.ts';
import { duelsOf, type Figure, figureOfDuel, figuresOfMicro, figuresOfRun } from './rows.ts';

/** What was measured, and on what. */
export interface Measurement {
  readonly figures: readonly Figure[];
  readonly result: Result;
}

/** Nothing is collected while allocations are counted. */
const microOptions = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];

/**
 * @param suite `gate` where there is Pipy, else `gate-node`
 * @param checkout what is measured, by its own harness; this one unless given
 * @throws Error when the harness or a row fails
 */
export async function measure(
  suite: string,
  checkout = fileURLToPath(new URL('..', import.meta.url)),
): Promise<Measurement> {
  const tree = resolve(checkout);
  if (!existsSync(join(tree, 'perf', 'duel.ts'))) throw new Error(`${tree} has no gate yet: nothing to compare with`);
  const keeper = new Keeper();
  const dir = await mkdtemp(join(tmpdir(), 'fsm-perf-'));
  try {
    const file = join(tree, 'bench', 'suites', `${suite}.json`);
    const args = [join(tree, 'bench', 'main.ts'), file, '--json', '--output', join(dir, 'run')];
    const result = JSON.parse(await outputOf(args, keeper)) as Result;
    if (result.state !== 'whole') throw new Error(`the run ended early: ${result.state}`);
    const duels: Figure[] = [];
    for (const names of duelsOf(result.suite))
      duels.push(figureOfDuel(names, JSON.parse(await outputOf([join(tree, 'perf', 'duel.ts'), ...names], keeper))));
    const micro = JSON.parse(await outputOf([...microOptions, join(tree, 'perf', 'micro.ts')], keeper)) as MicroRow[];
    return { figures: [...duels, ...figuresOfRun(result), ...figuresOfMicro(micro)], result };
  } finally {
    await keeper.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** What is under way: a signal to this process ends it, and only then this process. */
let underWay: ChildProcess | null = null;
let stoppedBy: NodeJS.Signals | null = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    stoppedBy = signal;
    underWay?.kill(signal);
  });

/** Runs Node to its end, which comes with this process's own; what it writes to standard error is shown. */
async function outputOf(args: readonly string[], keeper: Keeper): Promise<string> {
  if (stoppedBy !== null) throw new Error(`stopped by ${stoppedBy}`);
  const program = { file: process.execPath, args, env: process.env };
  const { child, ended } = keeper.start(program, ['ignore', 'pipe', 'inherit']);
  underWay = child;
  const output: Buffer[] = [];
  child.stdout?.on('data', chunk => output.push(chunk));
  await once(child, 'close');
  underWay = null;
  if (stoppedBy !== null) throw new Error(`stopped by ${stoppedBy}`);
  if (child.exitCode !== 0) throw new Error(`${args.join(' ')} ${await ended}`);
  return Buffer.concat(output).toString();
}
