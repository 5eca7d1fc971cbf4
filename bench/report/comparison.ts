/** A comparison as people read it: text for a terminal, Markdown for a pull request, and the command. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Estimate } from '../model.ts';
import { ResultError, readResult } from '../schema.ts';
import { confidenceOf } from '../statistics.ts';
import { type Compared, type Comparison, compare, type Named, type Standing, type Verdict } from './compare.ts';
import { figureWords, interval, ratio, signsExplained, time, whole } from './format.ts';
import { plain, table } from './markdown.ts';

const signs: Readonly<Record<Verdict, string>> = { better: 'better', worse: 'worse', same: '≈' };

/** Of few pairs, with what its interval can promise. */
function estimated(value: Estimate, pairs: number): string {
  if (pairs < 2) return `${ratio(value.value)} (one pair)`;
  const confidence = confidenceOf(pairs);
  return `${ratio(value.value)} (${interval(value, ratio)}${confidence < 95 ? `, ${confidence} %` : ''})`;
}

/** `1.42 (1.38–1.47)`, and what it is to that of the first result. */
function cellsOf({ ratio: own, pairs, change, verdict }: Standing): string[] {
  const told = estimated(own, pairs);
  if (change === null || verdict === null) return [told];
  return [told, `${ratio(change.value)}× ${signs[verdict]}`];
}

function headsOf(names: readonly string[]): string[] {
  const [first = ''] = names;
  return names.flatMap((name, at) => (at === 0 ? [name] : [name, `to ${first}`]));
}

