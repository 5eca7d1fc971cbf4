/** Some hundred short seeds. `npm run simulate` runs more, and longer ones; `docs/simulator.md` says how. */
import { expect, it } from 'vitest';
import { type Outcome, run } from './run.ts';
import { tellOutcome } from './tell.ts';

const seeds = 120;
const actions = 30;

it(`holds its invariants for ${seeds} seeds`, { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await run(seed, { actions });
    if (outcome.violation !== undefined) expect.fail(tellOutcome(outcome, actions));
  }
});

it('does the same for the same seed, and something else for another', async () => {
  const hashOf = ({ hash, steps }: Outcome) => `${hash} ${steps}`;
  const once = hashOf(await run(7, { actions }));
  expect(hashOf(await run(7, { actions }))).toBe(once);
  expect(hashOf(await run(8, { actions }))).not.toBe(once);
});
