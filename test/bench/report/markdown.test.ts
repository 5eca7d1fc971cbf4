/** The table of a pull request. `UPDATE_GOLDEN=1` rewrites what it is held against. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { markdown, plain } from '../../../bench/report/markdown.ts';
import { experiments, syntheticResult, troubled } from './synthetic.ts';

const golden = join(import.meta.dirname, 'testdata/run.md');

test('a run is told as it was', () => {
  const text = markdown(syntheticResult({ seconds: 4, change: troubled }));
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, text);
  expect(text).toBe(readFileSync(golden, 'utf8'));
});

test('no name becomes markup, a column or a mention', () => {
  expect(plain('<script>|`x`|\n@all [a](b) *c* _d_')).toBe(
    '&#60;script&#62;\\|\\`x\\`\\| &#64;all \\[a\\](b) \\*c\\* \\_d\\_',
  );
  const [experiment = expect.fail()] = experiments;
  const text = markdown(
    syntheticResult({ seconds: 1, experiments: [{ ...experiment, targets: ['direct', '<script>|@all'] }] }),
  );
  expect(text).not.toMatch(/<script|@all/);
  expect(text).toContain('| &#60;script&#62;\\|&#64;all | **');
});

test('a run that is no measurement says so first', () => {
  const [experiment = expect.fail()] = experiments;
  const result = syntheticResult({
    seconds: 1,
    rounds: 1,
    experiments: [experiment],
    machine: { virtualisation: 'qemu-user' },
    change: round => (round.target === 'envoy' ? { ...round, void: 'the target died' } : round),
  });
  const text = markdown({ ...result, state: 'stopped: SIGINT' });
  expect(text).toContain('> **The run ended early: stopped: SIGINT.**');
  expect(text).toContain('\n- envoy failed in 1 round: the target died\n');
  expect(text).toContain('> **Measured under emulation (qemu-user): no figure is a speed.**');
  expect(text).toContain('| envoy (no round counts, failed in 1 round) | – | – | – | – | – | – | – | – |');
});

test('a run without the baseline of an experiment says why there are no ratios', () => {
  const [experiment = expect.fail()] = experiments;
  const result = syntheticResult({
    seconds: 1,
    experiments: [{ ...experiment, targets: ['nginx', 'envoy'] }],
  });
  const without = <T extends { readonly target: string }>(all: readonly T[]) =>
    all.filter(each => each.target !== 'nginx');
  const { rounds, summary } = result;
  const skips = [{ target: 'nginx', why: 'the PATH has none' }];
  const text = markdown({ ...result, skips, rounds: without(rounds), summary: without(summary) });
  expect(text).toContain('> There are no ratios: the baseline nginx was not measured (the PATH has none).');
});
