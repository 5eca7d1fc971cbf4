import { expect, it } from 'vitest';
import { type Baseline, otherThan, strangeness } from '../../perf/baseline.ts';
import type { DuelStart, Side } from '../../perf/duel.ts';
import { controlsOfDuel, figuresOfDuel, pairedRows, rowsOfDuel } from '../../perf/rows.ts';

const side = (p50Us: number, rssMiB = 40): Side => ({
  p50Us,
  perSecond: 1e6 / p50Us,
  cpuUsPerAnswer: p50Us / 2,
  idleMsPerSecond: 4,
  rssMiB,
});
const start = (reference: number, target: number, clientBound = false): DuelStart => ({
  reference: side(reference, 20),
  target: side(target),
  clientBound,
});
const starts = [start(200, 240), start(210, 252), start(190, 228)];

it('has a row of every figure of a target, a pair for each start', () => {
  expect(rowsOfDuel('pipy-pair', starts)[0]).toEqual({
    row: 'http1 pipy-pair: p50',
    before: [200, 210, 190],
    now: [240, 252, 228],
    paired: true,
  });
  const unknowns = (of: readonly DuelStart[]) => rowsOfDuel('x', of).map(({ row, unknown }) => [row, unknown]);
  expect(unknowns(starts)).toEqual([
    ['http1 x: p50', undefined],
    ['http1 x: requests/s', undefined],
    ['http1 x: CPU/answer', undefined],
    ['http1 x: RSS', undefined],
    ['http1 x: idle CPU', undefined],
  ]);
  // Requests/s that say how fast the load is say nothing about the target.
  expect(unknowns([...starts, start(200, 240, true)])[1]).toEqual([
    'http1 x: requests/s',
    'load and app were the limit',
  ]);
  const uncounted = starts.map(each => ({ ...each, target: { ...each.target, cpuUsPerAnswer: 0 } }));
  for (const at of [2, 4]) expect(unknowns(uncounted)[at]?.[1]).toMatch(/^no CPU time is counted here/);
});

it('takes the ratio to the reference, and knows the machine by what the reference showed', () => {
  const figures = figuresOfDuel(['bare', 'pair'], starts);
  expect(figures.map(({ row, value }) => [row, value.toFixed(3)])).toEqual([
    ['http1 pair / bare: p50', '1.200'],
    ['http1 pair / bare: requests/s', '0.833'],
    ['http1 pair / bare: CPU/answer', '1.200'],
    ['http1 pair: RSS', '40.000'],
    ['http1 pair: idle CPU', '4.000'],
  ]);
  expect(controlsOfDuel('bare', starts)).toEqual([
    { row: 'http1 bare: p50', value: 200 },
    { row: 'http1 bare: CPU/answer', value: 100 },
  ]);
  // The app alone has no process of its own between load and app.
  const direct = starts.map(each => ({ ...each, reference: { ...each.reference, cpuUsPerAnswer: 0, rssMiB: 0 } }));
  expect(figuresOfDuel(['direct', 'pair'], direct).map(({ row }) => row)).toEqual([
    'http1 pair / direct: p50',
    'http1 pair / direct: requests/s',
    'http1 pair: RSS',
    'http1 pair: idle CPU',
  ]);
  expect(controlsOfDuel('direct', direct)).toEqual([{ row: 'http1 direct: p50', value: 200 }]);
});

it('pairs what two trees counted, whichever of them has a row', () => {
  const rows = pairedRows(
    [[{ row: 'a', value: 1 }]],
    [
      [
        { row: 'a', value: 2 },
        { row: 'b', value: 3 },
      ],
    ],
  );
  expect(rows).toEqual([
    { row: 'a', before: [1], now: [2], paired: true },
    { row: 'b', before: [], now: [3], paired: true },
  ]);
});

it('takes another version of what is not ours, and other cores, for another baseline', () => {
  const pinning = { load: '0', app: '0', proxy: '1' };
  const baseline = { versions: { fsm: '0.1.0', node: 'v24.1.0', pipy: '1.5.18' }, pinning } as unknown as Baseline;
  const same = { fsm: '0.2.0', node: 'v24.1.0', pipy: '1.5.18' };
  expect(otherThan(baseline, same, pinning)).toBeUndefined();
  expect(otherThan(baseline, { ...same, node: 'v24.2.0' }, pinning)).toBe(
    'the baseline is of node v24.1.0, here is v24.2.0',
  );
  expect(otherThan(baseline, same, null)).toMatch(/^the baseline is of cores \{"load":"0".*, here they are null$/);
});

it('takes a machine for another one when what is not ours differs on it', () => {
  const baseline = { controls: [{ row: 'http1 bare: p50', values: [200, 202, 198] }] } as unknown as Baseline;
  expect(strangeness(baseline, [{ row: 'http1 bare: p50', value: 215 }])).toBeUndefined();
  expect(strangeness(baseline, [{ row: 'http1 bare: p50', value: 260 }])).toMatch(
    /^http1 bare: p50 is 260.0 µs and was 200.0/,
  );
  expect(strangeness(baseline, [])).toContain('NaN');
});
