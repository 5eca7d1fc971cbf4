import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../src/api/problem.ts';
import { fold } from '../../src/engine/fold.ts';
import { Journal } from '../../src/engine/journal.ts';
import type { MeshSnapshot } from '../../src/engine/model.ts';
import { emptySnapshot, snapshotHash } from '../../src/engine/snapshot.ts';
import { deriveVersion, journalFormat, normaliserVersion } from '../../src/engine/versions.ts';
import { batches, history } from './history.ts';
import { applied, deleted, eventsOf, random } from './kit.ts';
import { namespace, service } from './objects.ts';
import { folder, record } from './recording.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.code;
    throw error;
  }
  return 'no problem';
}

/** Reads everything that a start reads. */
function stateOf(journal: Journal): MeshSnapshot {
  const checkpoint = journal.latest();
  return fold(checkpoint, [...journal.events(checkpoint.revision)]);
}

/** A journal with some checkpoints, left without closing; the copy is what a power cut leaves. */
async function written(path: string, seed: number, length = 80) {
  const live = await record(join(path, 'live.db'));
  const hashes = new Set([snapshotHash(emptySnapshot())]);
  for (const batch of batches(seed, history(seed, length), 8)) {
    await live.write(batch);
    hashes.add(snapshotHash(live.engine.snapshot));
  }
  return { ...live, hashes, file: join(path, 'live.db') };
}

describe('opening', () => {
  it.each(['closed', 'left open'])('finds everything again in a journal that was %s', async how => {
    const path = folder();
    const { file, engine, journal, close } = await written(path, 1);
    if (how === 'closed') await close();
    const copy = join(path, 'copy.db');
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    const again = Journal.open(copy, 'cluster');
    expect(again.movedTo).toBeUndefined();
    expect(again.journal.id).toBe(journal.id);
    expect(stateOf(again.journal)).toEqual(engine.snapshot);
    again.journal.close();
    if (how !== 'closed') await close();
  });

  it('has objects told again that an older version has read, until they have been', () => {
    const file = join(folder(), 'stale.db');
    const fresh = Journal.open(file, 'cluster').journal;
    expect(fresh.isStale).toBe(false);
    fresh.close();
    const older = new DatabaseSync(file);
    older.prepare("DELETE FROM header WHERE name = 'normalised'").run();
    older.close();
    for (const open of [1, 2]) {
      const { journal } = Journal.open(file, 'cluster');
      expect([open, journal.isStale]).toEqual([open, true]);
      if (open === 2) journal.refreshed();
      journal.close();
    }
    const { journal } = Journal.open(file, 'cluster');
    expect(journal.isStale).toBe(false);
    journal.close();
  });

  it('never throws, wherever the files were cut, and gives a state that was once true', async () => {
    const path = folder();
    const { file, hashes, close } = await written(path, 2);
    const next = random(2);
    const outcomes = { kept: 0, moved: 0 };
    for (const suffix of ['', '-wal']) {
      const { length } = readFileSync(file + suffix);
      const random40 = Array.from({ length: 40 }, () => Math.floor(next() * length));
      for (const at of [0, 1, 16, 100, 512, 4095, 4096, 8192, length - 4096, length - 1, ...random40]) {
        const copy = join(path, `cut${suffix}-${at}.db`);
        copyFileSync(file, copy);
        copyFileSync(`${file}-wal`, `${copy}-wal`);
        truncateSync(copy + suffix, at);
        const { journal, movedTo } = Journal.open(copy, 'cluster');
        expect(hashes, `${suffix} cut at ${at}`).toContain(snapshotHash(stateOf(journal)));
        journal.append(eventsOf([applied(namespace('later'))], 10_000));
        journal.close();
        outcomes[movedTo === undefined ? 'kept' : 'moved']++;
      }
    }
    expect(outcomes.kept).toBeGreaterThan(10);
    await close();
  });

  it('sees a file that was cut under a log that holds its newest pages only', async () => {
    const path = folder();
    const first = await written(path, 2, 200);
    await first.close();
    const { file, hashes, close } = await written(path, 2, 5);
    const { length } = readFileSync(file);
    for (let at = 4096; at < length; at += 4096) {
      const copy = join(path, `cut-${at}.db`);
      copyFileSync(file, copy);
      copyFileSync(`${file}-wal`, `${copy}-wal`);
      truncateSync(copy, at);
      const again = Journal.open(copy, 'cluster');
      expect([...first.hashes, ...hashes], `cut at ${at}`).toContain(snapshotHash(stateOf(again.journal)));
      again.journal.close();
    }
    await close();
  });

  it.each<[string, (file: string) => void]>([
    ['of another cluster', file => Journal.open(file, 'another').journal.close()],
    ['of a newer format', file => withFormat(file, '99')],
    ['of the format before', file => withFormat(file, String(journalFormat - 1))],
    ['that is no database', file => writeFileSync(file, 'something else\n'.repeat(1000))],
  ])('moves a file aside %s', (_, begin) => {
    const path = folder();
    const file = join(path, 'journal.db');
    begin(file);
    const bytes = readFileSync(file);
    const { journal, movedTo } = Journal.open(file, 'cluster');
    expect(readFileSync(movedTo ?? '')).toEqual(bytes);
    expect([journal.cluster, stateOf(journal)]).toEqual(['cluster', emptySnapshot()]);
    journal.close();
  });

  it('says so where no journal can be, and moves no folder (FSM5001)', () => {
    const path = folder();
    mkdirSync(join(path, 'state'));
    expect(codeOf(() => Journal.open(join(path, 'state'), 'cluster'))).toBe('FSM5001');
    expect(codeOf(() => Journal.open(join(path, 'nowhere', 'journal.db'), 'cluster'))).toBe('FSM5001');
    expect(readdirSync(path)).toEqual(['state']);
  });

  it('reads no newer format (FSM5002), and nothing that is no journal (FSM5001)', () => {
    const file = join(folder(), 'journal.db');
    expect(codeOf(() => Journal.read(file))).toBe('FSM5001');
    withFormat(file, '99');
    expect(codeOf(() => Journal.read(file))).toBe('FSM5002');
    writeFileSync(file, 'something else');
    expect(codeOf(() => Journal.read(file))).toBe('FSM5001');
  });
});

