/** A live engine that journals what it does, as the controller does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Engine, type Fact, type Step } from '../../src/engine/engine.ts';
import { fold } from '../../src/engine/fold.ts';
import { Journal, type JournalLimits } from '../../src/engine/journal.ts';
import type { MeshEvent } from '../../src/engine/model.ts';
import { createDerivation } from '../../src/engine/shards/pool.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { Watcher } from './view.ts';

const limits: JournalLimits = { maxBytes: 1 << 30, maxAgeMs: 1 << 30, checkpointEvery: 7 };

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'fsm-engine-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a test may put around the parts. */
export interface Around {
  readonly store: FragmentStore;
  /** Whatever is handed over between the parts passes through here. */
  given<T>(value: T): T;
}

const nothing: () => Around = () => ({ store: new FragmentStore(), given: value => value });

export async function record(
  file: string,
  threads = 0,
  asked: Partial<JournalLimits> = {},
  { store, given }: Around = nothing(),
) {
  const { journal, movedTo } = Journal.open(file, 'cluster', { ...limits, ...asked });
  const checkpoint = journal.latest();
  const snapshot = given(fold(checkpoint, [...journal.events(checkpoint.revision)]));
  const derivation = await createDerivation(snapshot, store, { threads, journal: file });
  const engine = new Engine(snapshot, store, {
    all: () => derivation.all(),
    update: (next, events) => derivation.update(given(next), given(events)),
  });
  const watcher = new Watcher(engine);
  watcher.take(await engine.start());
  const written = ({ events, snapshot }: Step) => {
    journal.append(events);
    journal.checkpointIfDue(snapshot, events.at(-1)?.at ?? 0);
  };
  const write = async (facts: readonly Fact[]) => written(await watcher.step(given(facts)));
  const take = async (events: readonly MeshEvent[]) => written(await watcher.follow(given(events)));
  const close = async () => {
    await derivation.close();
    journal.close();
  };
  return { journal, engine, store, derivation, movedTo, write, take, close, view: () => watcher.view() };
}
