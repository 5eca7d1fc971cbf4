/** What a result file is. `UPDATE_GOLDEN=1` rewrites the published copy of the schema. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Static } from 'typebox';
import { expect, test } from 'vitest';
import type { Result } from '../../../bench/model.ts';
import { ResultError, readResult, resultSchema } from '../../../bench/schema.ts';
import { experiments, syntheticResult } from './synthetic.ts';

const file = join(import.meta.dirname, '../../../bench/report/result.schema.json');

/** JSON as the formatter of this repository lays it out: a list of words stands on one line where it fits. */
function published(): string {
  const spread = `${JSON.stringify(resultSchema, null, 2)}\n`;
  return spread.replace(/^( *)(.*)\[\n([^[\]{}]*)\n *\](,?)$/gm, (whole, indent, key, items, comma) => {
    const line = `${indent}${key}[${items
      .trim()
      .split(/\s*\n\s*/)
      .join(' ')}]${comma}`;
    return line.length <= 120 ? line : whole;
  });
}

const result = syntheticResult({ rounds: 2, seconds: 1, experiments: experiments.slice(0, 1) });

/** The result with one field replaced, by its path. */
function broken(path: string, value: unknown): string {
  const copy = JSON.parse(JSON.stringify(result));
  const parts = path.split('/').slice(1);
  const last = parts.pop() ?? '';
  const place = parts.reduce((at, part) => at[part], copy);
  if (value === undefined) delete place[last];
  else place[last] = value;
  return JSON.stringify(copy);
}

function faultsOf(source: string): readonly string[] {
  try {
    readResult(source);
  } catch (error) {
    if (error instanceof ResultError) return error.faults.map(({ path, what }) => `${path}: ${what}`);
    throw error;
  }
  return [];
}

test('the published schema is the one that is used', () => {
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, published());
  expect(published()).toBe(readFileSync(file, 'utf8'));
});

test('a result comes back as it was', () => {
  expect(readResult(JSON.stringify(result))).toEqual(result);
});

test('what the schema says and what the model says are the same', () => {
  const told: Frozen<Static<typeof resultSchema>> = result;
  const meant: Result = result as Static<typeof resultSchema>;
  expect(told).toBe(meant);
});

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

test.each([
  ['/machine/cores', 'four', '/machine/cores: cores is "four", and has to be a whole number from 1'],
  ['/suite/experiments/0/measure', 'speed', '/suite/experiments/0/measure: measure is "speed", and has to be one of'],
  ['/rounds/1/load/latency/p99Us', null, '/rounds/1/load/latency/p99Us: p99Us is null, and has to be a number from 0'],
  ['/rounds/0/load/answers', -1, '/rounds/0/load/answers: answers is -1'],
  ['/rounds/3/void', undefined, '/rounds/3/void: void is missing'],
  ['/summary/2/ratios/p99', 1.5, '/summary/2/ratios/p99: p99 is 1.5, and has to be a mapping'],
  ['/versions/fsm', 1, '/versions/fsm: fsm is 1, and has to be text'],
  ['/startedAt', 'yesterday', '/startedAt: startedAt is "yesterday"'],
  ['/rounds/0/experiment', 'other', '/rounds/0/experiment: "other" is no experiment of the suite'],
  ['/summary/1/target', 'other', '/summary/1/target: "other" is no target of experiment "http1 latency'],
  ['/rounds/7/round', 1, '/rounds/7/round: round 1 is there twice'],
])('%s = %j is found, with its path', (path, value, fault) => {
  const found = faultsOf(broken(path, value));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(fault);
});

test('a round that did not count may be there again', () => {
  const [first, ...rest] = result.rounds;
  if (first === undefined) throw new Error('no round');
  const again = { ...result, rounds: [{ ...first, void: 'late' }, { ...first, void: 'late' }, first, ...rest] };
  expect(readResult(JSON.stringify(again)).rounds).toHaveLength(result.rounds.length + 2);
});

test('an experiment that is there twice is found', () => {
  const twice = syntheticResult({
    rounds: 1,
    seconds: 1,
    experiments: [experiments[0], experiments[0]].flatMap(e => e ?? []),
  });
  expect(faultsOf(JSON.stringify(twice))[0]).toContain('/suite/experiments/0/name');
});

test('another schema is told before anything else', () => {
  expect(faultsOf(broken('/schema', 'fsm-bench/2'))).toEqual([
    '/schema: schema is "fsm-bench/2", and this program reads fsm-bench/1',
  ]);
  expect(faultsOf('{"cores": 2}')[0]).toContain('schema is missing');
  expect(faultsOf('{"cores":')[0]).toContain('it is not JSON');
});

test('the message says where, what and how to mend it', () => {
  expect(() => readResult(broken('/machine/cores', 0))).toThrow(
    '/machine/cores: cores is 0, and has to be a whole number from 1. Fix: write a whole number from 1',
  );
});
