import { expect, it } from 'vitest';
import { coresFor, pinned, sendersOn, widthOf } from '../../../bench/run/cores.ts';
import { isClientBound, whyVoid } from '../../../bench/run/rounds.ts';
import { loadSuite, parseSuite, suiteNames } from '../../../bench/run/suites.ts';
import { again } from '../../../bench/statistics.ts';
import { targets } from '../../../bench/targets/index.ts';
import { targetOf } from '../../../bench/variants.ts';

const point = { protocol: 'http1', measure: 'latency', targets: ['direct'], connections: [8], payloadBytes: [100] };
const suite = (experiment: object) =>
  JSON.stringify({ name: 's', rounds: 1, seconds: 1, experiments: [{ ...point, ...experiment }] });

it('makes an experiment of every load, with a name that says which', () => {
  const { experiments } = parseSuite('s', suite({ connections: [1, 8], rate: [100, 200] }));
  expect(experiments.map(({ name }) => name)).toEqual([
    'http1 latency, 1 connection, 100/s, 100 B',
    'http1 latency, 1 connection, 200/s, 100 B',
    'http1 latency, 8 connections, 100/s, 100 B',
    'http1 latency, 8 connections, 200/s, 100 B',
  ]);
});

it('makes a row of every target in every setting that makes a difference to it, side by side in one experiment', () => {
  const targets = ['direct', 'nginx', 'node-pair'];
  const { experiments } = parseSuite('s', suite({ rate: [100], targets, upstreams: [1, 4], policies: ['on', 'off'] }));
  expect(experiments).toHaveLength(1);
  expect(experiments[0]?.name).toBe('http1 latency, 8 connections, 100/s, 100 B, by upstreams and policies');
  expect(experiments[0]?.targets).toEqual([
    'direct',
    'nginx',
    'nginx, 4 upstreams',
    'node-pair',
    'node-pair, policies off',
    'node-pair, 4 upstreams',
    'node-pair, 4 upstreams, policies off',
  ]);
  expect(experiments[0]?.variants).toContainEqual({
    name: 'node-pair, 4 upstreams, policies off',
    target: 'node-pair',
    upstreams: 4,
    policies: 'off',
  });
});

it('says what is wrong with a suite, and where', () => {
  expect(() => parseSuite('s', '{')).toThrow('suite s is no JSON');
  expect(() => parseSuite('s', suite({ rate: [0] }))).toThrow('suite s: /experiments/0/rate/0 must be >= 1');
  expect(() => parseSuite('s', suite({ rate: [1], targets: [] }))).toThrow('/experiments/0/targets');
  expect(() => parseSuite('s', suite({ rate: [1], upstreams: [0] }))).toThrow(
    '/experiments/0/upstreams/0 must be >= 1',
  );
  expect(() => parseSuite('s', suite({ rate: [1], upstreams: [201] }))).toThrow('upstreams/0 must be <= 200');
  expect(() => parseSuite('s', suite({ rate: [1], targets: ['direct', 'nginx'], services: [9] }))).toThrow(
    'suite s: /experiments/0/services makes no difference to any of its targets: leave it out',
  );
  expect(() => parseSuite('s', suite({ rate: [1], targets: ['nginx'], upstreams: [2, 2] }))).toThrow(
    '"nginx, 2 upstreams" is there twice',
  );
  expect(() => parseSuite('s', suite({ rate: [1], policies: ['none'] }))).toThrow('/experiments/0/policies/0');
  expect(() => parseSuite('s', suite({}))).toThrow(
    'suite s: /experiments/0 (http1 latency): "rate" is for latency, and latency needs one',
  );
  expect(() => parseSuite('s', suite({ measure: 'throughput', rate: [1] }))).toThrow(
    'suite s: /experiments/0 (http1 thr',
  );
  expect(() => parseSuite('s', suite({ rate: [5, 5] }))).toThrow('is there twice');
  expect(() => parseSuite('s', suite({ rate: [1], targets: ['direct', 'ngnix', 'ngnix'] }))).toThrow(
    'suite s: there is no target "ngnix": name some of direct, direct-again, pipy, ',
  );
  expect(() => loadSuite('no-such')).toThrow('there is no suite no-such: name one of quick, full');
});

it('has suites whose targets exist and speak what they are asked', () => {
  for (const name of suiteNames) {
    for (const experiment of loadSuite(name).experiments)
      for (const row of experiment.targets) {
        const target = targets.find(each => each.name === targetOf(experiment, row));
        expect(target?.protocols, `${name}: ${row}`).toContain(experiment.protocol);
      }
  }
});

it.each(suiteNames)(
  'measures the noise wherever the suite `%s` has the baseline that it is of, far from that',
  suiteName => {
    for (const { name, targets: named } of loadSuite(suiteName).experiments)
      if (named[0] === again.of) expect(named.at(-1), name).toBe(again.target);
  },
);

