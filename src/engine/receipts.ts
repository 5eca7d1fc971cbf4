/**
 * What became of each change: when it came, what it led to, which proxies it concerned, when each of them was sent it
 * and when it acknowledged. A bounded ring; never folded, never hashed.
 *
 * ```
 * seen ── queued ── derived ──┬── sent ── acknowledged      (each proxy)
 *                             └── journaled
 * ```
 */
import type { Kind, MeshEvent } from './model.ts';

/** Milliseconds after the change was seen at which a stage was over; null while it is not. */
export interface Stages {
  /** The step began that took the change in: until then it waited for the one before, or for others to come. */
  readonly queuedMs: number;
  /** The new configurations were known. */
  readonly derivedMs: number;
  /** The events were in the journal, which no proxy waits for. */
  readonly journaledMs: number | null;
}

/** One proxy's part, milliseconds after the change was seen; null while it has not come so far. */
export interface Delivery {
  readonly sentMs: number | null;
  readonly ackedMs: number | null;
}

/** A change as it is told to people. */
export interface Receipt extends Stages {
  /** Revision after the batch. */
  readonly revision: number;
  /** The first events of the batch, at most 50. */
  readonly events: readonly { readonly type: MeshEvent['type']; readonly kind?: Kind; readonly key?: string }[];
  /** How many there were. */
  readonly eventCount: number;
  /** Milliseconds since the epoch: when the first of its facts came. */
  readonly seenAt: number;
  /** Fragments of configuration that were new. */
  readonly fragments: number;
  /** Proxies whose configuration changed. */
  readonly proxies: number;
  /** How many of them have acknowledged it, and after how long: the middle one, the slowest of a hundred, the last. */
  readonly acked: number;
  readonly ackedMs: Quantiles | null;
}

/** Milliseconds: the middle one of the values, that of nearest rank to 99 %, the largest. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a step gives for its receipt. Moments are of a clock that never goes back, milliseconds. */
export interface Opening {
  readonly revision: number;
  readonly events: readonly MeshEvent[];
  /** Milliseconds since the epoch when the step began: for people, since this clock may jump. */
  readonly at: number;
  /** When the first fact came, when the step began, and when it was over. */
  readonly seen: number;
  readonly began: number;
  readonly derived: number;
  readonly fragments: number;
  readonly proxies: Iterable<string>;
}

interface Part {
  sentMs: number | null;
  ackedMs: number | null;
}

/** A receipt that is still being filled. `parts` is null once only its summary is kept. */
interface Record {
  /** When the first fact came, as `Opening` says. */
  readonly seen: number;
  readonly opened: Omit<Receipt, 'journaledMs' | 'proxies' | 'acked' | 'ackedMs'>;
  journaledMs: number | null;
  parts: Map<string, Part> | null;
  summary: Pick<Receipt, 'proxies' | 'acked' | 'ackedMs'> | null;
}

/** Events that one receipt lists; a relist of a whole cluster is one batch. */
const eventsMax = 50;

/** Bounds of what is remembered. */
export interface ReceiptLimits {
  /** Receipts that are kept. */
  readonly receipts: number;
  /** Proxies, of all receipts together, that are kept one by one; older receipts keep the summary. */
  readonly parts: number;
}

/** The receipts of the newest changes. */
export class Receipts {
  readonly #ring: Record[] = [];
  readonly #limits: ReceiptLimits;
  /** Records that still have their parts, oldest first, and how many parts those are. */
  readonly #detailed: Record[] = [];
  #parts = 0;
  /** pod key → records that wait for its acknowledgement, oldest first */
  readonly #waiting = new Map<string, Record[]>();

  constructor(limits: Partial<ReceiptLimits> = {}) {
    this.#limits = { receipts: 1000, parts: 20_000, ...limits };
  }

  /** Opens the receipt of a step. */
  open(opening: Opening): void {
    const parts = new Map<string, Part>();
    const record: Record = { seen: opening.seen, opened: openedOf(opening), journaledMs: null, parts, summary: null };
    for (const key of opening.proxies) {
      parts.set(key, { sentMs: null, ackedMs: null });
      const waiting = this.#waiting.get(key);
      if (waiting === undefined) this.#waiting.set(key, [record]);
      else waiting.push(record);
    }
    this.#ring.push(record);
    this.#detailed.push(record);
    this.#parts += parts.size;
    this.#bound();
  }

