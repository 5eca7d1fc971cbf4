/**
 * `npm run perf:check`: measures what is guarded and compares it with the baseline of machines like this one. Ends with 1
 * on a regression, which a second, fresh measurement has confirmed; with 2 when something could not be judged: there is no
 * baseline, a row of it was not measured, a program failed or answered wrongly.
 *
 *   --tree <dir>   another checkout, measured by its own harness
 *   --base <dir>   compares with this checkout instead, measured before and after: for runners of which no two are alike
 *   --json         verdicts as JSON on standard output
 *   --markdown <file>   adds the verdicts to a file, as a table for a pull request
 */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { machineHere } from '../bench/run/machine.ts';
import { type Baseline, readBaseline, suiteHere } from './baseline.ts';
import { type BaselineRow, confirmed, decide, type Verdict } from './decide.ts';
import { measure } from './measure.ts';
import { type Figure, loadBudgets } from './rows.ts';

const { values } = parseArgs({
  options: {
    tree: { type: 'string' },
    base: { type: 'string' },
    json: { type: 'boolean', default: false },
    markdown: { type: 'string' },
  },
});

const suite = suiteHere();

/** What is compared with: its name, and its rows once the tree has been measured. */
interface Against {
  readonly name: string;
  /** Measures the tree once, and says what it is to be compared with. */
  look(): Promise<{ rows: readonly BaselineRow[]; figures: readonly Figure[] }>;
}

async function main(): Promise<number> {
  const against = values.base === undefined ? recorded() : measured(values.base);
  if (against === undefined) return 2;
  const verdicts = await confirmed(async () => {
    const { rows, figures } = await against.look();
    return decide(rows, figures, loadBudgets());
  });
  const worse = verdicts.filter(({ state }) => state === 'worse');
  const lost = verdicts.filter(({ state }) => state === 'lost');
  if (values.markdown !== undefined) appendFileSync(values.markdown, markdownOf(verdicts, against.name));
  process.stdout.write(values.json ? `${JSON.stringify(verdicts)}\n` : tableOf(verdicts));
  const count = worse.length === 0 ? 'no regression' : `${worse.length} regression${worse.length === 1 ? '' : 's'}`;
  process.stderr.write(`${suite}: ${count} against ${against.name}\n`);
  for (const { row } of lost) process.stderr.write(`not measured any more, or not a number: ${row}\n`);
  if (worse.length > 0) return 1;
  return lost.length === 0 ? 0 : 2;
}

/** The baseline that was recorded for machines like this one. */
function recorded(): Against | undefined {
  const { class: machineClass } = machineHere();
  const baseline: Baseline | undefined = readBaseline(machineClass, suite);
  if (baseline === undefined) {
    const how = 'record one with npm run perf:accept -- --reason "first on this machine", or give --base <checkout>';
    process.stderr.write(`nothing to compare with: no baseline for ${machineClass} (${suite}); ${how}\n`);
    return undefined;
  }
  const { rows, recordedAt, versions, reason } = baseline;
  return {
    name: `the baseline of ${recordedAt.slice(0, 10)} (${versions.fsm}: ${reason})`,
    look: async () => ({ rows, figures: (await measure(suite, values.tree)).figures }),
  };
}

/** Another checkout, measured on both sides of the tree in question. */
function measured(base: string): Against {
  const seen = new Map<string, number[]>();
  const again = async (): Promise<void> => {
    for (const { row, value } of (await measure(suite, base)).figures) seen.set(row, [...(seen.get(row) ?? []), value]);
  };
  return {
    name: base,
    async look() {
      if (seen.size === 0) await again();
      const { figures } = await measure(suite, values.tree);
      await again();
      return { rows: [...seen].map(([row, all]) => ({ row, values: all })), figures };
    },
  };
}

function tableOf(verdicts: readonly Verdict[]): string {
  const width = Math.max(...verdicts.map(({ row }) => row.length));
  const lines = verdicts.map(({ row, baseline, now, worse, confidence, threshold, state }) => {
    const change = `${percent(worse, '+')} worse`;
    const limits = `worse from ${percent(threshold)} on, confidence ${percent(confidence)}`;
    return `${state.padEnd(8)} ${row.padEnd(width)} ${short(baseline).padStart(9)} → ${short(now).padStart(9)}  ${change.padStart(15)}; ${limits}`;
  });
  return `${lines.join('\n')}\n`;
}

function markdownOf(verdicts: readonly Verdict[], name: string): string {
  const lines = verdicts.map(({ row, baseline, now, worse, confidence, threshold, state }) => {
    const change = `${percent(worse)} (from ${percent(threshold)} on)`;
    return `| ${state} | ${row} | ${short(baseline)} | ${short(now)} | ${change} | ${percent(confidence)} |`;
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
