/**
 * What the consumer has been told: key → resourceVersion. It turns a list into the changes that the consumer has
 * not seen, and drops what it has.
 */
export class Known {
  readonly #versions: Map<string, string>;
  /** Keys that the list under way has not named; undefined between lists. */
  #unnamed: Set<string> | undefined;

  constructor(entries: Iterable<readonly [key: string, resourceVersion: string]> = []) {
    this.#versions = new Map(entries);
  }

  get size(): number {
    return this.#versions.size;
  }

  /** Whether this is news. */
  apply(key: string, resourceVersion: string): boolean {
    this.#unnamed?.delete(key);
    if (this.#versions.get(key) === resourceVersion) return false;
    this.#versions.set(key, resourceVersion);
    return true;
  }

  /** Whether this is news. */
  remove(key: string): boolean {
    return this.#versions.delete(key);
  }

  beginList(): void {
    this.#unnamed = new Set(this.#versions.keys());
  }

  /** Forgets and returns what the list did not name; an empty list is `beginList` and `endList`. */
  endList(): string[] {
    const gone = [...(this.#unnamed ?? [])];
    this.#unnamed = undefined;
    for (const key of gone) this.#versions.delete(key);
    return gone;
  }
}
