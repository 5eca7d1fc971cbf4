/**
 * `npm run perf:check`: measures what is guarded and compares it with another state of the project, side by side, or with
 * what was recorded for machines like this one. Ends with 1 on a regression, which a second, fresh measurement has confirmed;
 * with 2 when something could not be judged: there is no baseline, the machine is not as it was, a row was not measured, a
 * program failed or answered wrongly.
 *
 *   --base <checkout or commit>   compares with that, on this machine and at this time: the sharper way
 *   --json         verdicts as JSON on standard output
 *   --markdown <file>   adds the verdicts to a file, as a table for a pull request
 */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { machineHere } from '../bench/run/machine.ts';
import { readBaseline, strangeness } from './baseline.ts';
import { checkoutOf } from './checkout.ts';
import { confirmed, decide, type Verdict } from './decide.ts';
import { guarded, here, measureBeside, measureHere } from './measure.ts';
import { beside, loadBudgets, type Row } from './rows.ts';

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    json: { type: 'boolean', default: false },
    markdown: { type: 'string' },
  },
});

/** Measures once; every look has processes of its own. */
type Look = () => Promise<Row[]>;

async function main(): Promise<number> {
  if (values.base === undefined) return withRecorded();
  const base = await checkoutOf(values.base);
  try {
    return await judged(values.base, () => measureBeside(base.dir, here));
  } finally {
    await base.close();
  }
}

/** Compares with what was recorded on machines like this one. */
async function withRecorded(): Promise<number> {
  const { class: machineClass } = machineHere();
  const { target } = guarded();
  const baseline = readBaseline(machineClass, target);
  if (baseline === undefined)
    throw new Error(
      `there is no baseline of ${target} for ${machineClass}: --base HEAD compares with the last commit, and npm run perf:accept -- --reason "first on this machine" records one`,
    );
  const { rows, recordedAt, versions, reason } = baseline;
  return judged(`the baseline of ${recordedAt.slice(0, 10)} (${versions.fsm}: ${reason})`, async () => {
    const { figures, controls } = await measureHere();
    const strange = strangeness(baseline, controls);
    if (strange !== undefined)
      throw new Error(`this machine is not as it was: ${strange}; --base <commit> needs no recorded baseline`);
    return beside(rows, figures);
  });
}

async function judged(name: string, look: Look): Promise<number> {
  const budgets = loadBudgets();
  const verdicts = await confirmed(async () => decide(await look(), budgets));
  const worse = verdicts.filter(({ state }) => state === 'worse');
  const lost = verdicts.filter(({ state }) => state === 'lost');
  if (values.markdown !== undefined) appendFileSync(values.markdown, markdownOf(verdicts, name));
  process.stdout.write(values.json ? `${JSON.stringify(verdicts)}\n` : tableOf(verdicts));
  const count = worse.length === 0 ? 'no regression' : `${worse.length} regression${worse.length === 1 ? '' : 's'}`;
  process.stderr.write(`${guarded().target}: ${count} against ${name}\n`);
  for (const { row } of lost) process.stderr.write(`not measured any more, or not a number: ${row}\n`);
  if (worse.length > 0) return 1;
  return lost.length === 0 ? 0 : 2;
}

function tableOf(verdicts: readonly Verdict[]): string {
  const width = Math.max(...verdicts.map(({ row }) => row.length));
  const lines = verdicts.map(({ row, before, now, worse, confidence, threshold, state }) => {
    const change = `${percent(worse, '+')} worse`;
    const limits = `worse from ${percent(threshold)} on, confidence ${percent(confidence)}`;
    return `${state.padEnd(8)} ${row.padEnd(width)} ${short(before).padStart(9)} → ${short(now).padStart(9)}  ${change.padStart(15)}; ${limits}`;
  });
  return `${lines.join('\n')}\n`;
}

function markdownOf(verdicts: readonly Verdict[], name: string): string {
  const lines = verdicts.map(({ row, before, now, worse, confidence, threshold, state }) => {
    const change = `${percent(worse)} (from ${percent(threshold)} on)`;
    return `| ${state} | ${row} | ${short(before)} | ${short(now)} | ${change} | ${percent(confidence)} |`;
  });
  const head = '| | row | before | now | worse by | confidence |\n|---|---|---|---|---|---|';
  return `### Against ${name}\n\n${head}\n${lines.join('\n')}\n`;
}

function percent(share: number, sign = ''): string {
  return `${share >= 0 ? sign : ''}${(share * 100).toFixed(1)} %`;
}

function short(value: number): string {
  if (value < 1e-6) return '0';
  return value >= 1000 ? String(Math.round(value)) : value.toPrecision(4);
}

try {
  process.exitCode = await main();
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(`nothing can be said: ${why}\n`);
  if (values.markdown !== undefined) appendFileSync(values.markdown, `### Nothing can be said\n\n${why}\n`);
  process.exitCode = 2;
}
process.exit();
