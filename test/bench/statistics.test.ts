/** Medians, intervals and ratios against values that can be worked out by hand, and the promise that an interval makes. */
import { describe, expect, test } from 'vitest';
import type { LoadResult, Round, Suite } from '../../bench/model.ts';
import {
  confidenceOf,
  estimate,
  failuresOf,
  median,
  midmean,
  noiseOf,
  noiseShare,
  pairedRatios,
  quantile,
  random,
  summarise,
} from '../../bench/statistics.ts';

const latency = { count: 10, meanUs: 1, p50Us: 100, p90Us: 150, p99Us: 200, p999Us: 300, maxUs: 400, histogram: '' };
const load: LoadResult = {
  answers: 1000,
  wrong: 0,
  broken: 0,
  unanswered: 0,
  seconds: 2,
  latency,
  lateness: null,
  urgent: false,
  busy: 0,
  complaints: [],
};

function roundOf(target: string, round: number, p50Us: number, more: Partial<Round> = {}): Round {
  const at = '2026-03-02T09:00:00Z';
  const own: LoadResult = { ...load, latency: { ...latency, p50Us } };
  return { experiment: 'e', target, round, at, void: null, clientBound: false, load: own, processes: [], ...more };
}

function suiteOf(...targets: string[]): Suite {
  const experiment = { name: 'e', protocol: 'http1', measure: 'latency', targets, connections: 1, payloadBytes: 1 };
  return { name: 's', rounds: 3, seconds: 2, experiments: [{ ...experiment, protocol: 'http1', measure: 'latency' }] };
}

describe('of values', () => {
  test('the median is the middle, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 1, 2, 9])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  test('the midmean is the mean of the middle half', () => {
    expect(midmean([100, 1, 2, 4, -50, 3, 5, 0])).toBe(2.5);
    expect(midmean([7])).toBe(7);
    expect(midmean([])).toBeNaN();
  });

  test('a quantile is of the nearest rank', () => {
    const values = [15, 20, 35, 40, 50];
    expect([0, 0.05, 0.3, 0.4, 0.5, 1].map(share => quantile(values, share))).toEqual([15, 15, 20, 20, 35, 50]);
    expect(quantile([10, 9], 1)).toBe(10);
  });

  test('the random numbers are those of the seed, and fill their range', () => {
    const draw = (seed: number) => Array.from({ length: 5000 }, random(seed));
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
    expect(draw(3).every(value => value >= 0 && value < 1)).toBe(true);
    expect(draw(3).reduce((sum, value) => sum + value) / 5000).toBeCloseTo(0.5, 1);
  });
});

