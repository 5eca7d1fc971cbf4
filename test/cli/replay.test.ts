import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { oracle } from '../../src/admin/decisions.ts';
import { renewed } from '../../src/engine/export.ts';
import { parseHistory } from '../../src/engine/history.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const recorded = join(import.meta.dirname, '../histories/bookstore-split.jsonl');
const dir = mkdtempSync(join(tmpdir(), 'fsm-cli-'));
const journal = join(dir, 'journal.db');

beforeAll(async () => {
  await renewed(parseHistory(readFileSync(recorded, 'utf8')), { file: journal, threads: 0, oracle });
});
afterAll(() => rmSync(dir, { recursive: true }));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function replay(...args: readonly string[]): Promise<Result> {
  return new Promise(resolve => {
    execFile(process.execPath, [main, 'replay', ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('a text is held against what it says it led to', async () => {
  const { code, stdout } = await replay(recorded);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^journal {3}\S+\nrevision {2}\d+\nsnapshot {2}\S{32}\n/);
  expect(stdout).toMatch(/as recorded after each of \d+ outcomes: hashes and decisions\n$/);
});

test('a journal becomes a text that only its owner may read, with the events that it was made of', async () => {
  const text = join(dir, 'exported.jsonl');
  const { stdout } = await replay(journal, '--export', text);
  expect(stdout).toMatch(/^\d+ events and what they led to, \d+ times: /);
  expect(statSync(text).mode & 0o777).toBe(0o600);
  const [first, second] = [recorded, text].map(file => parseHistory(readFileSync(file, 'utf8')));
  expect(second?.events).toEqual(first?.events);
  expect((await replay(text)).code).toBe(0);
});

test('a text that leads elsewhere: where, on both outputs, and exit code 1', async () => {
  const file = join(dir, 'changed.jsonl');
  writeFileSync(file, readFileSync(recorded, 'utf8').replace('"weight":50', '"weight":49'));
  const { code, stdout, stderr } = await replay(file);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^FSM5003: after revision (\d+) the snapshot is "\S+", expected was "\S+", and \d+ more/);
  const revision = /revision (\d+)/.exec(stderr)?.[1];
  expect(stdout).toMatch(/^REVISION +WHAT +EXPECTED +FOUND\n/);
  expect(stdout).toContain(`${revision}        the configuration of bookbuyer/bookbuyer-1`);
  const { divergences } = JSON.parse((await replay(file, '-o', 'json')).stdout) as {
    divergences: { revision: number }[];
  };
  expect(divergences.every(each => String(each.revision) === revision)).toBe(true);
});

test.each([
  ['a file that is not there', ['nowhere.db'], 1, /^FSM5001: nowhere.db cannot be opened/],
  ['a text of something else', [join(import.meta.dirname, '../../package.json')], 1, /^FSM5001: line 1 of the history/],
  ['an export of a text', [recorded, '--export', 'x'], 2, /^FSM6003: .* is a text already/],
  ['an export to nowhere', [journal, '--export', join(dir, 'no', 'where')], 2, /^FSM6003: .* cannot be written/],
])('%s is refused', async (_, args, code, message) => {
  const result = await replay(...args);
  expect(result.stderr).toMatch(message);
  expect(result.code).toBe(code);
});
