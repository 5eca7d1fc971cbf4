import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Round } from '../../../bench/model.ts';
import { type Head, Journal, readJournal } from '../../../bench/run/journal.ts';
import { machineHere } from '../../../bench/run/machine.ts';

let dir = '';
let path = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-bench-test-'));
  path = join(dir, 'rounds.jsonl');
});

afterEach(() => rm(dir, { recursive: true }));

const head: Head = {
  suite: { name: 'test', rounds: 2, seconds: 1, experiments: [] },
  startedAt: '2026-01-01T00:00:00.000Z',
  machine: machineHere(),
  versions: { fsm: '0.1.0-abc' },
  rules: [],
  skips: [],
};

const round = (at: number): Round => ({
  experiment: 'e',
  target: 'direct',
  round: at,
  at: '2026-01-01T00:00:00.000Z',
  void: null,
  clientBound: false,
  load: null,
  processes: [],
});

it('keeps every round, and goes on where it was', () => {
  const first = Journal.begin(path, head);
  first.append(round(1));
  first.close();
  const second = Journal.resume(path, head);
  expect(second.rounds).toEqual([round(1)]);
  second.append(round(2));
  second.close();
  expect(readJournal(path)).toEqual({ head, rounds: [round(1), round(2)] });
});

it('takes no notice of a line that was cut off, and writes over it', () => {
  const first = Journal.begin(path, head);
  first.append(round(1));
  first.close();
  appendFileSync(path, JSON.stringify(round(2)).slice(0, 40));
  expect(readJournal(path).rounds).toEqual([round(1)]);
  const second = Journal.resume(path, head);
  second.append(round(2));
  second.close();
  expect(readJournal(path).rounds).toEqual([round(1), round(2)]);
});

it('refuses to begin where there is one, to go on with another version or machine, and to read an empty one', () => {
  Journal.begin(path, head).close();
  expect(() => Journal.begin(path, head)).toThrow('EEXIST');
  expect(() => Journal.resume(path, { ...head, versions: { fsm: '0.1.0-def' } })).toThrow(
    /the versions of .* is \{"fsm":"0.1.0-abc"\}, here it is \{"fsm":"0.1.0-def"\}: begin a new run/,
  );
  expect(() => Journal.resume(path, { ...head, machine: { ...head.machine, cores: 999 } })).toThrow('the machine of');
  writeFileSync(path, '');
  expect(() => readJournal(path)).toThrow('is empty: begin a new run');
});

it('begins anew over what has no whole head, and goes on with the rest, when it is to continue', () => {
  Journal.continue(path, head).close();
  const second = Journal.continue(path, head);
  second.append(round(1));
  second.close();
  const third = Journal.continue(path, head);
  expect(third.rounds).toEqual([round(1)]);
  third.close();
  for (const torn of ['', JSON.stringify(head).slice(0, 30)]) {
    writeFileSync(path, torn);
    const anew = Journal.continue(path, { ...head, startedAt: 'later' });
    anew.append(round(2));
    anew.close();
    expect(readJournal(path)).toEqual({ head: { ...head, startedAt: 'later' }, rounds: [round(2)] });
  }
});

it('says which line is broken', () => {
  const journal = Journal.begin(path, head);
  journal.append(round(1));
  journal.close();
  appendFileSync(path, `{"round\n${JSON.stringify(round(2))}\n`);
  expect(() => readJournal(path)).toThrow(`${path}: line 3 is broken (`);
  expect(() => Journal.resume(path, head)).toThrow('take it out, or begin a new run');
});

it('is written to by one process at a time; one that is gone holds nobody up', () => {
  const first = Journal.begin(path, head);
  expect(() => Journal.resume(path, head)).toThrow(`process ${process.pid} is at work on it`);
  expect(() => Journal.continue(path, head)).toThrow('wait for its end, or stop it');
  first.close();
  expect(existsSync(`${path}.lock`)).toBe(false);
  // The number of a process that lives, but was started at another time.
  for (const left of [`${process.pid} 1`, '']) {
    writeFileSync(`${path}.lock`, left);
    Journal.resume(path, head).close();
  }
});

it('holds no round that could not be written, and loses none that was', () => {
  const journal = Journal.begin(path, head);
  journal.append(round(1));
  journal.close();
  expect(() => journal.append(round(2))).toThrow('EBADF');
  expect(journal.rounds).toEqual([round(1)]);
  expect(readJournal(path).rounds).toEqual([round(1)]);
});
