/**
 * The durable log of everything that decides configuration, with checkpoints. SQLite in WAL mode: a power cut at any
 * byte leaves a file that opens, at worst without its last batch, which a relist brings back.
 *
 * A checkpoint writes only the shards that changed since the one before; a shard's row is valid from its checkpoint
 * until the next row of the same path. So every kept checkpoint can be loaded, at the cost of what changed.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ProblemError } from '../api/problem.ts';
import { canonical, type Json } from './canonical.ts';
import { changedShards, joinShards } from './checkpoint.ts';
import type { MeshEvent, MeshSnapshot } from './model.ts';
import { continued, firstStretch, journalFormat, normaliserVersion, readableHere, type Stretch } from './versions.ts';

export interface JournalLimits {
  /** Bytes of events that are kept. */
  readonly maxBytes: number;
  /** Age of the oldest event that is kept. */
  readonly maxAgeMs: number;
  /** Events between two checkpoints. */
  readonly checkpointEvery: number;
}

export const defaultLimits: JournalLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 7 * 24 * 3600 * 1000,
  checkpointEvery: 1000,
};

/** How long to wait for another process that has the file to itself. */
const busyTimeoutMs = 2000;

const schema = `
  CREATE TABLE IF NOT EXISTS header (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS checkpoints (revision INTEGER PRIMARY KEY, at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS shards (path TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT, PRIMARY KEY (path, revision)) WITHOUT ROWID;
`;

export class Journal {
  /** Tells this journal from every other: revisions are only meaningful together with it. */
  readonly id: string;
  /** uid of the cluster that it belongs to. */
  readonly cluster: string;
  /** Which versions wrote its events, oldest first. */
  readonly versions: readonly Stretch[];
  readonly #database: DatabaseSync;
  readonly #limits: JournalLimits;
  #checkpointed: MeshSnapshot | null = null;
  #insert: StatementSync | null = null;
  /** Bytes of all events; null until somebody asks. */
  #bytes: number | null = null;

  private constructor(database: DatabaseSync, limits: JournalLimits) {
    this.#database = database;
    this.#limits = limits;
    this.id = headerOf(database, 'id') ?? '';
    this.cluster = headerOf(database, 'cluster') ?? '';
    this.versions = stretchesOf(database);
  }

  /**
   * Opens the journal of a cluster, or begins one. A file of another cluster, or one that cannot be read, is moved
   * aside and a new one is begun: the state comes back from the Kubernetes API.
   *
   * @param file path, or `:memory:`
   * @returns the journal, and where the old file went if it had to go
   * @throws ProblemError FSM5001 when no journal can be begun either
   */
  static open(
    file: string,
    cluster: string,
    limits: JournalLimits = defaultLimits,
  ): { journal: Journal; movedTo?: string } {
    try {
      return { journal: Journal.#begin(file, cluster, limits) };
    } catch (cause) {
      if (!isFile(file)) throw unusable(file, cause);
    }
    try {
      const movedTo = moveAside(file);
      return { journal: Journal.#begin(file, cluster, limits), movedTo };
    } catch (cause) {
      throw unusable(file, cause);
    }
  }

  static #begin(file: string, cluster: string, limits: JournalLimits): Journal {
    const clean = !existsSync(`${file}-wal`);
    const database = new DatabaseSync(file, { timeout: busyTimeoutMs });
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
      if (!clean) checkPages(database);
      database.exec(schema);
      const known = headerOf(database, 'cluster');
      const begun = { format: String(journalFormat), normalised: String(normaliserVersion) };
      if (known === undefined) writeHeader(database, { id: randomUUID(), cluster, ...begun });
      else if (known !== cluster) throw new Error(`the journal belongs to cluster ${known}`);
      checkFormat(database);
      const versions = continued(stretchesOf(database), lastRevision(database));
      writeHeader(database, { versions: JSON.stringify(versions) });
      return new Journal(database, limits);
    } catch (cause) {
      database.close();
      throw cause;
    }
  }

