import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readJournal } from '../../../bench/run/journal.ts';
import { readResult } from '../../../bench/schema.ts';

const main = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));
const suite = {
  name: 'tiny',
  rounds: 2,
  seconds: 0.2,
  experiments: [
    {
      protocol: 'http1',
      measure: 'throughput',
      targets: ['direct', 'direct-again'],
      connections: [2],
      payloadBytes: [64],
    },
  ],
};

let dir = '';
let file = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-bench-test-'));
  file = join(dir, 'suite.json');
  await writeFile(file, JSON.stringify(suite));
});

afterEach(() => rm(dir, { recursive: true }));

interface Bench {
  readonly child: ChildProcess;
  readonly ended: Promise<number>;
  readonly lines: AsyncIterable<string>;
}

/** Everything that a run starts has this in its environment's PATH, and so can be found. */
const marker = (): string => `${dir}/no-programs-here`;

function bench(...args: string[]): Bench {
  return benchWith({}, ...args);
}

function benchWith(extra: NodeJS.ProcessEnv, ...args: string[]): Bench {
  const env = { ...process.env, ...extra, PATH: `${marker()}:${process.env.PATH}` };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'close').then(([code]) => code as number);
  return { child, ended, lines: createInterface({ input: child.stderr as NodeJS.ReadableStream }) };
}

/** Processes that a run has started and that are still there. */
function leftOver(): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker());
    } catch {
      return false;
    }
  });
}

async function nothingLeft(): Promise<void> {
  while (leftOver().length > 0) await new Promise(resolve => setImmediate(resolve));
}

/** What a run says to its end, which must come with this exit code. */
async function told(code: number, ...args: string[]): Promise<string> {
  const { lines, ended } = bench(...args);
  const text: string[] = [];
  for await (const line of lines) text.push(line);
  expect(await ended).toBe(code);
  return text.join('\n');
}

/** Resolves when the first round is over. */
async function firstRound(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) if (line.includes('round 1')) return;
}

it('measures a suite, and is stopped and taken up again without loss', { timeout: 60_000 }, async () => {
  const run = join(dir, 'run');
  const first = bench(file, '--output', run);
  await firstRound(first.lines);
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(130);
  await nothingLeft();
  const before = readJournal(join(run, 'rounds.jsonl')).rounds;
  expect(before.length).toBeGreaterThan(0);
  expect(readResult(readFileSync(join(run, 'result.json'), 'utf8')).state).toBe('stopped by SIGINT');

  const second = bench('--resume', run);
  for await (const _ of second.lines);
  expect(await second.ended).toBe(0);
  await nothingLeft();
  const result = readResult(readFileSync(join(run, 'result.json'), 'utf8'));
  expect(result.state).toBe('whole');
  expect(result.rounds.slice(0, before.length)).toEqual(before);
  expect(result.summary.map(({ target }) => target)).toEqual(['direct', 'direct-again']);
  const page = readFileSync(join(run, 'report.html'), 'utf8');
  expect(page).toContain('tiny');

  // What is kept of a release has no journal.
  await rm(join(run, 'rounds.jsonl'));
  await rm(join(run, 'report.html'));
  await told(0, 'report', run);
  expect(readFileSync(join(run, 'report.html'), 'utf8')).toBe(page);
});

it('leaves no process when it is killed, keeps its rounds and goes on with them', { timeout: 60_000 }, async () => {
  const run = join(dir, 'run');
  const killed = bench(file, '--output', run);
  await firstRound(killed.lines);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await nothingLeft();
  const before = readJournal(join(run, 'rounds.jsonl')).rounds;
  expect(before.length).toBeGreaterThan(0);

  expect(await told(2, file, '--output', run)).toContain(`${run} has a run already`);
  expect(await told(2, file, '--output', run, '--continue', '--rounds', '3')).toContain('the suite of');
  await told(0, file, '--output', run, '--continue');
  const result = readResult(readFileSync(join(run, 'result.json'), 'utf8'));
  expect(result.state).toBe('whole');
  expect(result.rounds.slice(0, before.length)).toEqual(before);
});

it('leaves no process when it is killed while it asks for versions', async () => {
  const [hung, asked] = [join(dir, 'pipy'), join(dir, 'asked')];
  await writeFile(hung, `#!/bin/sh\ntouch ${asked}\nsleep 1000\n`, { mode: 0o755 });
  const killed = benchWith({ PIPY_BIN: hung }, file, '--output', join(dir, 'run'));
  while (!existsSync(asked)) await new Promise(resolve => setImmediate(resolve));
  killed.child.kill('SIGKILL');
  await killed.ended;
  await nothingLeft();
});

it('says in its report why it could not begin', async () => {
  const run = join(dir, 'run');
  const { lines, ended } = benchWith({ TMPDIR: join(dir, 'nowhere') }, file, '--output', run);
  for await (const _ of lines);
  expect(await ended).toBe(1);
  expect(readResult(readFileSync(join(run, 'result.json'), 'utf8')).state).toContain('ENOENT');
});

it('says what is wrong with what it is asked', { timeout: 60_000 }, async () => {
  expect(await told(2, 'no-such-suite')).toContain(
    'there is no suite no-such-suite: name one of quick, full, or a file',
  );
  for (const rounds of ['many', '2.5', '0'])
    expect(await told(2, file, '--rounds', rounds)).toContain(`--rounds is ${rounds}: give a whole number above 0`);
  expect(await told(2, file, '--targets', 'direct,ngnix')).toMatch(/^--targets: there is no target "ngnix": name some/);
  expect(await told(2, file, '--label', 'x')).toBe('--label is x: give <name>=<value>');
  // A line and no stack.
  expect(await told(2, '--no-such')).toMatch(/^Unknown option '--no-such'.*$/);
  expect(await told(2, '--resume', join(dir, 'nowhere'))).toContain('ENOENT');
});

it('ends with 1 where no round counts, but not for who would start it again for ever', {
  timeout: 60_000,
}, async () => {
  const { experiments, ...rest } = suite;
  const rushed = experiments.map(each => ({ ...each, measure: 'latency', rate: [500_000] }));
  await writeFile(file, JSON.stringify({ ...rest, rounds: 1, experiments: rushed }));
  const run = join(dir, 'run');
  expect(await told(1, file, '--output', run)).toContain('no round counts: http1 latency');
  expect(await told(0, file, '--output', run, '--continue')).toContain('no round counts: http1 latency');
});