function withFormat(file: string, format: string): void {
  Journal.open(file, 'cluster').journal.close();
  const database = new DatabaseSync(file);
  database.prepare("UPDATE header SET value = ? WHERE name = 'format'").run(format);
  database.close();
}

it('is read as of one moment, whatever is written meanwhile', () => {
  const file = join(folder(), 'journal.db');
  const { journal } = Journal.open(file, 'cluster');
  journal.append(eventsOf([applied(namespace('shop'))]));
  const reading = Journal.read(file);
  journal.append(eventsOf([applied(namespace('later'))], 2));
  expect([...reading.events(0)].map(({ revision }) => revision)).toEqual([1]);
  reading.close();
  expect([...Journal.read(file).events(0)].map(({ revision }) => revision)).toEqual([1, 2]);
  journal.close();
});

describe('versions in the header', () => {
  const current = { normaliser: normaliserVersion, derive: deriveVersion };
  const withVersions = (file: string, sql: string, ...values: readonly string[]) => {
    const database = new DatabaseSync(file);
    database.prepare(sql).run(...values);
    database.close();
  };
  const begun = () => {
    const file = join(folder(), 'journal.db');
    const { journal } = Journal.open(file, 'cluster');
    journal.append(eventsOf([applied(namespace('shop'))]));
    journal.close();
    return file;
  };
  const opened = (file: string) => {
    const { journal, movedTo } = Journal.open(file, 'cluster');
    journal.close();
    return { versions: journal.versions, kept: movedTo === undefined };
  };

  it('are those of whoever began the file, and again of whoever goes on with another one', () => {
    const file = begun();
    expect(opened(file)).toEqual({ versions: [{ after: 0, ...current }], kept: true });
    const old = [{ after: 0, normaliser: 0, derive: 0 }];
    withVersions(file, "UPDATE header SET value = ? WHERE name = 'versions'", JSON.stringify(old));
    expect(opened(file)).toEqual({ versions: [...old, { after: 1, ...current }], kept: true });
    expect(opened(file)).toEqual({ versions: [...old, { after: 1, ...current }], kept: true });
  });

  it('are the first ones in a file that was begun before there were any', () => {
    const file = begun();
    withVersions(file, "DELETE FROM header WHERE name = 'versions'");
    expect(Journal.read(file).versions).toEqual([{ after: 0, normaliser: 1, derive: 1 }]);
    expect([...Journal.read(file).events(0)]).toHaveLength(1);
    expect(opened(file).kept).toBe(true);
  });

  it('of a later normaliser are not read (FSM5002), and such a file is moved aside', () => {
    const file = begun();
    const later = JSON.stringify([{ after: 0, normaliser: normaliserVersion + 1, derive: 1 }]);
    withVersions(file, "UPDATE header SET value = ? WHERE name = 'versions'", later);
    expect(codeOf(() => Journal.read(file))).toBe('FSM5002');
    expect(opened(file).kept).toBe(false);
  });
});

