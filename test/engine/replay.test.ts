import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { ProblemError } from '../../src/api/problem.ts';
import { replay } from '../../src/engine/replay.ts';
import { snapshotHash } from '../../src/engine/snapshot.ts';
import { batches, history } from './history.ts';
import { folder, record } from './recording.ts';

it('equals the live engine, from the beginning and from each checkpoint', async () => {
  const path = folder();
  for (let seed = 1; seed <= 40; seed++) {
    const file = join(path, `${seed}.db`);
    const live = await record(file);
    for (const batch of batches(seed, history(seed, 60), 8)) await live.write(batch);
    const replayed = await replay(file, { threads: 0 });
    expect(replayed.checkpoints.length, `seed ${seed}`).toBeGreaterThan(2);
    expect(replayed.snapshot, `seed ${seed}`).toBe(snapshotHash(live.engine.snapshot));
    expect(replayed.roots, `seed ${seed}`).toEqual(live.view().roots);
    await live.close();
  }
});

it('equals the live engine with two threads, after the first events are gone', async () => {
  const file = join(folder(), 'journal.db');
  const live = await record(file, 0, { maxBytes: 4000 });
  for (const batch of batches(5, history(5, 150), 8)) await live.write(batch);
  expect([...live.journal.events(0)][0]?.revision).toBeGreaterThan(1);
  const replayed = await replay(file, { threads: 2 });
  expect([replayed.snapshot, replayed.roots]).toEqual([snapshotHash(live.engine.snapshot), live.view().roots]);
  await live.close();
});

it('sees a checkpoint that is not the fold of its events (FSM5003)', async () => {
  const file = join(folder(), 'journal.db');
  const live = await record(file);
  for (const batch of batches(1, history(1, 60), 8)) await live.write(batch);
  await live.close();
  const database = new DatabaseSync(file);
  database.exec("DELETE FROM shards WHERE path LIKE 'mesh%'");
  database.close();
  const failure = await replay(file, { threads: 0 }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ProblemError);
  expect(failure).toMatchObject({ problem: { code: 'FSM5003' } });
});
