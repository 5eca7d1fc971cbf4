/** A live engine that journals what it does, as the controller does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Engine, type Fact } from '../../src/engine/engine.ts';
import { fold } from '../../src/engine/fold.ts';
import { Journal, type JournalLimits } from '../../src/engine/journal.ts';
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

export async function record(file: string, threads = 0, asked: Partial<JournalLimits> = {}) {
  const { journal, movedTo } = Journal.open(file, 'cluster', { ...limits, ...asked });
  const checkpoint = journal.latest();
  const snapshot = fold(checkpoint, [...journal.events(checkpoint.revision)]);
  const store = new FragmentStore();
  const derivation = await createDerivation(snapshot, store, { threads, journal: file });
  const engine = new Engine(snapshot, store, derivation);
  const watcher = new Watcher(engine);
  watcher.take(await engine.start());
  const write = async (facts: readonly Fact[]) => {
    const step = await watcher.step(facts);
    journal.append(step.events);
    journal.checkpointIfDue(step.snapshot, step.events.at(-1)?.at ?? 0);
  };
  const close = async () => {
    await derivation.close();
    journal.close();
  };
  return { journal, engine, store, derivation, movedTo, write, close, view: () => watcher.view() };
}
