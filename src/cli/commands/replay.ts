/**
 * `fsm replay <file>`: folds what was recorded again and prints the hashes that it leads to. The file is a journal, or
 * the text of one (`--export`), which is held against what it says it led to.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Divergence } from '../../engine/divergence.ts';
import type { HistoryResult } from '../../engine/export.ts';
import type { ReplayResult } from '../../engine/replay.ts';
import { usage } from '../failure.ts';
import { type OutputOptions, outputOption } from '../options.ts';
import { type Format, print, table } from '../output.ts';

interface ReplayOptions extends OutputOptions {
  readonly threads: string;
  readonly export?: string;
}

/** Differences that a screen shows; JSON and YAML have all of them. */
const shownMax = 20;

/** The command, with its options; exits with 1 when a replay differs (FSM5003). */
export function replayCommand(): Command {
  return new Command('replay')
    .description('fold a recorded journal again: equal hashes mean equal snapshots and configurations')
    .argument('<file>', 'a journal, such as .fsm/state/journal.db, or the text of one')
    .option('--threads <count>', 'worker threads that derive', '0')
    .option('--export <text>', 'write the journal as a text that can be sent and replayed elsewhere')
    .addOption(outputOption('json', 'yaml'))
    .action(run);
}

async function run(file: string, { threads, output, ...options }: ReplayOptions): Promise<void> {
  if (!/^\d{1,3}$/.test(threads)) throw usage(`${threads} is no number of threads`, 'give --threads a whole number');
  const count = Number(threads);
  if (isText(file)) {
    if (options.export !== undefined) throw usage(`${file} is a text already`, 'leave --export out');
    return replayText(file, count, output);
  }
  if (options.export !== undefined) return exportTo(options.export, file, count, output);
  const { replay } = await import('../../engine/replay.ts');
  const result = await shown(output, 'Replaying', replay(file, { threads: count }));
  print(output, result, () => summary(result));
}

async function replayText(file: string, threads: number, output: Format): Promise<void> {
  const { parseHistory } = await import('../../engine/history.ts');
  const { replayHistory } = await import('../../engine/export.ts');
  const { oracle } = await import('../../admin/decisions.ts');
  const history = parseHistory(readFileSync(file, 'utf8'));
  const dir = mkdtempSync(join(tmpdir(), 'fsm-replay-'));
  try {
    const way = { file: join(dir, 'journal.db'), threads, oracle };
    const result = await shown(output, 'Replaying', replayHistory(history, way));
    print(output, result, () => `${summary(result)}\n\n${compared(result)}`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function exportTo(target: string, file: string, threads: number, output: Format): Promise<void> {
  const { exportHistory } = await import('../../engine/export.ts');
  const { historyText } = await import('../../engine/history.ts');
  const { oracle } = await import('../../admin/decisions.ts');
  const history = await shown(output, 'Exporting', exportHistory({ file, threads, oracle }));
  writePrivately(target, historyText(history));
  const written = { file: target, events: history.events.length, outcomes: history.outcomes.length };
  print(output, written, () => `${written.events} events and what they led to, ${written.outcomes} times: ${target}`);
}

/** It names what runs in the cluster, and where: whoever exports it decides who else may read it. */
function writePrivately(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usage(`${file} cannot be written: ${why}`, 'name a file in a folder that you may write to');
  }
}

/** Tells SQLite from text by the first byte; what cannot be opened is left to the journal to complain about. */
function isText(file: string): boolean {
  const first = Buffer.alloc(1);
  try {
    const descriptor = openSync(file, 'r');
    try {
      return readSync(descriptor, first) === 1 && first.toString() === '{';
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}

/** Waits, and shows where a replay differs before it fails. */
async function shown<T>(output: Format, what: string, work: Promise<T>): Promise<T> {
  const { withProgress } = await import('../progress.ts');
  const { DivergenceError, subjectOf } = await import('../../engine/divergence.ts');
  try {
    return await withProgress(what, work);
  } catch (error) {
    if (error instanceof DivergenceError)
      print(output, { problem: error.problem, divergences: error.divergences }, () =>
        differences(error.divergences, subjectOf),
      );
    throw error;
  }
}

function differences(all: readonly Divergence[], subjectOf: (divergence: Divergence) => string): string {
  const rows = all
    .slice(0, shownMax)
    .map(each => [`${each.revision}`, subjectOf(each), each.expected ?? '-', each.found ?? '-']);
  const more = all.length > shownMax ? `\n… and ${all.length - shownMax} more: see -o json` : '';
  return table(['REVISION', 'WHAT', 'EXPECTED', 'FOUND'], rows) + more;
}

function summary({ journal, revision, snapshot, roots }: ReplayResult): string {
  const proxies = table(['PROXY', 'CONFIG'], Object.entries(roots));
  return `journal   ${journal}\nrevision  ${revision}\nsnapshot  ${snapshot}\n\n${proxies}`;
}

function compared({ outcomes, byHash }: HistoryResult): string {
  const how = byHash ? 'hashes and decisions' : 'decisions only, for it was recorded by another derive version';
  return `as recorded after each of ${outcomes} outcomes: ${how}`;
}
