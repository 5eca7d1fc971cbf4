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
import { otherThan, readBaseline, strangeness } from './baseline.ts';
import { checkoutOf } from './checkout.ts';
import { confirmed, decide, type Verdict } from './decide.ts';
import {
  asProgram,
  exitCodes,
  type Guarded,
  guardedHere,
  here,
  measureBeside,
  measureHere,
  wordsOf,
} from './measure.ts';
import { beside, loadBudgets, type Row } from './rows.ts';

/** What the command line says. */
interface Options {
  readonly base?: string;
  readonly json: boolean;
  readonly markdown?: string;
}

/** A row that noise hides so many times its budget of is said to be hidden. */
const blurredFrom = 2;

/** Measures once; every look has processes of its own. */
type Look = () => Promise<Row[]>;

async function main(options: Options): Promise<number> {
  const guarded = await guardedHere();
  if (options.base === undefined) return withRecorded(guarded, options);
  const base = await checkoutOf(options.base);
  try {
    return await judged(guarded, options.base, options, () => measureBeside(guarded, base.dir, here));
  } finally {
    await base.close();
  }
}

/** Compares with what was recorded on machines like this one. */
async function withRecorded(guarded: Guarded, options: Options): Promise<number> {
  const { class: machineClass, pinning } = machineHere();
  const baseline = readBaseline(machineClass, guarded.target);
  if (baseline === undefined)
    throw new Error(
      `there is no baseline of ${guarded.target} for ${machineClass}: --base HEAD compares with the last commit, and npm run perf:accept -- --reason "first on this machine" records one`,
    );
  const { rows, recordedAt, versions, reason } = baseline;
  const other = otherThan(baseline, guarded.versions, pinning);
  if (other !== undefined) throw new Error(`${other}: record a new baseline, or give --base <commit>`);
  return judged(
    guarded,
    `the baseline of ${recordedAt.slice(0, 10)} (${versions.fsm}: ${reason})`,
    options,
    async () => {
      const { figures, controls } = await measureHere(guarded);
      const strange = strangeness(baseline, controls);
      if (strange !== undefined)
        throw new Error(`this machine is not as it was: ${strange}; --base <commit> needs no recorded baseline`);
      return beside(rows, figures);
    },
  );
}

async function judged({ target }: Guarded, name: string, options: Options, look: Look): Promise<number> {
  const budgets = loadBudgets();
  const verdicts = await confirmed(
    async () => decide(await look(), budgets),
    rows => process.stderr.write(`worse at first sight: ${rows.join('; ')}. Once more, to be sure.\n`),
  );
  const worse = verdicts.filter(({ state }) => state === 'worse');
  const lost = verdicts.filter(({ state }) => state === 'lost');
  process.stdout.write(options.json ? `${JSON.stringify(verdicts)}\n` : tableOf(verdicts));
  const count = worse.length === 0 ? 'no regression' : `${worse.length} regression${worse.length === 1 ? '' : 's'}`;
  process.stderr.write(`${target}: ${count} against ${name}\n`);
  for (const { row } of lost) process.stderr.write(`not measured any more, or not a number: ${row}\n`);
  for (const told of blindSpots(verdicts)) process.stderr.write(`${told}\n`);
  const code = worse.length > 0 ? exitCodes.worse : lost.length === 0 ? exitCodes.same : exitCodes.unjudged;
  try {
    if (options.markdown !== undefined) appendFileSync(options.markdown, markdownOf(verdicts, name));
  } catch (error) {
    if (code !== exitCodes.worse) throw error;
    process.stderr.write(`the table was not written: ${wordsOf(error)}\n`);
  }
  return code;
}

/** What a pass does not say, in words: rows of which nothing is known here, and rows that noise hides. */
function blindSpots(verdicts: readonly Verdict[]): string[] {
  const unknown = verdicts.filter(({ state }) => state === 'unknown');
  const blurred = verdicts.filter(({ threshold, allowed }) => threshold > blurredFrom * allowed);
  const limits = blurred.map(
    ({ row, threshold, allowed }) => `${row} (${percent(threshold)}, allowed ${percent(allowed)})`,
  );
  return [
    ...unknown.map(({ row, reason }) => `nothing is known of ${row}: ${reason}`),
    ...(blurred.length === 0
      ? []
      : [`too noisy to see all that is not allowed, only from so much on: ${limits.join('; ')}`]),
  ];
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      base: { type: 'string' },
      json: { type: 'boolean', default: false },
      markdown: { type: 'string' },
    },
  });
  // It is found out now that nothing can be written there, not when all is measured.
  if (values.markdown !== undefined) appendFileSync(values.markdown, '');
  return values;
}

function tableOf(verdicts: readonly Verdict[]): string {
  const width = Math.max(...verdicts.map(({ row }) => row.length));
  const lines = verdicts.map(({ row, before, now, worse, confidence, threshold, state, reason }) => {
    if (reason !== undefined) return `${state.padEnd(8)} ${row.padEnd(width)} ${reason}`;
    const change = `${percent(worse, '+')} worse`;
    const limits = `worse from ${percent(threshold)} on, confidence ${percent(confidence)}`;
    return `${state.padEnd(8)} ${row.padEnd(width)} ${short(before).padStart(9)} → ${short(now).padStart(9)}  ${change.padStart(15)}; ${limits}`;
  });
  return `${lines.join('\n')}\n`;
}

function markdownOf(verdicts: readonly Verdict[], name: string): string {
  const lines = verdicts.map(({ row, before, now, worse, confidence, threshold, state, reason }) => {
    if (reason !== undefined) return `| ${state} | ${row} | | | ${reason} | |`;
    const change = `${percent(worse)} (from ${percent(threshold)} on)`;
    return `| ${state} | ${row} | ${short(before)} | ${short(now)} | ${change} | ${percent(confidence)} |`;
  });
  const head = '| | row | before | now | worse by | confidence |\n|---|---|---|---|---|---|';
  const blind = blindSpots(verdicts).map(told => `\n- ${told}`);
  return `### Against ${name}\n\n${head}\n${lines.join('\n')}\n${blind.join('')}\n`;
}

function percent(share: number, sign = ''): string {
  return `${share >= 0 ? sign : ''}${(share * 100).toFixed(1)} %`;
}

function short(value: number): string {
  if (value < 1e-6) return '0';
  return value >= 1000 ? String(Math.round(value)) : value.toPrecision(4);
}

let markdown: string | undefined;

await asProgram(
  () => {
    const options = optionsOf(process.argv.slice(2));
    markdown = options.markdown;
    return main(options);
  },
  why => {
    process.stderr.write(`nothing can be said: ${why}\n`);
    if (markdown !== undefined) appendFileSync(markdown, `### Nothing can be said\n\n${why}\n`);
  },
);
