import { describe, expect, it } from 'vitest';
import { random } from '../../bench/statistics.ts';
import { confirmed, decide, student, type Verdict } from '../../perf/decide.ts';
import { type Budgets, beside, budgetOf, loadBudgets } from '../../perf/rows.ts';

/** Those of the project, but for the one whose size the tests are about. */
const budgets: Budgets = { ...loadBudgets(), p50: { better: 'lower', allowed: 0.05, noise: 0.015 } };
const p50 = 'http1 pipy-pair / pipy-bare-pair: p50';
const perSecond = 'http1 pipy-pair / pipy-bare-pair: requests/s';

/** Of one run of now beside those of a baseline. */
function stateOf(row: string, values: number[], now: number): string | undefined {
  return decide(beside([{ row, values }], [{ row, value: now }]), budgets)[0]?.state;
}

/** Of what was measured side by side. */
function pairedStateOf(row: string, before: number[], now: number[]): string | undefined {
  return decide([{ row, before, now, paired: true }], budgets)[0]?.state;
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

it('misses a count that has come to nothing, and is glad of any other figure that has', () => {
  expect(stateOf('one endpoint, pushes: count', [2, 2, 2], 0)).toBe('worse');
  expect(pairedStateOf('http1 pipy-pair: idle CPU', [0.4, 0.5, 0.4, 0.5], [0, 0, 0, 0])).toBe('better');
});

it('tells a row that is new from one that is lost, or no number any more', () => {
  const verdicts = decide(beside([{ row: p50, values: [1, 1] }], [{ row: perSecond, value: 1 }]), budgets);
  expect(verdicts.map(({ row, state }) => [row, state])).toEqual([
    [p50, 'lost'],
    [perSecond, 'new'],
  ]);
  expect(stateOf(p50, [1, 1], Number.NaN)).toBe('lost');
});

it('compares what was side by side pair by pair: what both halves shared does not count', () => {
  expect(pairedStateOf(p50, [200, 300, 250], [220, 330, 275])).toBe('worse');
  expect(pairedStateOf(p50, [200, 300, 250], [202, 297, 252])).toBe('same');
  expect(pairedStateOf(p50, [200, 300, 250], [220, 250, 300])).toBe('same');
  expect(pairedStateOf('http1 pipy-pair: RSS', [41, 42, 41], [35, 36, 35])).toBe('better');
  expect(pairedStateOf(p50, [200, 300, 250], [220, 330])).toBe('lost');
  expect(pairedStateOf(p50, [200, Number.NaN], [220, 330])).toBe('lost');
  expect(pairedStateOf(p50, [], [220])).toBe('new');
});

describe('a second look', () => {
  const look = (...rows: readonly [string, number][]) =>
    decide(
      rows.map(([row, now]) => ({ row, before: [1, 1, 1, 1], now: [now, now, now, now], paired: true })),
      budgets,
    );
  const states = async (...looks: readonly Verdict[][]) => {
    const left = [...looks];
    const doubts: string[][] = [];
    const verdicts = await confirmed(
      async () => left.shift() ?? [],
      rows => doubts.push(rows),
    );
    expect(doubts).toHaveLength(looks.length - left.length - 1);
    return { states: verdicts.map(({ row, state }) => [row, state]), unused: left.length };
  };

  it('is taken of what is worse, and both have to agree', async () => {
    expect(await states(look([p50, 1]), look([p50, 1]))).toEqual({ states: [[p50, 'same']], unused: 1 });
    expect((await states(look([p50, 1.2]), look([p50, 1.2]))).states).toEqual([[p50, 'worse']]);
    expect((await states(look([p50, 1.2]), look([p50, 1]))).states).toEqual([[p50, 'same']]);
    const other = await states(look([p50, 1.2], [perSecond, 1]), look([p50, 1], [perSecond, 0.8]));
    expect(other.states).toEqual([
      [p50, 'same'],
      [perSecond, 'same'],
    ]);
  });

  it('that says nothing of what was worse is no pass', async () => {
    expect((await states(look([p50, 1.2]), look())).states).toEqual([[p50, 'lost']]);
    const unknown = look([p50, 1.2]).map((verdict): Verdict => ({ ...verdict, state: 'unknown', reason: 'why' }));
    expect((await states(look([p50, 1.2]), unknown)).states).toEqual([[p50, 'lost']]);
  });
});

it('judges nothing of which something else is known to be the limit', () => {
  const row = { row: perSecond, before: [1], now: [0.5], paired: true, unknown: 'load and app were the limit' };
  expect(decide([row], budgets)[0]).toMatchObject({ state: 'unknown', reason: 'load and app were the limit' });
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
      const [before, now] = [values.slice(0, 3), values.slice(0, 3).map(value => value * noisy(factor))];
      if (pairedStateOf(p50, before, now) === 'worse') worse++;
    }
    return worse / 4000;
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