  /** Keeps the bounds; the newest receipt keeps its parts whatever their number. */
  #bound(): void {
    while (this.#detailed.length > 1 && this.#parts > this.#limits.parts) this.#summarise(this.#detailed[0]);
    if (this.#ring.length <= this.#limits.receipts) return;
    const oldest = this.#ring.shift();
    if (oldest?.parts) this.#summarise(oldest);
  }

  /** Nobody is waited for any more. Records lose their parts in the order in which they were opened. */
  #summarise(record: Record | undefined): void {
    if (!record?.parts) return;
    record.summary = summaryOf(record.parts);
    for (const [key, { ackedMs }] of record.parts) if (ackedMs === null) this.#wait(key, other => other !== record);
    this.#parts -= record.parts.size;
    record.parts = null;
    this.#detailed.shift();
  }

  #wait(podKey: string, still: (record: Record) => boolean): void {
    const left = this.#waiting.get(podKey)?.filter(still) ?? [];
    if (left.length === 0) this.#waiting.delete(podKey);
    else this.#waiting.set(podKey, left);
  }

  /** The events of the newest receipt are in the journal. @returns how long that took, milliseconds */
  journaled(at: number): number {
    const record = this.#ring.at(-1);
    if (record === undefined) return 0;
    record.journaledMs = at - record.seen;
    return record.journaledMs;
  }

  /**
   * A proxy was sent the state as of a revision: every receipt up to it that it had not been sent yet.
   *
   * @returns how long each of them took, milliseconds
   */
  sent(podKey: string, revision: number, at: number): number[] {
    const settled: number[] = [];
    for (const { seen, opened, parts } of this.#waiting.get(podKey) ?? []) {
      const part = parts?.get(podKey);
      if (opened.revision > revision || part === undefined || part.sentMs !== null) continue;
      part.sentMs = at - seen;
      settled.push(part.sentMs);
    }
    return settled;
  }

  /**
   * A proxy acknowledged the state as of a revision: every receipt up to it is settled for that proxy.
   *
   * @returns how long each of them took, milliseconds
   */
  acknowledged(podKey: string, revision: number, at: number): number[] {
    const settled: number[] = [];
    for (const { seen, opened, parts } of this.#waiting.get(podKey) ?? []) {
      const part = parts?.get(podKey);
      if (opened.revision > revision || part === undefined) continue;
      part.ackedMs = at - seen;
      settled.push(part.ackedMs);
    }
    if (settled.length > 0) this.#wait(podKey, ({ opened }) => opened.revision > revision);
    return settled;
  }

  /** A proxy is gone: nothing waits for it any more. */
  forget(podKey: string): void {
    for (const { parts } of this.#waiting.get(podKey) ?? []) if (parts?.delete(podKey)) this.#parts--;
    this.#waiting.delete(podKey);
  }

  /** Newest last. */
  list(): Receipt[] {
    return this.#ring.map(told);
  }

  /** Each proxy's part in the change that a revision was the end of; undefined when it is not kept any more. */
  deliveries(revision: number): ReadonlyMap<string, Delivery> | undefined {
    return this.#ring.find(({ opened }) => opened.revision === revision)?.parts ?? undefined;
  }
}

function openedOf({ revision, events, at, seen, began, derived, fragments }: Opening): Record['opened'] {
  const [queuedMs, derivedMs] = [began - seen, derived - seen];
  const listed = events.slice(0, eventsMax).map(named);
  return { revision, events: listed, eventCount: events.length, seenAt: at - queuedMs, queuedMs, derivedMs, fragments };
}

function named(event: MeshEvent): Receipt['events'][number] {
  const { type } = event;
  if (event.type === 'rootChanged') return { type };
  return event.type === 'enrolled' ? { type, key: event.key } : { type, kind: event.kind, key: event.key };
}

function told({ opened, journaledMs, parts, summary }: Record): Receipt {
  return { ...opened, journaledMs, ...(summary ?? summaryOf(parts ?? new Map())) };
}

function summaryOf(parts: ReadonlyMap<string, Part>): Pick<Receipt, 'proxies' | 'acked' | 'ackedMs'> {
  const times = [...parts.values()].flatMap(({ ackedMs }) => ackedMs ?? []).sort((a, b) => a - b);
  return { proxies: parts.size, acked: times.length, ackedMs: quantiles(times) };
}

/** Nearest rank, of ascending values. */
function quantiles(sorted: readonly number[]): Quantiles | null {
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0 ? null : { p50: rank(0.5), p99: rank(0.99), max: rank(1) };
}
