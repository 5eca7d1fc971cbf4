/** What the pictures are drawn from: merged histograms, round ticks, words that do not lie on each other. */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import type { Round } from '../../../bench/model.ts';
import { digits, ratio, time } from '../../../bench/report/format.ts';
import { curveOf, fewest, merged } from '../../../bench/report/histograms.ts';
import { fitted, linear, logarithmic, logTicks, spread, widthOf } from '../../../bench/report/svg.ts';
import { syntheticResult } from './synthetic.ts';

const [template] = syntheticResult({ rounds: 1, seconds: 1 }).rounds;

function roundOf(values: readonly number[], more: Partial<Round> = {}): Round {
  const histogram = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3, autoResize: true });
  for (const value of values) histogram.recordValue(value);
  const load = template?.load ?? expect.fail();
  const latency = { ...load.latency, histogram: encodeIntoCompressedBase64(histogram) };
  return { ...(template ?? expect.fail()), load: { ...load, latency }, ...more };
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe('a curve', () => {
  test('is of all rounds that count together, large values and small', () => {
    const histogram = merged([
      roundOf(upTo(100)),
      roundOf([5_000_000]),
      roundOf([7], { void: 'the sender was late' }),
      roundOf([7], { load: null }),
    ]);
    expect(histogram?.totalCount).toBe(101);
    expect((histogram?.maxValue ?? 0) / 5_000_000).toBeCloseTo(1, 2);
    expect(merged([roundOf([], { void: 'late' })])).toBeNull();
  });

  test('goes from the median to where ten answers were slower', () => {
    const places = curveOf(merged([roundOf(upTo(1000))]) ?? expect.fail());
    expect(places[0]).toEqual({ nines: fewest, us: 500 });
    expect(places.at(-1)).toEqual({ nines: 2, us: 990 });
    expect(curveOf(merged([roundOf(upTo(12))]) ?? expect.fail())).toHaveLength(1);
  });
});

describe('words', () => {
  test('stay in their order, apart, inside, and where they are when there is room', () => {
    expect(spread([10, 50, 90], 15, [0, 100])).toEqual([10, 50, 90]);
    expect(spread([50, 50, 50], 10, [0, 100])).toEqual([40, 50, 60]);
    expect(spread([99, 1, 100], 10, [0, 100])).toEqual([90, 1, 100]);
    const crowd = spread(upTo(9).map(Math.sqrt), 10, [0, 100]);
    expect(crowd.every((place, at) => at === 0 || place - (crowd[at - 1] ?? 0) >= 10 - 1e-9)).toBe(true);
    expect(Math.min(...crowd)).toBeGreaterThanOrEqual(0);
  });

  test('are cut where they have no room', () => {
    expect(fitted('direct', 100)).toBe('direct');
    const cut = fitted('a target with a long name', 80);
    expect(cut).toMatch(/^a target.*…$/);
    expect(widthOf(cut)).toBeLessThanOrEqual(80);
  });
});

test('ticks are round, inside and not too close', () => {
  const scale = logarithmic([180, 2300], [300, 0]);
  expect(logTicks([180, 2300], scale, 20)).toEqual([200, 300, 500, 700, 1000, 1200, 1500, 2000]);
  expect(logTicks([180, 2300], scale, 60)).toEqual([200, 500, 1000, 2000]);
  expect(logTicks([0.2, 1.1], logarithmic([0.2, 1.1], [0, 400]), 44, [1])).toContain(1);
  expect(linear([0, 0], [0, 10])(0)).toBe(0);
});

test('figures are short and keep their unit', () => {
  expect([0, 0.1234, 12.345, 1234.5].map(value => digits(value))).toEqual(['0', '0.123', '12.3', '1,235']);
  expect([850, 1240, 2_000_000].map(time)).toEqual(['850 µs', '1.24 ms', '2 s']);
  expect([0.5, 1.416, 12.34, 123.4].map(ratio)).toEqual(['0.50', '1.42', '12.3', '123']);
});