it('gives each role cores of its own as far as there are any', () => {
  expect(coresFor([3])).toBeNull();
  expect(coresFor([0, 1])).toEqual({ load: '0', app: '0', proxy: '1' });
  expect(coresFor([4, 5, 7])).toEqual({ load: '4', app: '5', proxy: '7' });
  expect(coresFor([0, 1, 2, 3, 4])).toEqual({ load: '0', app: '1', proxy: '2,3,4' });
  expect(coresFor([0, 1, 2, 3, 4, 5])).toEqual({ load: '0,1', app: '2', proxy: '3,4,5' });
  const halves = (processor: number): string => String(processor >> 1);
  expect(coresFor([0, 1], halves)).toEqual({ load: '0', app: '0', proxy: '1' });
  expect(coresFor([0, 1, 2, 3], halves)).toEqual({ load: '0', app: '1', proxy: '2,3' });
  expect(coresFor([0, 1, 2, 3, 4, 5], halves)).toEqual({ load: '0', app: '2', proxy: '4,5' });
  expect(coresFor([...Array(12).keys()], n => String(n % 6))).toEqual({
    load: '0,1',
    app: '2',
    proxy: '3,9,4,10,5,11',
  });
  expect([null, coresFor([0, 1, 2]), coresFor([0, 1, 2, 3, 4, 5])].map(sendersOn)).toEqual([1, 1, 2]);
  expect([widthOf('proxy', coresFor([0, 1, 2, 3])), widthOf('load', coresFor([0, 1]))]).toEqual([2, 1]);
  const { file, args } = pinned({ file: 'nginx', args: ['-g'] }, 'proxy', coresFor([0, 1]));
  expect(file).toMatch(/taskset$/);
  expect(args).toEqual(['-c', '1', 'nginx', '-g']);
  expect(pinned({ file: 'nginx', args: [] }, 'proxy', null).file).toBe('nginx');
});

it('counts no round of a late sender, of wrong answers or of many that are missing', () => {
  const distribution = { count: 100, meanUs: 1, p50Us: 1, p90Us: 1, p99Us: 900, p999Us: 1, maxUs: 1, histogram: '' };
  const good = { answers: 1000, wrong: 0, broken: 0, unanswered: 0, seconds: 1, busy: 0, complaints: [] };
  const load = { ...good, urgent: false, latency: distribution, lateness: distribution };
  expect(whyVoid(load)).toBeNull();
  expect(whyVoid({ ...load, lateness: { ...distribution, p99Us: 1001 } })).toBe('the sender was late: p99 1001 µs');
  expect(whyVoid({ ...load, wrong: 1, complaints: ['status 500'] })).toBe('1 wrong answers: status 500');
  expect(whyVoid({ ...load, unanswered: 10 })).toBeNull();
  expect(whyVoid({ ...load, unanswered: 11, broken: 11 })).toBe('11 of 1011 requests got no answer');
  expect(whyVoid({ ...load, answers: 0 })).toBe('no answer at all');
  const hung = { ...load, lateness: null, unanswered: 1, silent: 1 };
  expect(whyVoid(hung)).toBe('1 requests got no answer any more');
  // Who always takes so long is slow.
  expect(whyVoid({ ...hung, latency: { ...distribution, p50Us: 300_000 } })).toBeNull();
});

it('calls a round client-bound when load or app were at their end and the target was not', () => {
  const shares = (load: number, app: number, proxy: number) => ({ load, app, proxy });
  const [two, six] = [coresFor([0, 1]), coresFor([0, 1, 2, 3, 4, 5])];
  // Load and app share a core.
  expect(isClientBound(shares(0.5, 0.45, 0.5), two, 1)).toBe(true);
  expect(isClientBound(shares(0.5, 0.3, 0.5), two, 1)).toBe(false);
  expect(isClientBound(shares(0.5, 0.45, 0.95), two, 2)).toBe(false);
  // Each has its own, and proxies have three.
  expect(isClientBound(shares(0.5, 0.45, 0.5), six, 1)).toBe(false);
  expect(isClientBound(shares(0.95, 0.5, 0.5), six, 1)).toBe(true);
  expect(isClientBound(shares(0.5, 0.95, 0.5), six, 1)).toBe(true);
  // One process cannot use three cores.
  expect(isClientBound(shares(0.95, 0.5, 0.95), six, 1)).toBe(false);
  expect(isClientBound(shares(0.95, 0.5, 0.95), six, 2)).toBe(true);
  expect(isClientBound(shares(0.95, 0.5, 1.85), six, 2)).toBe(false);
  // Without a proxy only load and app can be.
  expect(isClientBound(shares(0.95, 0.5, 0), six, 0)).toBe(true);
  expect(isClientBound(shares(0.95, 0.5, 0), null, 0)).toBe(true);
});
