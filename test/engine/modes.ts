/** The ways to run the engine, all of which must give the same bytes after every batch. */
import { join } from 'node:path';
import { setAutoFreeze, setUseStrictIteration, setUseStrictShallowCopy } from 'immer';
import { expect } from 'vitest';
import type { Problem } from '../../src/api/problem.ts';
import { canonical, type Hash, hashBytes, hashOf, type Json } from '../../src/engine/canonical.ts';
import type { Fragment } from '../../src/engine/config.ts';
import { rootHashes } from '../../src/engine/deriver.ts';
import type { Fact } from '../../src/engine/engine.ts';
import type { MeshEvent } from '../../src/engine/model.ts';
import { createDerivation } from '../../src/engine/shards/pool.ts';
import { snapshotHash } from '../../src/engine/snapshot.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { type Around, folder, record } from './recording.ts';
import { reachable, sorted } from './view.ts';

/** One way to run. */
export interface Mode {
  /** Whether what is compared was kept up to date, or derived anew from the snapshot after each batch. */
  readonly derive: 'incremental' | 'from scratch';
  /** Worker threads that derive. */
  readonly threads: number;
  /** Whether one process lives through all batches, or each batch meets another one, opened from the journal. */
  readonly life: 'fresh' | 'replayed';
  /** Everything that is handed on is frozen to its depth, so that a mutation throws; immer copies and iterates strictly. */
  readonly strict: boolean;
}

/** Facts as they reach the engine, or events that were recorded. */
export type Batch = { readonly facts: readonly Fact[] } | { readonly events: readonly MeshEvent[] };

/** What a mode must not change. */
export interface Observed {
  readonly snapshot: Hash;
  readonly roots: Readonly<Record<string, Hash>>;
  readonly conditions: Readonly<Record<string, readonly Problem[]>>;
  /** Hash over the bytes of every fragment that the roots reach. */
  readonly bytes: Hash;
}

const both = [false, true] as const;

/** Every mode with this number of threads. */
export function modes(threads: number): Mode[] {
  return both.flatMap(scratch =>
    both.flatMap(again =>
      both.map(strict => ({
        derive: scratch ? ('from scratch' as const) : ('incremental' as const),
        threads,
        life: again ? ('replayed' as const) : ('fresh' as const),
        strict,
      })),
    ),
  );
}

/** How production runs on a small board: what every other mode is compared with. */
export const plain: Mode = { derive: 'incremental', threads: 0, life: 'fresh', strict: false };

/** `from scratch, 2 threads, replayed, strict` */
export function nameOf({ derive, threads, life, strict }: Mode): string {
  return [derive, `${threads} threads`, life, ...(strict ? ['strict'] : [])].join(', ');
}

type Live = Awaited<ReturnType<typeof record>>;

/** Runs a history in a mode; what is seen after each batch. */
export async function run(mode: Mode, batches: readonly Batch[]): Promise<Observed[]> {
  const file = join(folder(), 'journal.db');
  const start = () => record(file, mode.threads, {}, mode.strict ? frozen() : undefined);
  immerStrict(mode.strict);
  let live = await start();
  try {
    const seen: Observed[] = [];
    for (const batch of batches) {
      if (mode.life === 'replayed' && seen.length > 0) {
        await live.close();
        live = await start();
      }
      await ('facts' in batch ? live.write(batch.facts) : live.take(batch.events));
      seen.push(mode.derive === 'incremental' ? kept(live) : await anew(live, mode.threads));
    }
    return seen;
  } finally {
    immerStrict(false);
    await live.close();
  }
}

/** Runs a history in each mode and holds it against `plain`. */
export async function expectEqual(ways: readonly Mode[], batches: readonly Batch[], what: string): Promise<void> {
  const wanted = await run(plain, batches);
  for (const mode of ways) expect(await run(mode, batches), `${what}: ${nameOf(mode)}`).toEqual(wanted);
}

/** What the engine kept up to date; it keeps nothing that nobody reaches. */
function kept({ engine, store, view }: Live): Observed {
  const { roots, conditions } = view();
  const bytes = bytesOf(store, Object.values(roots));
  expect(store.size, 'fragments that are kept').toBe(bytes.count);
  return { snapshot: snapshotHash(engine.snapshot), roots, conditions, bytes: bytes.hash };
}

/** What is derived from the snapshot alone; threads fold theirs from the journal. */
async function anew({ engine, store, derivation }: Live, threads: number): Promise<Observed> {
  const other = new FragmentStore();
  const here = await createDerivation(engine.snapshot, other, { threads: 0, journal: '' });
  const derived = await (threads === 0 ? here : derivation).all();
  const roots = rootHashes(derived.roots);
  return {
    snapshot: snapshotHash(engine.snapshot),
    roots,
    conditions: sorted(new Map([...derived.conditions].map(([id, problems]) => [id, problems ?? []]))),
    bytes: bytesOf(threads === 0 ? other : store, Object.values(roots)).hash,
  };
}

function bytesOf(store: FragmentStore, roots: readonly Hash[]): { hash: Hash; count: number } {
  const hashes = [...reachable(store, roots)].sort();
  const all = hashes.map(hash => bytesOfOne(hash, store.get(hash)));
  return { hash: hashOf(all), count: hashes.length };
}

/** A fragment is what it says it is. */
function bytesOfOne(hash: Hash, fragment: Fragment | undefined): string {
  const bytes = canonical((fragment?.node ?? null) as unknown as Json);
  expect([hashBytes(bytes), fragment?.hash, fragment?.bytes]).toEqual([hash, hash, bytes]);
  return bytes;
}

/** Freezing is immer's default; copying with all descriptors and iterating over all keys are not. */
function immerStrict(strict: boolean): void {
  setAutoFreeze(true);
  setUseStrictShallowCopy(strict);
  setUseStrictIteration(strict);
}

class FrozenStore extends FragmentStore {
  override put(fragment: Fragment): void {
    super.put(deepFrozen(fragment));
  }
}

/** Around an engine whose values are frozen. In a worker thread only immer freezes: nothing leaves it but bytes. */
export function frozen(): Around {
  return { store: new FrozenStore(), given: deepFrozen };
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFrozen(member);
  return value;
}
