/**
 * A recorded history as text: one file that can be sent, reviewed, committed and replayed. JSON Lines, each canonical:
 *
 * ```
 * {"cluster":…,"derive":1,"format":1,"from":0,"history":1,"journal":…,"versions":[…]}
 * {"path":"…","shard":…}                                  the state before the first event, where older ones are gone
 * {"at":…,"key":…,"kind":…,"object":…,"revision":1,"type":"applied",…}                                   an event
 * {"after":1,"roots":{"ns/pod":"<hash>"},"snapshot":"<hash>"}    what they led to: roots that changed since the last
 * {"ask":{"client":…,"method":…,"path":…,"port":…,"service":…},"is":"…"}          … and decisions that changed
 * ```
 *
 * Events hold normalised objects, so there is nothing in the text that the mesh does not read: no Secret, no
 * environment, no annotation.
 */

import { ProblemError } from '../api/problem.ts';
import { canonical, type Hash, type Json } from './canonical.ts';
import type { MeshEvent } from './model.ts';
import { journalFormat, normaliserVersion, readableHere, type Stretch } from './versions.ts';

/** The format of the text that this version writes; it reads no other. */
export const historyFormat = 1;

/** The first line. */
export interface HistoryHeader {
  readonly history: number;
  /** Format of events and shards, as in a journal. */
  readonly format: number;
  /** Id of the journal that it comes from. */
  readonly journal: string;
  readonly cluster: string;
  /** Which versions wrote the events. */
  readonly versions: readonly Stretch[];
  /** Revision of the state before the first event. */
  readonly from: number;
  /** Derive version that the outcomes are of. */
  readonly derive: number;
}

