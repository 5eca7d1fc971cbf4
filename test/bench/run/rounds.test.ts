import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Experiment, LoadResult, Round } from '../../../bench/model.ts';
import { Journal } from '../../../bench/run/journal.ts';
import { Keeper } from '../../../bench/run/keeper.ts';
import { machineHere } from '../../../bench/run/machine.ts';
import { rules, runSuite } from '../../../bench/run/rounds.ts';
import type { Target } from '../../../bench/targets/target.ts';

const experiment: Experiment = {
  name: 'http1 latency',
  protocol: 'http1',
  measure: 'latency',
  targets: ['direct', 'other'],
  connections: 1,
  rate: 100,
  payloadBytes: 64,
};

const distribution = { count: 100, meanUs: 1, p50Us: 1, p90Us: 1, p99Us: 5000, p999Us: 1, maxUs: 1, histogram: '' };
const late: LoadResult = {
  answers: 100,
  wrong: 0,
  broken: 0,
  unanswered: 0,
  seconds: 1,
  busy: 0,
  complaints: [],
  urgent: false,
  latency: distribution,
  lateness: distribution,
};

/** A target that is only asked to start: what is run is seen by that. */
const target = (name: string): Target => ({
  name,
  title: name,
  protocols: ['http1'],
  find: async () => ({ version: '1' }),
  start: async () => Promise.reject(new Error('not here')),
});

let dir = '';
let keeper: Keeper;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-bench-test-'));
  keeper = new Keeper();
});

afterEach(async () => {
  await keeper.close();
  await rm(dir, { recursive: true });
});

/** Turns that are run where the journal has three late rounds of the baseline for each of these. */
async function turnsAfter(...hopeless: readonly number[]): Promise<readonly string[]> {
  const suite = { name: 'test', rounds: 3, seconds: 1, experiments: [experiment] };
  const head = { suite, startedAt: '', machine: machineHere(), versions: {}, rules, skips: [] };
  const journal = Journal.begin(join(dir, 'rounds.jsonl'), head);
  const base = {
    experiment: experiment.name,
    target: 'direct',
    at: '',
    void: 'late',
    clientBound: false,
    processes: [],
  };
  for (const round of hopeless)
    for (let tries = 0; tries < 3; tries++) journal.append({ ...base, round, load: late } satisfies Round);
  const ran: string[] = [];
  await runSuite({
    suite,
    targets: new Map(['direct', 'other'].map(name => [name, target(name)])),
    journal,
    keeper,
    cores: null,
    dir,
    network: '127.63',
    signal: new AbortController().signal,
    onRound: ({ target, round }) => ran.push(`${target} ${round}`),
  });
  journal.close();
  return ran;
}

it('leaves out a round whose baseline could not be sent to in time', async () => {
  expect(await turnsAfter(1)).toEqual(['direct 2', 'other 2', 'direct 3', 'other 3']);
});

it('leaves out an experiment with two of them', async () => {
  expect(await turnsAfter(1, 2)).toEqual([]);
});
