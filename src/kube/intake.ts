/** From watch events to facts for the engine. */
import type { Fact } from '../engine/engine.ts';
import type { Kind, MeshSnapshot } from '../engine/model.ts';
import { eachEntry } from '../engine/snapshot.ts';
import type { WatchEvent } from './watch/types.ts';

/** The fact that a watch event is; null for one that says nothing about an object. */
export function factOf(event: WatchEvent): Fact | null {
  if (event.type === 'synced') return null;
  const { key, resourceVersion } = event;
  const kind = event.kind as Kind;
  if (event.type === 'deleted') return { type: 'deleted', kind, key, resourceVersion };
  return { type: 'applied', kind, key, resourceVersion, raw: event.raw };
}

/**
 * What a snapshot already has of a kind. A watch that is told so tells the difference only, what was deleted while
 * nobody watched too.
 */
export function knownOf(snapshot: MeshSnapshot, kind: Kind): [key: string, resourceVersion: string][] {
  const known: [string, string][] = [];
  eachEntry(snapshot, kind, (key, { resourceVersion }) => known.push([key, resourceVersion]));
  return known;
}

/** The highest resourceVersion seen of each kind: integers that are ordered within a kind (KEP-5504). */
export class SeenVersions {
  readonly #versions = new Map<string, string>();

  see(kind: string, version: string): void {
    if (isLater(version, this.#versions.get(kind) ?? '')) this.#versions.set(kind, version);
  }

  /** Whether something was seen elsewhere that was not yet seen here. */
  behind(versions: Readonly<Record<string, string>>): boolean {
    return Object.entries(versions).some(([kind, version]) => isLater(version, this.#versions.get(kind) ?? ''));
  }

  all(): Record<string, string> {
    return Object.fromEntries(this.#versions);
  }
}

/** Decimal integers of any length, without leading zeros. */
function isLater(version: string, than: string): boolean {
  return version.length > than.length || (version.length === than.length && version > than);
}
