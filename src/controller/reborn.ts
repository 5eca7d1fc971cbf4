/** Objects that were deleted and made again with the same meaning: nothing changed but that the new one says nothing yet. */
import { hasConditions } from '../engine/derive/rules/conditions.ts';
import type { Fact } from '../engine/engine.ts';

type Applied = Extract<Fact, { type: 'applied' }>;

/** Knows the uid of every object that has conditions. */
export class Reborn {
  readonly #uids = new Map<string, string>();

  /**
   * Those facts of a batch that are about another object under a known name. A watch that was away, or a slow consumer,
   * is told the last version only, and never that the first object went.
   */
  among(batch: readonly Fact[]): Applied[] {
    return batch.filter(fact => this.#follow(fact)) as Applied[];
  }

  #follow(fact: Fact): boolean {
    if (!('kind' in fact) || !hasConditions(fact.kind)) return false;
    const id = `${fact.kind} ${fact.key}`;
    if (fact.type === 'deleted') {
      this.#uids.delete(id);
      return false;
    }
    const [before, now] = [this.#uids.get(id), uidOf(fact.raw)];
    this.#uids.set(id, now);
    return before !== undefined && before !== now;
  }
}

function uidOf(raw: unknown): string {
  return String((raw as { metadata?: { uid?: unknown } } | null)?.metadata?.uid);
}