describe('checkpoints', () => {
  it('can each be loaded, however appends and checkpoints alternate', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed);
      const journal = Journal.open(':memory:', 'cluster').journal;
      const known = new Map<number, string>();
      let snapshot = journal.latest();
      for (const batch of batches(seed, history(seed, 80), 6)) {
        const events = eventsOf(batch, snapshot.revision + 1);
        snapshot = fold(snapshot, events);
        journal.append(events);
        if (next() < 0.5) continue;
        journal.checkpoint(snapshot, 0);
        known.set(snapshot.revision, snapshotHash(snapshot));
      }
      expect(journal.checkpoints(), `seed ${seed}`).toEqual([...known.keys()]);
      for (const [revision, hash] of known)
        expect(snapshotHash(journal.snapshotAt(revision)), `seed ${seed}`).toBe(hash);
      journal.close();
    }
  });

  it('hold no object that went while nobody had read the one before', () => {
    const file = join(folder(), 'journal.db');
    const first = Journal.open(file, 'cluster').journal;
    const full = fold(emptySnapshot(), eventsOf([applied(namespace('shop')), applied(service('shop', 'a'))]));
    first.checkpoint(full, 0);
    first.close();
    const second = Journal.open(file, 'cluster').journal;
    const bare = { ...emptySnapshot(), revision: 3 };
    second.checkpoint(bare, 0);
    expect(second.snapshotAt(3)).toEqual(bare);
    second.close();
  });

  it('write what changed, no more', () => {
    const file = join(folder(), 'journal.db');
    const { journal } = Journal.open(file, 'cluster');
    const names = Array.from({ length: 200 }, (_, index) => applied(service('shop', `s${index}`)));
    const full = fold(journal.latest(), eventsOf(names));
    journal.checkpoint(full, 0);
    journal.checkpoint(fold(full, eventsOf([applied(service('shop', 's7', 81))], 201)), 0);
    const rows = new DatabaseSync(file).prepare('SELECT path FROM shards WHERE revision = 201').all();
    expect(rows).toHaveLength(1);
    journal.close();
  });
});

