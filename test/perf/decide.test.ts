import { expect, it } from 'vitest';
import { random } from '../../bench/statistics.ts';
import { decide, student } from '../../perf/decide.ts';
import { type Budgets, budgetOf, loadBudgets } from '../../perf/rows.ts';

/** Those of the project, but for the one whose size the tests are about. */
const budgets: Budgets = { ...loadBudgets(), p50: { better: 'lower', allowed: 0.05, noise: 0.015 } };
const p50 = 'http1 pipy-pair / pipy-bare-pair: p50';
const perSecond = 'http1 pipy-pair / pipy-bare-pair: requests/s';
const baseline = (row: string, values: number[]) => [{ row, values }];

function stateOf(row: string, values: number[], now: number): string | undefined {
  return decide(baseline(row, values), [{ row, value: now }], budgets)[0]?.state;
}

it('calls worse what is worse by more than the budget and than noise explains', () => {
  expect(stateOf(p50, [1, 1, 1, 1, 1], 1.1)).toBe('worse');
  expect(stateOf(p50, [1, 1, 1, 1, 1], 1.04)).toBe('same');
  expect(stateOf(p50, [1, 1, 1, 1, 1], 0.9)).toBe('better');
  // The baseline's own runs lie that far apart.
  expect(stateOf(p50, [0.85, 0.95, 1, 1.05, 1.15], 1.1)).toBe('same');
});

it('knows which way is good', () => {
  expect(stateOf(perSecond, [1, 1, 1], 0.9)).toBe('worse');
  expect(stateOf(perSecond, [1, 1, 1], 1.1)).toBe('better');
});

it('finds one node more among a hundred, and something where there was nothing', () => {
  expect(stateOf('one endpoint, nodes: count', [46, 46, 46], 47)).toBe('worse');
  expect(stateOf('an update without meaning, bytes: count', [0, 0, 0], 0)).toBe('same');
  expect(stateOf('an update without meaning, bytes: count', [0, 0, 0], 1)).toBe('worse');
});

it('tells a row that is new from one that is lost, or no number any more', () => {
  const verdicts = decide(baseline(p50, [1, 1]), [{ row: perSecond, value: 1 }], budgets);
  expect(verdicts.map(({ row, state }) => [row, state])).toEqual([
    [p50, 'lost'],
    [perSecond, 'new'],
  ]);
  expect(stateOf(p50, [1, 1], Number.NaN)).toBe('lost');
});

it('names the kind of a figure that has no budget', () => {
  expect(() => budgetOf(budgets, 'http1 direct: beauty')).toThrow('there is no budget for "http1 direct: beauty"');
});

it('is seldom wrong about noise of the size that the budgets allow for', () => {
  const next = random(7);
  const gauss = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const noisy = (factor: number): number => factor * Math.exp(gauss() * budgets.p50.noise);
  const share = (factor: number): number => {
    let worse = 0;
    for (let trial = 0; trial < 2000; trial++) {
      const values = Array.from({ length: 5 }, () => noisy(1));
      if (stateOf(p50, values, noisy(factor)) === 'worse') worse++;
    }
    return worse / 2000;
  };
  expect(share(1)).toBeLessThan(0.005);
  expect(share(1.1)).toBeGreaterThan(0.95);
});

it("has Student's distribution right", () => {
  // Tables: 99 % at 2.896 for 8, 95 % at 2.132 for 4, 99 % at 31.821 for 1.
  expect(student(2.896459, 8)).toBeCloseTo(0.99, 5);
  expect(student(2.131847, 4)).toBeCloseTo(0.95, 5);
  expect(student(31.820516, 1)).toBeCloseTo(0.99, 4);
  expect(student(-2.131847, 4)).toBeCloseTo(0.05, 5);
  expect(student(0, 5)).toBe(0.5);
});

it('calls it no gain when what was counted does not happen any more', () => {
  expect(stateOf('one endpoint, bytes: count', [36000, 36000, 36000], 0)).toBe('worse');
});
