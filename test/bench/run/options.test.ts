/** What the options make of a suite. */
import { expect, test } from 'vitest';
import { chosen, labelsFrom, parseOptions } from '../../../bench/options.ts';
import { parseSuite } from '../../../bench/run/suites.ts';

const suiteOf = (...targets: string[]) => {
  const point = { protocol: 'http1', measure: 'throughput', targets, connections: [1], payloadBytes: [1] };
  return parseSuite('s', JSON.stringify({ name: 's', rounds: 3, seconds: 1, experiments: [point] }));
};
const left = (targets: string, ...of: string[]) =>
  chosen(suiteOf(...of), parseOptions(['--targets', targets]).values).experiments[0]?.targets;

test('of the targets those stay that are named, the baseline, and the noise of that', () => {
  expect(left('pipy-pair', 'direct', 'pipy', 'pipy-pair', 'direct-again')).toEqual([
    'direct',
    'pipy-pair',
    'direct-again',
  ]);
  expect(left('pipy', 'nginx', 'pipy', 'direct-again')).toEqual(['nginx', 'pipy']);
});

test('a target stays with its variants', () => {
  const targets = ['direct', 'nginx', 'haproxy'];
  const point = {
    protocol: 'http1',
    measure: 'throughput',
    targets,
    connections: [1],
    payloadBytes: [1],
    upstreams: [1, 2],
  };
  const suite = parseSuite('s', JSON.stringify({ name: 's', rounds: 3, seconds: 1, experiments: [point] }));
  const [experiment] = chosen(suite, parseOptions(['--targets', 'nginx']).values).experiments;
  expect(experiment?.targets).toEqual(['direct', 'nginx', 'nginx, 2 upstreams']);
});

test('rounds are whole, seconds need not be', () => {
  const { values } = parseOptions(['--rounds', '2', '--seconds', '0.5']);
  expect(chosen(suiteOf('direct'), values)).toMatchObject({ rounds: 2, seconds: 0.5 });
  for (const seconds of ['0', 'Infinity', ''])
    expect(() => chosen(suiteOf('direct'), parseOptions(['--seconds', seconds]).values)).toThrow('--seconds is');
});

test('a label is a name and a value', () => {
  expect(labelsFrom(['a/b=c', 'd='])).toEqual({ 'a/b': 'c', d: '' });
  expect(() => labelsFrom(['=c'])).toThrow('--label is =c: give <name>=<value>');
});