  /**
   * Opens an existing journal for reading, beside the process that writes it. Everything that is read is of the
   * moment of opening, for a replay reads events more than once; close it soon, for the log grows meanwhile.
   *
   * @throws ProblemError FSM5001, FSM5002
   */
  static read(file: string): Journal {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
      database.exec('BEGIN');
      checkFormat(database);
      return new Journal(database, defaultLimits);
    } catch (cause) {
      database?.close();
      throw cause instanceof ProblemError ? cause : unusable(file, cause);
    }
  }

  /** Whether some objects may still be as an older normaliser read them: then they have to be told again. */
  get isStale(): boolean {
    return Number(headerOf(this.#database, 'normalised') ?? firstStretch.normaliser) < normaliserVersion;
  }

  /** Every object has been told since this version runs. */
  refreshed(): void {
    writeHeader(this.#database, { normalised: String(normaliserVersion) });
  }

  /** When the newest event was recorded, milliseconds since the epoch; 0 in a new journal. */
  lastAt(): number {
    return Number(this.#database.prepare('SELECT COALESCE(MAX(at), 0) AS at FROM events').get()?.at ?? 0);
  }

  /** Records a batch in one commit. */
  append(events: readonly MeshEvent[]): void {
    if (events.length === 0) return;
    this.#insert ??= this.#database.prepare('INSERT INTO events (revision, at, body) VALUES (?, ?, ?)');
    const insert = this.#insert;
    const rows = events.map(event => [event.revision, event.at, canonical(event as unknown as Json)] as const);
    this.#inTransaction(() => {
      for (const row of rows) insert.run(...row);
    });
    if (this.#bytes !== null) for (const [, , body] of rows) this.#bytes += Buffer.byteLength(body);
  }

  /** Events after a revision, oldest first. */
  *events(after: number): Generator<MeshEvent> {
    const rows = this.#database.prepare('SELECT body FROM events WHERE revision > ? ORDER BY revision').iterate(after);
    for (const row of rows) yield JSON.parse(String(row.body)) as MeshEvent;
  }

  /** Revisions of the checkpoints that are kept, oldest first. */
  checkpoints(): number[] {
    return this.#database
      .prepare('SELECT revision FROM checkpoints ORDER BY revision')
      .all()
      .map(row => Number(row.revision));
  }

  /** The snapshot as of a checkpoint; revision 0 is the empty one. */
  snapshotAt(revision: number): MeshSnapshot {
    const rows = this.#database
      .prepare('SELECT path, body, MAX(revision) FROM shards WHERE revision <= ? GROUP BY path')
      .all(revision);
    const shards = rows.flatMap(row =>
      row.body === null ? [] : [[String(row.path), JSON.parse(String(row.body)) as Json] as const],
    );
    return joinShards(revision, shards);
  }

  /** The newest checkpoint, or the newest that is not after a revision. */
  latest(notAfter = Number.POSITIVE_INFINITY): MeshSnapshot {
    const snapshot = this.snapshotAt(
      this.checkpoints()
        .filter(revision => revision <= notAfter)
        .at(-1) ?? 0,
    );
    this.#checkpointed ??= snapshot;
    return snapshot;
  }

  /** Writes a checkpoint when enough has happened since the last one, and lets go of what is over the limits. */
  checkpointIfDue(snapshot: MeshSnapshot, at: number): boolean {
    const since = snapshot.revision - (this.#checkpointed?.revision ?? 0);
    if (since < this.#limits.checkpointEvery) return false;
    this.checkpoint(snapshot, at);
    return true;
  }

  /** Writes a checkpoint now. */
  checkpoint(snapshot: MeshSnapshot, at: number): void {
    const put = this.#database.prepare('INSERT OR REPLACE INTO shards (path, revision, body) VALUES (?, ?, ?)');
    const before = this.#checkpointed ?? this.latest();
    this.#inTransaction(() => {
      for (const [path, value] of changedShards(before, snapshot))
        put.run(path, snapshot.revision, value === null ? null : canonical(value));
      this.#database
        .prepare('INSERT OR REPLACE INTO checkpoints (revision, at) VALUES (?, ?)')
        .run(snapshot.revision, at);
      this.#prune(at);
    });
    this.#checkpointed = snapshot;
  }

  /** Drops the oldest events up to a checkpoint, as long as there are too many bytes or they are too old. */
  #prune(at: number): void {
    const checkpoints = this.checkpoints();
    while (checkpoints.length > 1 && this.#overLimits(at)) {
      checkpoints.shift();
      const base = checkpoints[0] ?? 0;
      this.#bytes = this.#eventBytes() - this.#bytesUpTo(base);
      this.#database.prepare('DELETE FROM events WHERE revision <= ?').run(base);
      this.#database.prepare('DELETE FROM checkpoints WHERE revision < ?').run(base);
      this.#database
        .prepare(
          `DELETE FROM shards WHERE revision < (SELECT MAX(newer.revision) FROM shards AS newer
             WHERE newer.path = shards.path AND newer.revision <= ?)`,
        )
        .run(base);
      this.#database.prepare('DELETE FROM shards WHERE revision <= ? AND body IS NULL').run(base);
    }
  }

  #overLimits(at: number): boolean {
    const oldest = this.#database.prepare('SELECT at FROM events ORDER BY revision LIMIT 1').get()?.at ?? at;
    return this.#eventBytes() > this.#limits.maxBytes || at - Number(oldest) > this.#limits.maxAgeMs;
  }

  /** Bytes of all events: added up once, and counted from then on. */
  #eventBytes(): number {
    this.#bytes ??= this.#bytesUpTo(Number.MAX_SAFE_INTEGER);
    return this.#bytes;
  }

  #bytesUpTo(revision: number): number {
    const sum = 'SELECT COALESCE(SUM(OCTET_LENGTH(body)), 0) AS bytes FROM events WHERE revision <= ?';
    return Number(this.#database.prepare(sum).get(revision)?.bytes ?? 0);
  }

  #inTransaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#bytes = null;
      // After some errors, as of a full disk, SQLite has done it already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

