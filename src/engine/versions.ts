/**
 * What a journal says about the code that wrote it, besides its format. A journal outlives the versions that write
 * it, so its header lists them with the revision after which each began.
 */

/**
 * Version of the event and shard formats, in a file and as text. Files of another format are moved aside, and the state
 * comes back from the API: format 1 was never released. Since 2 enrolments lie in shards.
 */
export const journalFormat = 2;

/**
 * Version of what normalisation makes of an object. Raise it when the same object gives other data, and give
 * `Journal.events` and `parseHistory` a pure upcaster for the events of the versions before. A journal whose objects are of
 * an older one has them told again by the watches (`Journal.isStale`): what is read only now is not in them.
 *
 * 2: host names of endpoints, the port of a destination, fields that are not in force; all absent in what 1 wrote, and
 * absent means what it meant then, so its events are read as they are.
 */
export const normaliserVersion = 2;

/**
 * Version of what fold and derive make of events. Raise it when the same events give other bytes, of a snapshot or of
 * a configuration: within one version a recorded history is compared by its hashes, across versions by its decisions.
 *
 * 2: configuration format 2.
 */
export const deriveVersion = 2;

/** Events after a revision, up to the next stretch, were written by these versions. */
export interface Stretch {
  readonly after: number;
  readonly normaliser: number;
  readonly derive: number;
}

/** What a header without versions means: the first files had none. */
export const firstStretch: Stretch = { after: 0, normaliser: 1, derive: 1 };

/** The stretches of a file that this version goes on writing after a revision; the same ones when it wrote the last. */
export function continued(stretches: readonly Stretch[], after: number): readonly Stretch[] {
  const last = stretches.at(-1);
  if (last?.normaliser === normaliserVersion && last.derive === deriveVersion) return stretches;
  const ended = stretches.filter(stretch => stretch.after < after);
  return [...ended, { after, normaliser: normaliserVersion, derive: deriveVersion }];
}

/** Whether this version can read events of all these stretches: older ones have upcasters, newer ones are unknown. */
export function readableHere(stretches: readonly Stretch[]): boolean {
  return stretches.every(({ normaliser }) => normaliser <= normaliserVersion);
}
