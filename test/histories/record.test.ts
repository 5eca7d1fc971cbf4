/** Records each history anew from what it is about, and replays that: the committed ones stay unless asked. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { oracle } from '../../src/admin/decisions.ts';
import { exportHistory, replayHistory } from '../../src/engine/export.ts';
import { historyText, parseHistory } from '../../src/engine/history.ts';
import { snapshotHash } from '../../src/engine/snapshot.ts';
import { startMesh } from '../controller/mesh.ts';
import { folder, record } from '../engine/recording.ts';
import { factHistories } from './facts.ts';
import { recorded, update, write } from './files.ts';
import { meshes } from './meshes.ts';

/** What the live process said at the end. */
interface Live {
  readonly revision: number;
  readonly snapshot: string;
  readonly roots: Readonly<Record<string, string>>;
}

/** Exports a journal, sends it as text, and replays it. @param ask what the process says of itself now */
async function exported(name: string, file: string, ask: () => Promise<Live>): Promise<void> {
  const { history, live } = await ofOneMoment(file, ask);
  const received = parseHistory(historyText(history));
  expect(received).toEqual(history);
  const result = await replayHistory(received, { file: join(folder(), 'again.db'), threads: 0, oracle });
  expect([result.snapshot, result.roots]).toEqual([live.snapshot, live.roots]);
  if (update === 'record') write(name, history);
}

/** An event that concerns no proxy may still come after the last of them has been told. */
async function ofOneMoment(file: string, ask: () => Promise<Live>) {
  for (;;) {
    const live = await ask();
    const history = await exportHistory({ file, threads: 0, oracle });
    if (history.events.at(-1)?.revision === live.revision) return { history, live };
  }
}

it.each(Object.entries(meshes))('%s, by a control plane', async (name, happen) => {
  const mesh = await startMesh();
  try {
    await happen(mesh);
    await exported(name, join(mesh.stateDir, 'journal.db'), () => mesh.ask<Live>('/state'));
  } finally {
    await mesh.close();
  }
});

it.each(Object.entries(factHistories))('%s, by an engine', async (name, facts) => {
  const file = join(folder(), 'journal.db');
  const live = await record(file);
  for (const batch of facts()) await live.write(batch);
  const { snapshot } = live.engine;
  const said = { revision: snapshot.revision, snapshot: snapshotHash(snapshot), roots: live.view().roots };
  await exported(name, file, async () => said);
  await live.close();
});

it('has a file for each of them', () => {
  expect(recorded).toEqual(expect.arrayContaining([...Object.keys(meshes), ...Object.keys(factHistories)]));
});
