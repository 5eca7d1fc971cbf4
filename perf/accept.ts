/**
 * `npm run perf:accept -- --reason "why"`: records what is measured now as the baseline of machines like this one. Several
 * runs, each with processes of its own: how far they lie apart is the noise that later runs are judged by.
 */
import { parseArgs } from 'node:util';
import { machineHere } from '../bench/run/machine.ts';
import { suiteHere, writeBaseline } from './baseline.ts';
import { measure } from './measure.ts';

const { values } = parseArgs({
  options: { reason: { type: 'string' }, runs: { type: 'string', default: '5' } },
});

const runs = Number(values.runs);
if (!values.reason) throw new Error('say why: npm run perf:accept -- --reason "the scripts check one header more"');
if (!Number.isInteger(runs) || runs < 3) throw new Error(`--runs is ${values.runs}: give 3 or more`);

const rows = new Map<string, number[]>();
let versions: Readonly<Record<string, string>> = {};
const suite = suiteHere();
for (let run = 1; run <= runs; run++) {
  const { figures, result } = await measure(suite);
  versions = result.versions;
  for (const { row, value } of figures) rows.set(row, [...(rows.get(row) ?? []), value]);
  process.stderr.write(`run ${run} of ${runs} is done\n`);
}
for (const [row, all] of rows)
  if (all.length < runs || !all.every(Number.isFinite))
    throw new Error(`${row} is ${all.join(', ')} in ${runs} runs: a baseline needs a number in each`);
const path = writeBaseline({
  class: machineHere().class,
  suite,
  recordedAt: new Date().toISOString(),
  reason: values.reason,
  versions,
  rows: [...rows].map(([row, all]) => ({ row, values: all })),
});
process.stdout.write(`written: ${path}\n`);
