/** From a journal to a text that can be sent, and back: the text is replayed from a journal made of it. */
import { changedShards, joinShards } from './checkpoint.ts';
import type { Divergence } from './divergence.ts';
import { DivergenceError } from './divergence.ts';
import { fold } from './fold.ts';
import { type History, historyFormat } from './history.ts';
import { Journal } from './journal.ts';
import { divergences, outcomesOf, type Way } from './outcomes.ts';
import { beginning, type ReplayResult, replay } from './replay.ts';
import { emptySnapshot } from './snapshot.ts';
import { deriveVersion, journalFormat } from './versions.ts';

/** Checkpoints that a journal gets that is made of a text, so that a replay can begin in the middle too. */
const checkpointsMade = 2;

/** A replay of a text, and what it was held against. */
export interface HistoryResult extends ReplayResult {
  /** Recorded outcomes that it agrees with. */
  readonly outcomes: number;
  /** Whether hashes were compared too: only when the derive version is the recorded one. */
  readonly byHash: boolean;
}

/**
 * The history that a journal holds, with what it leads to by this version.
 *
 * @throws ProblemError FSM5001 or FSM5002 when the file cannot be read
 */
export async function exportHistory(way: Way): Promise<History> {
  const journal = Journal.read(way.file);
  try {
    const from = beginning(journal);
    const events = [...journal.events(from)];
    const { id, cluster, versions } = journal;
    return {
      header: {
        history: historyFormat,
        format: journalFormat,
        derive: deriveVersion,
        ...{ journal: id, cluster, versions, from },
      },
      base: from === 0 ? [] : changedShards(emptySnapshot(), journal.snapshotAt(from)),
      events,
      outcomes: await outcomesOf(journal, from, way),
    };
  } finally {
    journal.close();
  }
}

/** The same history with what it leads to by this version: for committed ones, when a change is meant. */
export async function renewed(history: History, way: Way): Promise<History> {
  writeJournal(history, way.file);
  const { outcomes } = await exportHistory(way);
  return { ...history, header: { ...history.header, derive: deriveVersion }, outcomes };
}

/**
 * Replays a history from its beginning and from the middle, and compares with each recorded outcome.
 *
 * @param way.file where a journal is made for it; must not exist
 * @throws DivergenceError when it leads elsewhere
 */
export async function replayHistory(history: History, way: Way): Promise<HistoryResult> {
  writeJournal(history, way.file);
  const { outcomes, header } = history;
  const byHash = header.derive === deriveVersion;
  const starts = await startsOf(way.file);
  for (const from of starts) {
    const [first, ...others] = await differencesFrom(from, history, byHash, way);
    if (first !== undefined) throw new DivergenceError([first, ...others]);
  }
  return { ...(await replay(way.file, way)), journal: header.journal, outcomes: outcomes.length, byHash };
}

async function differencesFrom(from: number, { outcomes }: History, byHash: boolean, way: Way): Promise<Divergence[]> {
  const journal = Journal.read(way.file);
  try {
    return await divergences(journal, from, { outcomes, byHash }, way);
  } finally {
    journal.close();
  }
}

function startsOf(file: string): number[] {
  const journal = Journal.read(file);
  try {
    return [...new Set([beginning(journal), ...journal.checkpoints()])];
  } finally {
    journal.close();
  }
}

function writeJournal({ header, base, events, outcomes }: History, file: string): void {
  const checkpointEvery = Math.max(1, Math.ceil(events.length / (checkpointsMade + 1)));
  const unlimited = { maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: Number.MAX_SAFE_INTEGER, checkpointEvery };
  const { journal } = Journal.open(file, header.cluster, unlimited);
  try {
    let snapshot = joinShards(header.from, base);
    if (header.from > 0) journal.checkpoint(snapshot, events[0]?.at ?? 0);
    journal.append(events);
    let next = 0;
    for (const { after } of outcomes) {
      const first = next;
      while ((events[next]?.revision ?? Number.POSITIVE_INFINITY) <= after) next++;
      snapshot = fold(snapshot, events.slice(first, next));
      journal.checkpointIfDue(snapshot, events[next - 1]?.at ?? 0);
    }
  } finally {
    journal.close();
  }
}
