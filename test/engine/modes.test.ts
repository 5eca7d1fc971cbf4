import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/engine/engine.ts';
import { cases, factsOf, inputOf, objectsOf } from './goldens.ts';
import { batches, endOf, history } from './history.ts';
import { deleted } from './kit.ts';
import { type Batch, expectEqual, type Mode, modes, nameOf, plain, run } from './modes.ts';

const inOneThread = modes(0);
const inThreads = [...modes(1), ...modes(2)];
const named = (mode: Mode) => [nameOf(mode), mode] as const;

const ofFacts = (cut: readonly Fact[][]): Batch[] => cut.map(facts => ({ facts }));

/** A random history from an empty mesh to an empty mesh. */
function random(seed: number, length: number, most: number): Batch[] {
  const facts = history(seed, length);
  return ofFacts(batches(seed, [...facts, ...endOf(facts)], most));
}

/** One golden after the other, in a mesh that is emptied in between. */
function goldensInARow(): Batch[] {
  return ofFacts(cases.map(inputOf).flatMap(input => [...factsOf(input), objectsOf(input).map(deleted)]));
}

describe('every mode gives the same after each batch', () => {
  it.each(cases)('of the golden %s', async name => {
    await expectEqual(inOneThread, ofFacts(factsOf(inputOf(name))), name);
  });

  it('of random histories', async () => {
    for (let seed = 1; seed <= 12; seed++) await expectEqual(inOneThread, random(seed, 60, 8), `seed ${seed}`);
  });
});

describe('threads give the same after each batch', () => {
  const long = [...goldensInARow(), ...random(1, 80, 10), ...random(2, 80, 10), ...random(3, 80, 10)];
  const short = random(2, 40, 40);
  const wanted = new Map<readonly Batch[], ReturnType<typeof run>>();

  // Threads start anew at each turn of a replayed history, so that one is short.
  it.each(inThreads.map(named))('%s', async (_, mode) => {
    const cut = mode.life === 'fresh' ? long : short;
    const known = wanted.get(cut) ?? run(plain, cut);
    wanted.set(cut, known);
    expect(await run(mode, cut)).toEqual(await known);
  });
});
