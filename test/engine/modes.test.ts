import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/engine/engine.ts';
import { objectOf } from '../../src/engine/snapshot.ts';
import { cases, factsOf, inputOf, objectsOf } from './goldens.ts';
import { batches, endOf, history } from './history.ts';
import { deleted } from './kit.ts';
import { type Batch, expectEqual, frozen, type Mode, modes, nameOf, plain, run } from './modes.ts';
import { folder, record } from './recording.ts';

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
    for (let seed = 1; seed <= 8; seed++) await expectEqual(inOneThread, random(seed, 60, 8), `seed ${seed}`);
  });
});

describe('threads give the same after each batch', () => {
  const long = [...goldensInARow(), ...random(1, 80, 10), ...random(2, 80, 10), ...random(3, 80, 10)];
  const facts = history(2, 60);
  const short = ofFacts([facts.slice(0, 30), facts.slice(30), endOf(facts)]);
  const wanted = new Map<readonly Batch[], ReturnType<typeof run>>();

  // In a replayed history threads start anew at each batch, so that one is short.
  it.each(inThreads.map(named))('%s', async (_, mode) => {
    const cut = mode.life === 'fresh' ? long : short;
    const known = wanted.get(cut) ?? run(plain, cut);
    wanted.set(cut, known);
    expect(await run(mode, cut)).toEqual(await known);
  });
});

describe('strict', () => {
  it('throws for whoever changes a snapshot, an event or a fragment that was handed on', async () => {
    const live = await record(join(folder(), 'journal.db'), 0, {}, frozen());
    const facts = factsOf(inputOf('bookstore-smi'));
    for (const batch of facts) await live.write(batch);
    const { snapshot, roots } = live.engine;
    const pod = objectOf(snapshot, 'Pod', 'bookbuyer/bookbuyer-1') as { ip?: string };
    const root = [...roots.values()][0] as unknown as { refs: Record<string, string> };
    const fact = facts[0]?.[1] as unknown as { raw: { metadata: { name: string } } };
    for (const change of [
      () => Object.assign(pod, { ip: '' }),
      () => Object.assign(root.refs, { self: '' }),
      () => Object.assign(fact.raw.metadata, { name: '' }),
    ])
      expect(change).toThrow(TypeError);
    await live.close();
  });
});
