/** The files of a run, made from its journal: the result, the page, and the table for a pull request. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../model.ts';
import { markdown } from '../report/markdown.ts';
import { page } from '../report/page.ts';
import { readResult } from '../schema.ts';
import { summarise } from '../statistics.ts';
import { type Found, readJournal } from './journal.ts';

/** File of the journal in a run's directory. */
export const journalFile = 'rounds.jsonl';

/** Everything that a run measured. @param state `whole`, or why it ended early */
export function resultOf({ head, rounds }: Found, state: string, endedAt: string): Result {
  return { schema: 'fsm-bench/1', ...head, endedAt, state, rounds, summary: summarise(head.suite, rounds) };
}

/** What a directory has of a run: its journal, or the result alone, as it is kept of a release. */
function foundIn(dir: string): Found {
  const journal = join(dir, journalFile);
  if (existsSync(journal)) return readJournal(journal);
  const { rounds, ...head } = readResult(readFileSync(join(dir, 'result.json'), 'utf8'));
  return { head, rounds };
}

/** Makes the files of a directory again. @throws Error when they cannot be written; the journal stays */
export function writeResult(dir: string, state: string, endedAt: string): Result {
  const result = resultOf(foundIn(dir), state, endedAt);
  write(join(dir, 'result.json'), `${JSON.stringify(result)}\n`);
  write(join(dir, 'report.html'), page(result));
  write(join(dir, 'report.md'), markdown(result));
  return result;
}

/** All of it or nothing: what has no room does not take what is left of it. */
function write(path: string, text: string): void {
  const part = `${path}.new`;
  try {
    writeFileSync(part, text);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