describe('limits', () => {
  const bytesOf = (file: string): number => {
    const database = new DatabaseSync(file);
    const row = database.prepare('SELECT SUM(OCTET_LENGTH(body)) AS bytes FROM events').get();
    database.close();
    return Number(row?.bytes);
  };

  it('bound the bytes of events, and keep every checkpoint that is left loadable', async () => {
    const file = join(folder(), 'journal.db');
    const live = await record(file, 0, { maxBytes: 8000 });
    const known = new Map<number, string>();
    for (const batch of batches(6, history(6, 400), 4)) {
      await live.write(batch);
      known.set(live.engine.snapshot.revision, snapshotHash(live.engine.snapshot));
      const largest = Math.max(0, ...[...live.journal.events(0)].map(event => JSON.stringify(event).length));
      // What came since the last checkpoint is always kept: up to 7 events and a batch of 4.
      expect(bytesOf(file)).toBeLessThan(8000 + 11 * largest);
      for (const revision of live.journal.checkpoints())
        expect(snapshotHash(live.journal.snapshotAt(revision))).toBe(known.get(revision));
      expect(snapshotHash(stateOf(live.journal))).toBe(known.get(live.engine.snapshot.revision));
    }
    expect(live.journal.checkpoints()[0]).toBeGreaterThan(100);
    await live.close();
  });

  it('bound the age of events', () => {
    const { journal } = Journal.open(':memory:', 'cluster', { maxBytes: 1 << 30, maxAgeMs: 100, checkpointEvery: 1 });
    let snapshot = journal.latest();
    for (let revision = 1; revision <= 20; revision++) {
      const events = eventsOf([applied(service('shop', `s${revision}`))], revision);
      const at = revision * 30;
      journal.append(events.map(event => ({ ...event, at })));
      snapshot = fold(snapshot, events);
      journal.checkpointIfDue(snapshot, at);
    }
    expect([...journal.events(0)].map(({ revision }) => revision)).toEqual([17, 18, 19, 20]);
    expect([...journal.checkpoints()]).toEqual([16, 17, 18, 19, 20]);
    expect(journal.lastAt()).toBe(600);
    journal.close();
  });

  it('leave no row of a namespace that is long gone', () => {
    const file = join(folder(), 'journal.db');
    const { journal } = Journal.open(file, 'cluster', { maxBytes: 0, maxAgeMs: 0, checkpointEvery: 1 });
    let snapshot = journal.latest();
    for (let turn = 0; turn < 20; turn++) {
      for (const type of ['applied', 'deleted'] as const) {
        const raw = service(`preview-${turn}`, 'a');
        const events = eventsOf([type === 'applied' ? applied(raw) : deleted(raw)], snapshot.revision + 1);
        journal.append(events);
        snapshot = fold(snapshot, events);
        journal.checkpoint(snapshot, snapshot.revision);
      }
    }
    const paths = new DatabaseSync(file).prepare("SELECT path FROM shards WHERE path LIKE 'mesh%'").all();
    expect(paths.length).toBeLessThan(3);
    journal.close();
  });

  /** Two batches with a checkpoint each, and room for the events of both but not for a third. */
  const full = () => {
    const file = join(folder(), 'journal.db');
    const event = (revision: number) => eventsOf([applied(service('shop', `s${revision}`))], revision);
    const eventBytes = Buffer.byteLength(JSON.stringify(event(1)[0]));
    const limits = { maxBytes: Math.floor(2.5 * eventBytes), maxAgeMs: 1 << 30, checkpointEvery: 1 };
    const { journal } = Journal.open(file, 'cluster', limits);
    let snapshot = journal.latest();
    const checkpoint = () => journal.checkpoint(snapshot, 0);
    const append = (revision: number) => {
      const events = event(revision);
      journal.append(events);
      snapshot = fold(snapshot, events);
    };
    for (const revision of [1, 2]) {
      append(revision);
      checkpoint();
    }
    const kept = () => [...journal.events(0)].map(({ revision }) => revision);
    return { file, journal, event, append, checkpoint, kept };
  };

  it('do not count events whose batch was not recorded', () => {
    const { journal, event, append, checkpoint, kept } = full();
    for (let turn = 0; turn < 3; turn++)
      expect(() => journal.append([...event(3), ...event(4), ...event(2)])).toThrow('UNIQUE');
    checkpoint();
    expect(kept()).toEqual([1, 2]);
    append(3);
    checkpoint();
    expect(kept()).toEqual([3]);
    journal.close();
  });

  // SQLite itself may roll back what it has no room for.
  it.each(['ABORT', 'ROLLBACK'])('count events that were to go with a checkpoint that failed: %s', how => {
    const { file, journal, append, checkpoint, kept } = full();
    const other = new DatabaseSync(file);
    other.exec(
      `CREATE TRIGGER refuse BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(${how}, 'the disk is full'); END`,
    );
    append(3);
    expect(checkpoint).toThrow('the disk is full');
    expect(kept()).toEqual([1, 2, 3]);
    other.exec('DROP TRIGGER refuse');
    other.close();
    checkpoint();
    expect(kept()).toEqual([3]);
    journal.close();
  });
});
