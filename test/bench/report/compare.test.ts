/** What may stand side by side, what is refused and why, and that ratios are all that crosses from machine to machine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Experiment, Result, Round } from '../../../bench/model.ts';
import { type Comparison, compare } from '../../../bench/report/compare.ts';
import {
  type CompareOptions,
  compareCommand,
  comparisonMarkdown,
  comparisonText,
} from '../../../bench/report/comparison.ts';
import { characters, experiments, type Options, syntheticResult } from './synthetic.ts';

const [http = expect.fail(), closed = expect.fail()] = experiments;
const targets = ['direct', 'direct-again', 'nginx', 'pipy-pair'];
const small: Experiment = { ...http, targets };
const other: Experiment = { ...closed, targets };
const arm = { arch: 'arm64', cpu: 'Neoverse-N1', class: 'arm64-4c-Neoverse-N1' };

const result = (options: Options = {}): Result =>
  syntheticResult({ seconds: 1, rounds: 5, experiments: [small, other], ...options });
const x64 = result();
const slower = { ...characters, nginx: { ...(characters.nginx ?? expect.fail()), slower: 3 } };
const arm64 = result({ seed: 8, slowness: 2, machine: arm, characters: slower });

const pair = (a: Result, b: Result): Comparison =>
  compare([
    { name: 'x64', result: a },
    { name: 'arm64', result: b },
  ]);
const whys = (comparison: Comparison) => comparison.refusals.map(({ what, why }) => `${what}: ${why}`);
const only = (experiment: Experiment, change?: (round: Round) => Round) =>
  result({ experiments: [experiment], ...(change === undefined ? {} : { change }) });

const withApp = (of: Result, direct: string): Result => ({ ...of, versions: { ...of.versions, direct } });

describe('two machines', () => {
  const comparison = pair(x64, arm64);

  test('are compared by what each is to its own baseline', () => {
    const standing = (target: string, at: number) =>
      comparison.experiments[0]?.rows.find(row => row.target === target && row.figure === 'p99')?.standings[at];
    expect(standing('pipy-pair', 0)).toMatchObject({ change: null, verdict: null });
    expect(standing('pipy-pair', 1)?.verdict).toBe('same');
    expect(standing('nginx', 1)?.verdict).toBe('worse');
    const [first, second] = [standing('nginx', 0), standing('nginx', 1)];
    expect(second?.change?.value).toBeCloseTo((second?.ratio.value ?? 0) / (first?.ratio.value ?? 1));
    expect(second?.change?.low).toBeLessThan(second?.change?.value ?? 0);
  });

  test('fewer answers a second are worse, and the other way round better', () => {
    const verdictOf = (each: Comparison) =>
      each.experiments[1]?.rows.find(row => row.target === 'nginx' && row.figure === 'perSecond')?.standings[1]
        ?.verdict;
    expect(verdictOf(comparison)).toBe('worse');
    expect(verdictOf(pair(arm64, x64))).toBe('better');
  });

  test('of one round show no difference: it has no interval', () => {
    const once = { rounds: 1, experiments: [small] };
    const { experiments: parts } = pair(result(once), result({ ...once, seed: 8, characters: slower }));
    expect(parts[0]?.rows.map(({ standings }) => standings[1]?.verdict)).toEqual(Array(6).fill('same'));
  });

  test('stand with what their pairs promise, not their rounds', () => {
    const late = (round: Round): Round =>
      round.target === 'direct' && round.round > 3 ? { ...round, void: 'the sender was late' } : round;
    const { experiments: parts } = pair(x64, only(small, late));
    expect(parts[0]?.rows.map(({ standings }) => standings.map(({ pairs }) => pairs))).toEqual(Array(6).fill([5, 3]));
    expect(comparisonText(pair(x64, only(small, late)))).toMatch(/, 93 %\) .*, 75 %\)/);
  });

  test('have no absolute figure side by side, unless they are of one class', () => {
    expect(comparison.experiments.map(({ absolutes }) => absolutes)).toEqual([null, null]);
    for (const text of [comparisonText(comparison), comparisonMarkdown(comparison)]) {
      expect(text).not.toMatch(/\d (µs|ms|MiB)|\b1,000\b/);
      expect(text).toContain('arm64-4c-Neoverse-N1');
    }
    const same = pair(x64, result({ seed: 3 }));
    expect(same.experiments[0]?.absolutes?.map(({ target }) => target)).toEqual(['direct', 'nginx', 'pipy-pair']);
    expect(comparisonText(same)).toMatch(/p99 +\d+ µs +\d+ µs/);
  });

  test('stand in columns of one width, and in cells that hold any name', () => {
    const lines = comparisonText(comparison).split('\n');
    const at = lines.findIndex(line => line.startsWith('http1 latency'));
    expect(new Set(lines.slice(at + 1, at + 8).map(line => line.length)).size).toBe(1);
    const bad = compare([
      { name: '<script>|', result: x64 },
      { name: '@all', result: arm64 },
    ]);
    expect(comparisonMarkdown(bad)).not.toMatch(/<script|@all/);
  });
});

describe('the whole is refused', () => {
  test.each<[string, Comparison, string]>([
    ['when there is but one', compare([{ name: 'x64', result: x64 }]), 'one result has nothing to stand beside'],
    [
      'of another schema',
      pair(x64, { ...arm64, schema: 'fsm-bench/2' as Result['schema'] }),
      'arm64 is of schema fsm-bench/2',
    ],
    [
      'under emulation',
      pair(x64, result({ machine: { ...arm, virtualisation: 'qemu-user 7.2' } })),
      'arm64 was measured under emulation (qemu-user 7.2), whose speed is no speed: measure on real arm64',
    ],
    [
      'measured by an app on another program',
      pair(withApp(x64, 'app on Pipy 1.5.18'), withApp(arm64, 'app on Node 24.1.0')),
      'direct is the app on Pipy in x64, app on Node in arm64: ratios to different baselines do not compare',
    ],
    [
      'without a common experiment',
      pair(only(small), only(other)),
      "no experiment is in all of them: x64 has 'http1 latency",
    ],
  ])('%s', (_, comparison, why) => {
    expect(comparison.experiments).toEqual([]);
    expect(whys(comparison)).toHaveLength(1);
    expect(whys(comparison)[0]).toContain(`all: ${why}`);
    expect(comparisonText(comparison)).toContain(`nothing is compared\nrefused: ${why}`);
    expect(comparisonMarkdown(comparison)).toContain('**Nothing is compared**');
  });

  test('an app on another version of one program is no other baseline', () => {
    const [a, b] = [withApp(x64, 'app on Pipy 1.5.18'), withApp(arm64, 'app on Pipy 1.6.0-rc1')];
    expect(pair(a, b).refusals).toEqual([]);
  });

  test('a virtual machine is no emulation', () => {
    expect(pair(x64, result({ machine: { ...arm, virtualisation: 'kvm (QEMU)' } })).refusals).toEqual([]);
  });
});

describe('an experiment is refused', () => {
  const bound = (round: Round): Round => (round.target === 'direct' ? { ...round, clientBound: true } : round);
  const allBound = (round: Round): Round => ({ ...round, clientBound: true });
  const dead = (round: Round): Round => (round.target === 'direct' ? { ...round, void: 'the app died' } : round);
  const gone: Result = { ...x64, summary: x64.summary.filter(({ target }) => target !== 'direct') };
  const parts = (change: Partial<Experiment>) => pair(x64, result({ experiments: [{ ...small, ...change }, other] }));

  test.each<[string, Comparison, string]>([
    ['whose load differs', parts({ rate: 500 }), 'rate differs: 1000 in x64, 500 in arm64'],
    [
      'whose baseline differs',
      parts({ targets: ['nginx', 'direct', 'pipy-pair'] }),
      'the baseline differs: direct in x64, nginx in arm64',
    ],
    ['whose baseline is missing', pair(x64, gone), 'the baseline direct was not measured in arm64'],
    [
      'all of whose targets are client-bound',
      pair(result({ change: allBound }), arm64),
      'direct is client-bound in x64',
    ],
    [
      'whose baseline is void',
      pair(x64, result({ change: dead })),
      'the baseline direct has only void rounds in arm64',
    ],
  ])('%s', (_, comparison, why) => {
    expect(whys(comparison)[0]).toMatch(/^http1 latency 16 connections 1000\/s: /);
    expect(whys(comparison)[0]).toContain(why);
    expect(comparison.experiments.map(({ experiment }) => experiment.name)).not.toContain(small.name);
  });

  test('but is measured by no target that is another program in the other result', () => {
    const ofMesh = { ...small, targets: ['direct', 'pipy-pair', 'nginx', 'direct-again'] };
    const first = result({ experiments: [ofMesh], change: bound });
    const later = (versions: Readonly<Record<string, string>>): Comparison =>
      pair(first, { ...first, versions: { ...first.versions, ...versions } });
    expect(later({}).experiments[0]?.baseline).toBe('pipy-pair');
    expect(later({ fsm: '0.2.0 17b2c1d' }).experiments[0]?.baseline).toBe('nginx');
    const none = later({ fsm: '0.2.0 17b2c1d', nginx: '1.24.0' });
    expect(none.experiments).toEqual([]);
    expect(whys(none)[0]).toContain('none takes its place');
  });

  test('but is measured by the next target where only its baseline is client-bound', () => {
    const comparison = pair(result({ change: bound }), arm64);
    const [compared] = comparison.experiments;
    const [, next] = small.targets.filter(target => target !== 'direct-again');
    expect(compared?.baseline).toBe(next);
    expect(compared?.rows.map(({ target }) => target)).not.toContain('direct');
    expect(comparison.remarks[0]).toMatch(/^http1 .*: measured by .*, for the baseline direct is client-bound in x64/);
  });

  test('and the others are compared all the same', () => {
    const comparison = parts({ rate: 500 });
    expect(comparison.experiments.map(({ experiment }) => experiment.name)).toEqual([other.name]);
    expect(comparisonText(comparison)).toContain('refused: http1 latency 16 connections 1000/s: rate differs');
  });
});

describe('a row is refused', () => {
  const nginx = (more: Partial<Round>) => (round: Round) => (round.target === 'nginx' ? { ...round, ...more } : round);
  const unpaired = (round: Round): Round =>
    (round.target === 'nginx') === round.round > 3 ? { ...round, void: 'the sender was late' } : round;

  test.each<[string, Comparison, string]>([
    [
      'that is client-bound',
      pair(only(small), only(small, nginx({ clientBound: true }))),
      'it is client-bound in arm64',
    ],
    [
      'that has void rounds only',
      pair(only(small, nginx({ void: 'it died' })), only(small)),
      'it has only void rounds in x64',
    ],
    [
      'that one has not',
      pair(only(small), only({ ...small, targets: ['direct', 'pipy-pair', 'envoy'] })),
      'not measured in arm64',
    ],
    [
      'without a pair of rounds',
      pair(only(small), only(small, unpaired)),
      'has no round beside one of the baseline in arm64',
    ],
  ])('%s', (_, comparison, why) => {
    expect(whys(comparison)[0]).toContain(`${small.name}, nginx: `);
    expect(whys(comparison)[0]).toContain(why);
    expect(comparison.experiments[0]?.rows.map(({ target }) => target)).not.toContain('nginx');
  });

  test('of which rounds failed, for those that are left flatter it', () => {
    const failing = (round: Round): Round =>
      round.target === 'nginx' && round.round === 2 ? { ...round, void: '3 wrong answers: status 503' } : round;
    expect(whys(pair(only(small), only(small, failing)))).toEqual([
      `${small.name}, nginx: it failed in 1 round in arm64 (3 wrong answers: status 503): the others flatter it`,
    ]);
    const late = (round: Round): Round =>
      round.target === 'nginx' && round.round === 2 ? { ...round, void: 'the sender was late: p99 1100 µs' } : round;
    expect(whys(pair(only(small), only(small, late)))).toEqual([]);
  });

  test('also when only a later result has it', () => {
    const comparison = pair(only({ ...small, targets: ['direct', 'nginx'] }), only(small));
    expect(whys(comparison)).toEqual([`${small.name}, pipy-pair: it was not measured in x64`]);
  });

  test('and with the last of them the experiment', () => {
    const comparison = pair(
      only(small),
      only(small, round => ({ ...round, clientBound: round.target !== 'direct' })),
    );
    expect(comparison.experiments).toEqual([]);
    expect(whys(comparison).at(-1)).toBe(`${small.name}: no target of it can be compared`);
  });
});

test('what is to be known is noted', () => {
  const wrong = (round: Round): Round =>
    round.target === 'nginx' && round.load ? { ...round, load: { ...round.load, wrong: 2 } } : round;
  const late: Result = {
    ...result({ seconds: 2, change: wrong }),
    state: 'stopped: SIGINT',
    versions: { fsm: '0.2.0' },
  };
  const { remarks } = pair(x64, {
    ...late,
    suite: { ...late.suite, experiments: [...late.suite.experiments, { ...small, name: 'more' }] },
  });
  expect(remarks).toContain('arm64 ended early: stopped: SIGINT');
  expect(remarks).toContain('fsm: 0.1.0 274b3d4 in x64, 0.2.0 in arm64');
  expect(remarks).toContain("not in all results, and left out: 'more' of arm64");
  expect(remarks).toContain(`nginx in arm64: 10 answers not as they should be, in ${small.name}`);
  expect(remarks.join('\n')).toContain('rounds are of 1 s and 2 s');
});

test('machines that are governed or hosted otherwise are noted', () => {
  const governed = result({ machine: { governor: 'ondemand', virtualisation: 'none' } });
  const { remarks } = pair(x64, governed);
  expect(remarks).toContain('governor: none in x64, ondemand in arm64');
  expect(remarks).toContain('virtualisation: kvm in x64, none in arm64');
});

test('other layouts of cores, and noise that was not measured, are noted', () => {
  const shared = { load: '0', app: '0', proxy: '1' };
  const own = { load: '4', app: '5', proxy: '6,7' };
  const noted = (a: typeof shared | null, b: typeof shared | null) =>
    pair(result({ machine: { pinning: a } }), result({ machine: { pinning: b } })).remarks.join('\n');
  expect(noted(shared, { load: '2', app: '2', proxy: '3' })).toBe('');
  expect(noted(shared, own)).toContain(
    'cores: load and app share a core, the proxy has a core of its own in x64; ' +
      'load and app have a core each, the proxy has 2 cores of its own in arm64',
  );
  expect(noted(null, own)).toContain('cores: nothing is pinned in x64');
  expect(noted(own, { load: '0,1', app: '2', proxy: '3,4' })).toContain(
    'the load has 2 cores, the app a core, the proxy',
  );
  const silent = { ...small, targets: ['direct', 'nginx'] };
  expect(pair(x64, only(silent)).remarks).toContain(
    `arm64 did not measure the noise of its machine (no direct-again); intervals alone judge '${small.name}'`,
  );
});

describe('the command', () => {
  const dir = mkdtempSync(join(tmpdir(), 'fsm-compare-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const fileOf = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const run = (files: readonly string[], form: CompareOptions = {}) => {
    const [printed, complained]: [string[], string[]] = [[], []];
    const print = (text: string) => void printed.push(text);
    const complain = (text: string) => void complained.push(text);
    const code = compareCommand(files, { ...form, print, complain });
    return { code, printed: printed.join('\n'), complained: complained.join('\n') };
  };
  const [a, b] = [fileOf('a.json', JSON.stringify(x64)), fileOf('b.json', JSON.stringify(arm64))];

  test('prints the comparison and returns 0', () => {
    expect(run([a, b])).toMatchObject({ code: 0, complained: '' });
    expect(run([a, b]).printed).toMatch(/^result +machine/);
    expect(run([a, b], { markdown: true }).printed).toContain('| nginx | p99 ↓ |');
    const { experiments, results } = JSON.parse(run([a, b], { json: true }).printed);
    expect(experiments.length).toBeGreaterThan(0);
    expect(results[1]).toEqual({ name: 'b', machine: arm64.machine, versions: arm64.versions });
  });

  test('returns 2 and says why when there is nothing to compare', () => {
    expect(run([a])).toMatchObject({ code: 2, printed: '' });
    expect(run([a]).complained).toContain('give two or more');
    const next = fileOf('next.json', JSON.stringify({ ...arm64, schema: 'fsm-bench/2' }));
    expect(run([a, next])).toMatchObject({ code: 2, printed: '' });
    expect(run([a, next]).complained).toContain('schema is "fsm-bench/2", and this program reads fsm-bench/1');
    expect(run([a, join(dir, 'none.json')]).complained).toMatch(/none\.json: it cannot be read \(ENOENT/);
  });
});