/** A request to decide about; without method and path it is a connection. */
export interface Ask {
  /** `namespace/serviceaccount` of the caller. */
  readonly client: string;
  /** `namespace/name` */
  readonly service: string;
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What becomes of a request; null when it is not asked any more, for its caller or its service is gone. */
export interface Decision {
  readonly ask: Ask;
  readonly is: string | null;
}

/** What the events up to a revision led to. Roots and decisions are those that changed since the outcome before. */
export interface Outcome {
  readonly after: number;
  readonly snapshot: Hash;
  /** `namespace/pod` → hash; null for a proxy that has no configuration any more. */
  readonly roots: Readonly<Record<string, Hash | null>>;
  readonly decisions: readonly Decision[];
}

/** The whole file. */
export interface History {
  readonly header: HistoryHeader;
  /** Rows of the checkpoint that the first event stands on: path → shard. */
  readonly base: readonly (readonly [path: string, shard: Json])[];
  /** Oldest first, numbered without a gap from `header.from + 1`. */
  readonly events: readonly MeshEvent[];
  /** In order of revisions. */
  readonly outcomes: readonly Outcome[];
}

/** The text of a history: each outcome stands behind the event that completes it. */
export function historyText({ header, base, events, outcomes }: History): string {
  const due = [...outcomes];
  const lines: unknown[] = [header, ...base.map(([path, shard]) => ({ path, shard }))];
  for (const event of events) {
    lines.push(event);
    while (due[0] !== undefined && due[0].after <= event.revision) lines.push(...linesOf(due.shift() as Outcome));
  }
  return lines.map(line => `${canonical(line as Json)}\n`).join('');
}

function linesOf({ decisions, ...outcome }: Outcome): unknown[] {
  return [outcome, ...decisions];
}

/** A line, told apart by the field that only its type has. */
interface Line {
  readonly history?: unknown;
  readonly shard?: unknown;
  readonly type?: unknown;
  readonly after?: unknown;
  readonly ask?: unknown;
}

/**
 * Reads the text of a history.
 *
 * @throws ProblemError FSM5001 for a text that is none, with the line; FSM5002 for one of a newer version
 */
export function parseHistory(text: string): History {
  const [first, ...rest] = text.split('\n').filter(line => line !== '');
  const header = headerOf(objectIn(first ?? '', 1));
  const base: [string, Json][] = [];
  const events: MeshEvent[] = [];
  const outcomes: (Outcome & { readonly decisions: Decision[] })[] = [];
  rest.forEach((written, index) => {
    const [number, line] = [index + 2, objectIn(written, index + 2)];
    if ('shard' in line) base.push(shardOf(line, number));
    else if ('type' in line) events.push(eventOf(line, header.from + events.length + 1, number));
    else if ('after' in line) outcomes.push({ ...outcomeOf(line, number), decisions: [] });
    else if ('ask' in line) decisionsAt(outcomes, number).push(decisionOf(line, number));
    else throw unreadable(number, 'it is no shard, event, outcome or decision');
  });
  return { header, base, events, outcomes };
}

function objectIn(text: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(number, 'it is no JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw unreadable(number, 'it is no object');
}

function headerOf(line: Line): HistoryHeader {
  const header = line as Partial<HistoryHeader>;
  if (header.history === undefined) throw unreadable(1, 'a history begins with its header');
  if (header.history !== historyFormat || header.format !== journalFormat)
    throw unknownVersion(`format ${header.history}`, `format ${historyFormat}`);
  if (!Array.isArray(header.versions) || !Number.isInteger(header.from))
    throw unreadable(1, 'its header lacks versions, or the revision it begins at');
  if (!readableHere(header.versions))
    throw unknownVersion('objects of a later normaliser', `up to ${normaliserVersion}`);
  return header as HistoryHeader;
}

function shardOf(line: Line, number: number): [string, Json] {
  const { path, shard } = line as { path?: unknown; shard: Json };
  if (typeof path !== 'string') throw unreadable(number, 'a shard has a path');
  return [path, shard];
}

const eventTypes = new Set<unknown>(['applied', 'deleted', 'enrolled', 'rootChanged']);

function eventOf(line: Line, revision: number, number: number): MeshEvent {
  const event = line as { revision?: unknown; at?: unknown; type?: unknown; key?: unknown; object?: unknown };
  if (event.revision !== revision) throw unreadable(number, `revision ${revision} is missing`);
  const placed = event.type === 'rootChanged' || typeof event.key === 'string';
  const whole = event.type !== 'applied' || (typeof event.object === 'object' && event.object !== null);
  if (eventTypes.has(event.type) && Number.isInteger(event.at) && placed && whole) return line as MeshEvent;
  throw unreadable(number, 'it is no event that this version knows');
}

function outcomeOf(line: Line, number: number): Outcome {
  const { after, snapshot, roots } = line as Partial<Outcome>;
  if (Number.isInteger(after) && typeof snapshot === 'string' && typeof roots === 'object' && roots !== null)
    return line as Outcome;
  throw unreadable(number, 'an outcome has a snapshot and roots');
}

function decisionsAt(outcomes: readonly { readonly decisions: Decision[] }[], number: number): Decision[] {
  const decisions = outcomes.at(-1)?.decisions;
  if (decisions === undefined) throw unreadable(number, 'a decision follows an outcome');
  return decisions;
}

function decisionOf(line: Line, number: number): Decision {
  const { ask, is } = line as { ask?: Partial<Record<keyof Ask, unknown>> | null; is?: unknown };
  const named = typeof ask?.client === 'string' && typeof ask.service === 'string' && Number.isInteger(ask.port);
  if (named && (is === null || typeof is === 'string')) return line as Decision;
  throw unreadable(number, 'a decision says who asks for what, and what becomes of it');
}

const again = 'export it again from the journal that it comes from';

function unreadable(line: number, why: string): ProblemError {
  const what = `line ${line} of the history cannot be read`;
  return new ProblemError({ code: 'FSM5001', path: '', what, why, fix: again });
}

function unknownVersion(what: string, reads: string): ProblemError {
  const why = `this version reads ${reads}`;
  const fix = 'replay it with the version that wrote it, or a later one';
  return new ProblemError({ code: 'FSM5002', path: '', what: `the history has ${what}`, why, fix });
}