/** One block of rows, as both texts show it. */
interface Grid {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function gridsOf({ experiment, baseline, rows, absolutes }: Compared, names: readonly string[]): Grid[] {
  const ratios: Grid = {
    title: `${experiment.name}: ratios to ${baseline} of the same run`,
    heads: ['', 'figure', ...headsOf(names)],
    rows: rows.map(({ target, figure, standings }) => {
      const { name, sign } = figureWords[figure];
      return [target, `${name} ${sign}`, ...standings.flatMap(cellsOf)];
    }),
  };
  if (absolutes === null) return [ratios];
  const figures: Grid = {
    title: `${experiment.name}: figures, for the machines are of one class`,
    heads: ['', 'figure', ...names],
    rows: absolutes.flatMap(({ target, rows: own }) => [
      [target, 'answers/s', ...own.map(({ perSecond }) => whole(perSecond.value))],
      [target, 'p99', ...own.map(({ p99Us }) => time(p99Us.value))],
    ]),
  };
  return [ratios, figures];
}

/** Who stands here: a machine and a version for each name. */
function whoOf(results: readonly Named[]): Grid {
  return {
    title: '',
    heads: ['result', 'machine', 'processor', 'fsm', 'suite', 'measured'],
    rows: results.map(({ name, result: { machine, versions, suite, startedAt } }) => [
      name,
      machine.class,
      machine.cpu,
      versions.fsm ?? 'unknown',
      suite.name,
      startedAt.slice(0, 10),
    ]),
  };
}

const explained = [
  `A ratio stands with its 95 % interval, or with what one of so few pairs of rounds can promise; ${signsExplained}. × is a ratio to that of the first result;`,
  '≈ says that the intervals, or the noise of the machines, can be all of the difference.',
].join('\n');

function refusalsOf({ refusals }: Comparison): string[] {
  return refusals.map(({ what, why }) => (what === 'all' ? `refused: ${why}` : `refused: ${what}: ${why}`));
}

/** @returns the comparison for a terminal */
export function comparisonText(comparison: Comparison): string {
  const { results, experiments, remarks } = comparison;
  const refused = refusalsOf(comparison);
  if (experiments.length === 0) return `${['nothing is compared', ...refused].join('\n')}\n`;
  const names = results.map(({ name }) => name);
  const blocks = [
    aligned(whoOf(results)),
    ...experiments.flatMap(each => gridsOf(each, names)).map(aligned),
    explained,
    [...refused, ...remarks.map(remark => `note: ${remark}`)].join('\n'),
  ];
  return `${blocks.filter(block => block !== '').join('\n\n')}\n`;
}

/** Columns as wide as their widest cell, the first two at the left; a target is named once. */
function aligned({ title, heads, rows }: Grid): string {
  const told = rows.map((row, at) => (title !== '' && rows[at - 1]?.[0] === row[0] ? ['', ...row.slice(1)] : row));
  const lines = [heads, ...told];
  const widths = heads.map((_, at) => Math.max(...lines.map(line => [...(line[at] ?? '')].length)));
  const left = (at: number) => title === '' || at < 2;
  const laid = lines.map(line =>
    line
      .map((cell, at) => (left(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [...(title === '' ? [] : [title]), ...laid].join('\n');
}

/** @returns the comparison for a pull request */
export function comparisonMarkdown(comparison: Comparison): string {
  const { results, experiments, remarks } = comparison;
  const refused = refusalsOf(comparison).map(line => `- ${plain(line)}`);
  if (experiments.length === 0) return `**Nothing is compared**\n\n${refused.join('\n')}\n`;
  const names = results.map(({ name }) => name);
  const written = ({ title, heads, rows }: Grid) => {
    const cells = rows.map(row => row.map(plain));
    return [
      ...(title === '' ? [] : [`**${plain(title)}**`]),
      table(heads.map(plain), cells, title === '' ? heads.length : 2),
    ].join('\n\n');
  };
  const notes = [...refused, ...remarks.map(remark => `- ${plain(remark)}`)];
  const blocks = [
    written(whoOf(results)),
    ...experiments.flatMap(each => gridsOf(each, names)).map(written),
    explained,
    notes.join('\n'),
  ];
  return `${blocks.filter(block => block !== '').join('\n\n')}\n`;
}

/** Where the command writes, and in which form. */
export interface CompareOptions {
  readonly markdown?: boolean;
  readonly json?: boolean;
  print?(text: string): void;
  complain?(text: string): void;
}

/**
 * Compares result files, named by their paths, and prints what came of it.
 *
 * @returns 0 when something was compared; 2 when the whole was refused or a file is no result
 */
export function compareCommand(files: readonly string[], options: CompareOptions = {}): number {
  const { print = console.log, complain = console.error } = options;
  const read = files.map((file, at) => readNamed(file, nameOf(files, at)));
  const broken = read.flatMap(each => (typeof each === 'string' ? [each] : []));
  if (broken.length > 0) {
    complain(broken.join('\n'));
    return 2;
  }
  const comparison = compare(read.flatMap(each => (typeof each === 'string' ? [] : [each])));
  const text = textOf(comparison, options);
  const refused = comparison.experiments.length === 0;
  (refused ? complain : print)(text.trimEnd());
  return refused ? 2 : 0;
}

function textOf(comparison: Comparison, { markdown, json }: CompareOptions): string {
  // Of the results themselves, who they are: their rounds are in their files.
  const named = comparison.results.map(({ name, result: { machine, versions } }) => ({ name, machine, versions }));
  if (json) return JSON.stringify({ ...comparison, results: named });
  return markdown ? comparisonMarkdown(comparison) : comparisonText(comparison);
}

/** The name of a file, or its whole path where two have the same name. */
function nameOf(files: readonly string[], at: number): string {
  const names = files.map(file => basename(file, '.json'));
  const own = names[at] ?? '';
  return names.filter(name => name === own).length > 1 ? (files[at] ?? own) : own;
}

function readNamed(file: string, name: string): Named | string {
  try {
    return { name, result: readResult(readFileSync(file, 'utf8')) };
  } catch (error) {
    if (error instanceof ResultError) return `${file}: ${error.message}`;
    const why = error instanceof Error ? error.message : String(error);
    return `${file}: it cannot be read (${why}). Fix: give the path of a result file`;
  }
}
