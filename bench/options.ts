/** What the command of the harness is told. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isBuilt } from '../src/api/package.ts';
import type { Suite } from './model.ts';
import { noTargets, unknownTargets } from './run/suites.ts';
import { again } from './statistics.ts';
import { targetOf } from './variants.ts';

/** How this is called, and where results go unless they are told where. */
export const [command, results] = isBuilt
  ? ['npx fsm-bench', 'fsm-bench']
  : ['npm run bench --', join('bench', 'results')];

/** What `--help` prints. */
export const help = `${command} [suite] [options]      measures: the suite \`full\`, \`quick\`, or a file
${command} --resume <dir>         takes up a run that was stopped, or had no quiet hour
${command} report <dir>           makes the files of a run again
${command} compare a.json b.json … sets results beside each other

  --quick                 the suite \`quick\`: under three minutes
  --targets a,b           only these, and what they are measured against
  --rounds <n>            in place of the suite's
  --seconds <s>           length of a round, in place of the suite's
  --output <dir>          where the files of the run go
  --continue              takes up the run that is in the output's directory, if there is one
  --json                  the result (or comparison) on standard output, and nothing else there
  --markdown              the comparison as Markdown, for a pull request
  --configmap <ns>/<name> leaves the report in a ConfigMap of the cluster that kubectl would use
  --label <name>=<value>  of that ConfigMap; may be given several times
  --help                  this

Exit codes: 0 measured, 1 not all of it, 2 nothing could be begun, 130 stopped.`;

const options = {
  help: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  resume: { type: 'string' },
  output: { type: 'string' },
  /** For what starts a run again by itself. */
  continue: { type: 'boolean', default: false },
  configmap: { type: 'string' },
  label: { type: 'string', multiple: true },
  targets: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
} as const;

/** Options and what stands beside them. @throws Error when there is no such option */
export function parseOptions(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options });
}

/** What was said. */
export type Values = ReturnType<typeof parseOptions>['values'];

/** A suite with what the options say of it. The first target stays, for everything is measured against it; so does its noise. */
export function chosen(suite: Suite, values: Values): Suite {
  const wanted = values.targets?.split(',');
  const strangers = unknownTargets(wanted ?? []);
  if (strangers.length > 0) throw new Error(`--targets: ${noTargets(strangers)}`);
  const experiments = suite.experiments.map(experiment => {
    const [baseline] = experiment.targets;
    const stays = (target: string) => target === baseline || (target === again.target && baseline === again.of);
    const isWanted = (row: string) => wanted?.includes(targetOf(experiment, row)) ?? true;
    const targets = experiment.targets.filter(row => stays(row) || isWanted(row));
    return { ...experiment, targets };
  });
  const [rounds, seconds] = [Number(values.rounds ?? suite.rounds), Number(values.seconds ?? suite.seconds)];
  if (!(Number.isInteger(rounds) && rounds > 0))
    throw new Error(`--rounds is ${values.rounds}: give a whole number above 0`);
  if (!(Number.isFinite(seconds) && seconds > 0))
    throw new Error(`--seconds is ${values.seconds}: give a number above 0`);
  return { ...suite, experiments, rounds, seconds };
}

/** `name=value` of each label. @throws Error when one is neither */
export function labelsFrom(told: readonly string[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(
    told.map(label => {
      const [name, value, ...rest] = label.split('=');
      if (!name || value === undefined || rest.length > 0) throw new Error(`--label is ${label}: give <name>=<value>`);
      return [name, value];
    }),
  );
}
