/** The harness measures the mesh's Node sidecars on arm64; a figure of emulation is compared with nothing. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Result } from '../../bench/model.ts';
import { compare } from '../../bench/report/compare.ts';
import { syntheticResult } from '../bench/report/synthetic.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, '..', '..', 'bench', 'main.ts');

let dir = '';
let result: Result;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-arm64-'));
  const point = { targets: ['direct', 'node-pair'], connections: [2], payloadBytes: [64] };
  const throughput = { protocol: 'http1', measure: 'throughput', ...point };
  const latency = { protocol: 'http1', measure: 'latency', rate: [20], ...point, targets: ['direct'] };
  const experiments = [throughput, latency];
  const suite = join(dir, 'suite.json');
  await writeFile(suite, JSON.stringify({ name: 'arm64', rounds: 1, seconds: 2, experiments }));
  const { stdout } = await run(process.execPath, [main, suite, '--json', '--output', join(dir, 'run'), '--continue']);
  result = JSON.parse(stdout) as Result;
});

afterAll(() => rm(dir, { recursive: true }));

test('measures through two sidecars', () => {
  expect(result.machine).toMatchObject({ arch: 'arm64', platform: 'linux' });
  expect(result.state).toBe('whole');
  const rounds = result.rounds.filter(({ experiment }) => experiment.includes('throughput'));
  expect(rounds.map(({ target, void: why }) => [target, why])).toEqual([
    ['direct', null],
    ['node-pair', null],
  ]);
});

test('sends by a timetable, on time or known to be late', () => {
  const timed = result.rounds.filter(({ experiment }) => experiment.includes('latency'));
  expect(timed.length).toBeGreaterThan(0);
  for (const { void: why, load } of timed) {
    expect(load).toMatchObject({ wrong: 0, broken: 0 });
    expect(load?.answers).toBeGreaterThan(0);
    expect(why === null || why.startsWith('the sender was late')).toBe(true);
  }
});

test('takes up a run whose journal has not all of its rounds', async () => {
  const journal = join(dir, 'run', 'rounds.jsonl');
  const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
  const last = lines.pop() ?? '';
  await writeFile(journal, `${lines.join('\n')}\n${last.slice(0, 100)}`);
  const { stdout } = await run(process.execPath, [
    main,
    join(dir, 'suite.json'),
    '--output',
    join(dir, 'run'),
    '--continue',
    '--json',
  ]);
  const { state, rounds } = JSON.parse(stdout) as Result;
  expect(state).toBe('whole');
  expect(rounds[0]).toEqual(result.rounds[0]);
  expect(new Set(rounds.map(({ experiment, target }) => `${experiment} ${target}`)).size).toBe(3);
});

test('an emulated result is known as one, and refused beside one of a real machine', context => {
  if (process.env.FSM_EMULATED === undefined) context.skip('this arm64 is no emulation');
  expect(result.machine.virtualisation).toBe('qemu-user');
  const { experiments, refusals } = compare([
    { name: 'x64', result: syntheticResult() },
    { name: 'arm64', result },
  ]);
  expect(experiments).toEqual([]);
  expect(refusals[0]?.why).toContain('whose speed is no speed');
});
