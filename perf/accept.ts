/**
 * `npm run perf:accept -- --reason "…"`: measures several times and records the figures as the new baseline of machines like
 * this one. The reason stands in the file, and in its diff.
 *
 *   --reason <text>   why this is the new measure of things
 *   --runs <n>        measurements, 5 unless given: their spread is the noise that later figures are judged by
 */
import { parseArgs } from 'node:util';
import { machineHere } from '../bench/run/machine.ts';
import { type Baseline, type BaselineRow, strangeness, writeBaseline } from './baseline.ts';
import { asProgram, exitCodes, guardedHere, type Measurement, measureHere } from './measure.ts';
import type { Figure } from './rows.ts';

/** @throws Error when it is not said why, when something failed, or when this machine does not hold still */
async function main(args: string[]): Promise<number> {
  const { reason, runs: wanted } = parseArgs({
    args,
    options: { reason: { type: 'string' }, runs: { type: 'string', default: '5' } },
  }).values;
  const runs = Number(wanted);
  if (!reason) throw new Error('say why: npm run perf:accept -- --reason "the scripts check one header more"');
  if (!Number.isInteger(runs) || runs < 3) throw new Error(`--runs is ${wanted}: give 3 or more`);
  const guarded = await guardedHere();
  const measured: Measurement[] = [];
  while (measured.length < runs) {
    measured.push(await measureHere(guarded));
    process.stderr.write(`run ${measured.length} of ${runs} is done\n`);
  }
  const baseline: Baseline = {
    class: machineHere().class,
    target: guarded.target,
    recordedAt: new Date().toISOString(),
    reason,
    versions: guarded.versions,
    pinning: machineHere().pinning ?? null,
    controls: rowsOf(measured.map(({ controls }) => controls)),
    rows: rowsOf(measured.map(({ figures }) => figures)),
  };
  for (const { controls } of measured) {
    const strange = strangeness(baseline, controls);
    if (strange !== undefined)
      throw new Error(
        `nothing is recorded, for this machine is not steady: in one run ${strange}; use perf:check --base`,
      );
  }
  process.stdout.write(`written: ${writeBaseline(baseline)}\n`);
  return exitCodes.same;
}

/** Rows of which something can be said on this machine. @throws Error when one was not measured in each run */
function rowsOf(all: readonly (readonly Figure[])[]): BaselineRow[] {
  const rows = [...Map.groupBy(all.flat(), ({ row }) => row)];
  const known = rows.filter(([, figures]) => figures.every(({ unknown }) => unknown === undefined));
  return known.map(([row, figures]) => {
    const found = figures.map(({ value }) => value);
    if (found.length < all.length || !found.every(Number.isFinite))
      throw new Error(`${row} is ${found.join(', ')} in ${all.length} runs: a baseline needs a number in each`);
    return { row, values: found };
  });
}

await asProgram(() => main(process.argv.slice(2)));
