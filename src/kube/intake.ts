/** From watch events to facts for the engine. */
import type { Fact } from '../engine/engine.ts';
import type { Kind, MeshSnapshot } from '../engine/model.ts';
import { eachEntry } from '../engine/snapshot.ts';
import type { ObjectEvent } from './watch/types.ts';

/** The fact that a watch event about an object is. */
export function factOf(event: ObjectEvent): Fact {
  const { key, resourceVersion } = event;
  const kind = event.kind as Kind;
  if (event.type === 'deleted') return { type: 'deleted', kind, key, resourceVersion };
  return { type: 'applied', kind, key, resourceVersion, raw: event.raw };
}

/**
 * What a snapshot already has of a kind. A watch that is told so tells the difference only, what was deleted while
 * nobody watched too.
 *
 * @param stale objects may be as an older version of the mesh read them: every one is told again, and those that mean
 *   the same end at the engine
 */
export function knownOf(snapshot: MeshSnapshot, kind: Kind, stale = false): [key: string, resourceVersion: string][] {
  const known: [string, string][] = [];
  eachEntry(snapshot, kind, (key, { resourceVersion }) => known.push([key, stale ? '' : resourceVersion]));
  return known;
}

/**
 * How far this control plane has come with each kind: resourceVersions are integers that are ordered within a kind
 * (KEP-5504). The newest version seen says what a configuration may have been made from; the version up to which nothing
 * is missing says whose configurations this control plane is not behind. They differ while older changes may still wait:
 * no object says that they do not, only a `synced` or `passed` of its watch that has come through behind them.
 */
export class SeenVersions {
  readonly #newest = new Map<string, string>();
  readonly #whole = new Map<string, string>();

  /** An object at this version. */
  see(kind: string, version: string): void {
    raise(this.#newest, kind, version);
  }

  /** Everything of the kind up to this version. */
  seeAll(kind: string, version: string): void {
    raise(this.#newest, kind, version);
    raise(this.#whole, kind, version);
  }

  /** Whether something may have been seen elsewhere that was not yet seen here. */
  behind(versions: Readonly<Record<string, string>>): boolean {
    return Object.entries(versions).some(([kind, version]) => isLater(version, this.#whole.get(kind) ?? ''));
  }

  /** The newest version seen of each kind. */
  all(): Record<string, string> {
    return Object.fromEntries(this.#newest);
  }
}

function raise(versions: Map<string, string>, kind: string, version: string): void {
  if (isLater(version, versions.get(kind) ?? '')) versions.set(kind, version);
}

/** Decimal integers of any length, without leading zeros. */
function isLater(version: string, than: string): boolean {
  return version.length > than.length || (version.length === than.length && version > than);
}
