/**
 * What became of each change: when it came, when it was derived, which proxies it concerned, and when each of them
 * acknowledged. A bounded ring; never folded, never hashed.
 */
import type { Kind, MeshEvent } from './model.ts';

export interface Receipt {
  /** Revision after the batch. */
  readonly revision: number;
  readonly events: readonly { readonly type: MeshEvent['type']; readonly kind?: Kind; readonly key?: string }[];
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds after `at` until the new configurations were derived. */
  readonly derivedMs: number;
  /** pod key → milliseconds after `at` until its proxy acknowledged; null while it has not. */
  readonly proxies: Map<string, number | null>;
}

/** Events that one receipt lists; a relist of a whole cluster is one batch. */
const eventsMax = 50;

export class Receipts {
  readonly #ring: Receipt[] = [];
  readonly #max: number;
  /** pod key → receipts that wait for its acknowledgement */
  readonly #waiting = new Map<string, Receipt[]>();

  constructor(max = 1000) {
    this.#max = max;
  }

  /** Opens the receipt of a step. */
  open(revision: number, events: readonly MeshEvent[], at: number, derivedMs: number, podKeys: Iterable<string>): void {
    const listed = events.slice(0, eventsMax).map(event => ({
      type: event.type,
      ...('kind' in event && { kind: event.kind }),
      ...('key' in event && { key: event.key }),
    }));
    const receipt: Receipt = { revision, events: listed, at, derivedMs, proxies: new Map() };
    for (const key of podKeys) {
      receipt.proxies.set(key, null);
      const waiting = this.#waiting.get(key) ?? [];
      waiting.push(receipt);
      this.#waiting.set(key, waiting);
    }
    this.#ring.push(receipt);
    if (this.#ring.length > this.#max) this.#drop(this.#ring.shift());
  }

  /** What has left the ring waits for nobody any more. */
  #drop(receipt: Receipt | undefined): void {
    for (const [key, ms] of receipt?.proxies ?? []) {
      const waiting = this.#waiting.get(key) ?? [];
      if (ms === null && waiting[0] === receipt) this.#wait(key, waiting.slice(1));
    }
  }

  #wait(podKey: string, receipts: Receipt[]): void {
    if (receipts.length === 0) this.#waiting.delete(podKey);
    else this.#waiting.set(podKey, receipts);
  }

  /**
   * A proxy acknowledged the state as of a revision: every receipt up to it is settled for that proxy.
   *
   * @returns how long each of them took, milliseconds
   */
  acknowledged(podKey: string, revision: number, at: number): number[] {
    const waiting = this.#waiting.get(podKey) ?? [];
    const settled = waiting.filter(receipt => receipt.revision <= revision);
    for (const receipt of settled) receipt.proxies.set(podKey, at - receipt.at);
    this.#wait(
      podKey,
      waiting.filter(receipt => receipt.revision > revision),
    );
    return settled.map(receipt => at - receipt.at);
  }

  /** A proxy is gone: nothing waits for it any more. */
  forget(podKey: string): void {
    for (const receipt of this.#waiting.get(podKey) ?? []) receipt.proxies.delete(podKey);
    this.#waiting.delete(podKey);
  }

  /** Newest last. */
  list(): readonly Receipt[] {
    return this.#ring;
  }
}
