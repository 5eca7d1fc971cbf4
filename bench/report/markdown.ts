/** The table of a run for a pull request; the pictures are on the page. */
import type { Estimate, Result, RowSummary } from '../model.ts';
import { again, type Figure, figuresOf, noiseShare } from '../statistics.ts';
import { digits, figureWords, interval, promised, ratio, share, signsExplained, time, times, whole } from './format.ts';
import { besidePlain, failuresTold, flagsOf, isEmulated, isNoise, type Part, pairsOf, partsOf } from './parts.ts';

/** Text that stands in a cell: no markup, no new column, nobody mentioned. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[&<>]/g, sign => `&#${sign.charCodeAt(0)};`)
    .replace(/@/g, '&#64;')
    .replace(/[\\`*_{}[\]|~]/g, '\\$&');
}

/** A table of these rows: words stand at the left in as many columns as are told, and numbers at the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = heads.map((_, at) => (at < words ? '---' : '---:'));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}

/** @returns the run as Markdown: one table for each experiment, then what is to be known of it */
export function markdown(result: Result): string {
  const { suite, machine, versions, state, skips } = result;
  const facts = [
    machine.class,
    `fsm ${versions.fsm ?? 'of unknown version'}`,
    `${times(suite.rounds, 'round')} of ${suite.seconds} s`,
  ];
  const warnings = [
    ...(state === 'whole' ? [] : [`The run ended early: ${state}.`]),
    ...(isEmulated(machine) ? [`Measured under emulation (${machine.virtualisation}): no figure is a speed.`] : []),
    ...(versions.fsm?.includes('+') ? ['The source tree had changes that are in no commit.'] : []),
  ];
  const left = skips.map(({ target, why }) => `- Not measured: ${plain(target)} (${plain(why)})`);
  const blocks = [
    `### Benchmark ${plain(suite.name)}`,
    plain(facts.join(' · ')),
    ...warnings.map(text => `> **${plain(text)}**`),
    ...partsOf(result).map(blockOf),
    'Medians over the rounds; in brackets the interval, and beside the number of pairs of rounds the confidence that it can promise at the most. ≈: no difference that this run could see.',
    ...(left.length === 0 ? [] : [left.join('\n')]),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function blockOf(part: Part): string {
  const { experiment, baseline, rows, noise, lack } = part;
  const figures = figuresOf[experiment.measure];
  const heads = [
    'target',
    ...figures.map(figure => `${figureWords[figure].name} ${figureWords[figure].sign} to ${plain(baseline)}`),
    'pairs',
    'answers/s',
    'p99',
    'CPU/answer',
    'MiB',
  ];
  const told = rows.filter(({ target }) => target !== again.target);
  const blur = noiseShare(noise, figures[0]);
  const own = `noise of the machine ${blur === null ? `not measured (no ${again.target})` : share(blur)}`;
  const late = Math.max(0, ...rows.map(({ latenessUs }) => latenessUs ?? 0));
  const sender = late === 0 ? [] : [`the sender was late by ${time(late)} at the most (p99 of a round)`];
  const small = `<sub>${[signsExplained, own, ...sender].join('; ')}</sub>`;
  const cells = told.map(row => cellsOf(row, figures, part));
  const listed = [...besidePlain(part), ...failuresTold(part)].map(told => `- ${plain(told)}`);
  return [
    `**${plain(experiment.name)}**`,
    ...(lack === null ? [] : [`> ${plain(lack)}`]),
    table(heads, cells),
    small,
    ...(listed.length === 0 ? [] : [listed.join('\n')]),
  ].join('\n\n');
}

function cellsOf(row: RowSummary, figures: readonly Figure[], { baseline, noise, rounds }: Part): string[] {
  const flags = flagsOf(row, rounds);
  const pairs = pairsOf(row);
  const name = plain(row.target) + (flags.length === 0 ? '' : ` (${plain(flags.join(', '))})`);
  const figure = (value: Estimate | null, write: (value: number) => string) =>
    value === null || row.rounds === 0 ? '–' : write(value.value);
  const ratios = figures.map((each, at) => {
    if (row.ratios === null) return row.target === baseline ? '1' : '–';
    const value = row.ratios[each];
    const blur = isNoise(value, noiseShare(noise, each), pairs) ? '≈ ' : '';
    const short = `${blur}${ratio(value.value)}${pairs < 2 ? '' : ` (${interval(value, ratio)})`}`;
    return at === 0 ? `**${short}**` : short;
  });
  return [
    name,
    ...ratios,
    row.ratios === null ? '–' : promised(pairs),
    figure(row.perSecond, whole),
    figure(row.p99Us, time),
    figure(row.cpuUsPerAnswer, time),
    row.rssMiB === null ? '–' : digits(row.rssMiB),
  ];
}