describe('of an interval', () => {
  test('one value is its own interval, and none is zeros', () => {
    expect(estimate([4])).toEqual({ value: 4, low: 4, high: 4 });
    expect(estimate([])).toEqual({ value: 0, low: 0, high: 0 });
  });

  test('of five values it reaches from the least to the greatest, as it has to', () => {
    expect(estimate([3, 1, 4, 1.5, 9])).toEqual({ value: 3, low: 1, high: 9 });
  });

  test('the same values and seed give the same interval', () => {
    const next = random(1);
    const values = Array.from({ length: 40 }, () => next());
    expect(estimate(values, 5)).toEqual(estimate(values, 5));
    expect(estimate(values, 5)).not.toEqual(
      estimate(
        values.map(value => value * 2),
        5,
      ),
    );
  });

  test('it holds the true median about 95 times of 100', () => {
    const next = random(11);
    const skewed = () => Math.exp(Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
    const samples = Array.from({ length: 200 }, () => Array.from({ length: 15 }, skewed));
    const held = samples.map(sample => estimate(sample)).filter(({ low, high }) => low <= 1 && 1 <= high).length;
    expect(held / samples.length).toBeGreaterThanOrEqual(0.9);
    expect(held / samples.length).toBeLessThan(1);
  });
});

describe('of two targets', () => {
  const rounds = [
    ...[100, 200, 400].map((us, at) => roundOf('direct', at + 1, us)),
    ...[150, 400, 480].map((us, at) => roundOf('mesh', at + 1, us)),
  ];

  test('a ratio is of rounds of the same number', () => {
    const ratios = pairedRatios(rounds, 'e', 'mesh', 'direct');
    expect(ratios?.p50.value).toBe(1.5);
    expect(ratios?.p50).toMatchObject({ low: 1.2, high: 2 });
    expect(ratios?.perSecond).toEqual({ value: 1, low: 1, high: 1 });
  });

  test('a round whose partner does not count is left out', () => {
    const some = rounds.map(round =>
      round.target === 'direct' && round.round !== 2 ? { ...round, void: 'the sender was late' } : round,
    );
    expect(pairedRatios(some, 'e', 'mesh', 'direct')).toMatchObject({ p50: { value: 2 }, pairs: 1 });
    expect(pairedRatios(some.slice(0, 3), 'e', 'mesh', 'direct')).toBeNull();
  });

  test('the noise is how far the same target is from itself', () => {
    const twice = [...rounds, ...[90, 210, 400].map((us, at) => roundOf('direct-again', at + 1, us))];
    const noise = noiseOf('e', twice);
    expect(noise?.pairs).toBe(3);
    expect(noise?.p50).toEqual({ value: 1, low: 0.9, high: 1.05 });
    expect(noiseShare(noise, 'p50')).toBeCloseTo(0.1);
    expect(noiseShare(null, 'p50')).toBeNull();
    expect(noiseOf('e', rounds)).toBeNull();
  });
});

test('a target fails by itself, not by a late sender', () => {
  const voids = ['the sender was late: p99 1100 µs', '3 wrong answers', null];
  const rounds = voids.map((why, at) => roundOf('mesh', at + 1, 100, { void: why }));
  expect(failuresOf([...rounds, roundOf('direct', 1, 100, { void: 'it died' })], 'mesh')).toEqual([rounds[1]]);
});

test('few values promise little', () => {
  expect([2, 3, 4, 5, 6, 20].map(confidenceOf)).toEqual([50, 75, 87, 93, 95, 95]);
});

describe('a summary', () => {
  test('counts neither void rounds nor rounds without an answer', () => {
    const rows = summarise(suiteOf('direct'), [
      roundOf('direct', 1, 100),
      roundOf('direct', 2, 900, { void: 'the target died' }),
      roundOf('direct', 3, 900, { load: null }),
      roundOf('direct', 4, 0, { load: { ...load, answers: 0, wrong: 7 } }),
    ]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ rounds: 1, voids: 3, wrong: 0, ratios: null, cpuUsPerAnswer: null, rssMiB: null });
    expect(rows[0]?.p50Us).toEqual({ value: 100, low: 100, high: 100 });
    expect(rows[0]?.perSecond.value).toBe(500);
  });

  test('has a rate and a cost of the answers that came in time', () => {
    const processes = [{ role: 'proxy', name: 'mesh', cpuMs: 100, rssMiB: 1, peakMiB: 1 }] as const;
    const slow = roundOf('mesh', 1, 100, { processes, load: { ...load, inTime: 400 } });
    const [, row] = summarise(suiteOf('direct', 'mesh'), [roundOf('direct', 1, 100), slow]);
    expect(row?.perSecond.value).toBe(200);
    expect(row?.ratios?.perSecond.value).toBe(0.4);
    expect(row?.cpuUsPerAnswer?.value).toBe(250);
  });

  test('has zeros and no ratio where no round counts, and no row where there is no round', () => {
    const rows = summarise(suiteOf('direct', 'mesh', 'absent'), [
      roundOf('direct', 1, 100),
      roundOf('mesh', 1, 100, { void: 'the target died' }),
    ]);
    expect(rows.map(({ target }) => target)).toEqual(['direct', 'mesh']);
    expect(rows[1]).toMatchObject({ rounds: 0, voids: 1, p50Us: { value: 0 }, ratios: null });
  });

  test('adds up the processes of the target alone, and everything that went wrong', () => {
    const use = { cpuMs: 30, rssMiB: 10, peakMiB: 12 };
    const processes = [
      { role: 'proxy', name: 'client sidecar', ...use },
      { role: 'proxy', name: 'server sidecar', ...use, peakMiB: 15 },
      { role: 'app', name: 'app', cpuMs: 999, rssMiB: 999, peakMiB: 999 },
    ] as const;
    const bad = { ...load, wrong: 1, broken: 2, unanswered: 3 };
    const [, row] = summarise(suiteOf('direct', 'mesh'), [
      roundOf('direct', 1, 100),
      roundOf('mesh', 1, 150, { processes, load: bad, clientBound: true }),
      roundOf('mesh', 2, 150, { processes }),
    ]);
    expect(row).toMatchObject({ wrong: 6, clientBound: true, rssMiB: 20, peakMiB: 27 });
    expect(row?.cpuUsPerAnswer?.value).toBe(60);
  });
});