function headerOf(database: DatabaseSync, name: string): string | undefined {
  const value = database.prepare('SELECT value FROM header WHERE name = ?').get(name)?.value;
  return value === undefined ? undefined : String(value);
}

function writeHeader(database: DatabaseSync, values: Record<string, string>): void {
  const insert = database.prepare('INSERT OR REPLACE INTO header (name, value) VALUES (?, ?)');
  for (const [name, value] of Object.entries(values)) insert.run(name, value);
}

/** A file that was begun before headers named versions is of the first ones; so is a new one, which has no events. */
function stretchesOf(database: DatabaseSync): readonly Stretch[] {
  const written = headerOf(database, 'versions');
  return written === undefined ? [firstStretch] : (JSON.parse(written) as Stretch[]);
}

/** Of events and checkpoints: the events up to a checkpoint may be gone. */
function lastRevision(database: DatabaseSync): number {
  const rows = 'SELECT revision FROM events UNION SELECT revision FROM checkpoints';
  return Number(database.prepare(`SELECT COALESCE(MAX(revision), 0) AS last FROM (${rows})`).get()?.last ?? 0);
}

function checkFormat(database: DatabaseSync): void {
  const format = Number(headerOf(database, 'format'));
  if (format !== journalFormat) throw unknownVersion(`format ${format}`, `format ${journalFormat}`);
  const stretches = stretchesOf(database);
  if (!readableHere(stretches)) throw unknownVersion('objects of a later normaliser', `up to ${normaliserVersion}`);
}

function unknownVersion(what: string, why: string): ProblemError {
  return new ProblemError({
    code: 'FSM5002',
    path: '',
    what: `the journal has ${what}`,
    why: `this version reads ${why}`,
    fix: 'read it with the version that wrote it',
  });
}

/** After an unclean end SQLite goes by the log beside the file and does not see that the file itself is cut. */
function checkPages(database: DatabaseSync): void {
  const [found] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
  if (found !== 'ok') throw new Error(String(found));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** @returns where the file is now */
function moveAside(file: string): string {
  const movedTo = `${file}.unusable-${Date.now()}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, movedTo + suffix);
  return movedTo;
}

function unusable(file: string, cause: unknown): ProblemError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const problem = {
    code: 'FSM5001',
    path: '',
    what: `${file} cannot be opened`,
    why: text,
    fix: 'check the path and its permissions',
  } as const;
  return new ProblemError(problem, cause);
}
