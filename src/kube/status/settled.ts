import { judgement } from './conditions.ts';
import type { DesiredStatus } from './types.ts';

interface Said {
  readonly words: string;
  /** resourceVersion and generation that were judged. */
  readonly resourceVersion: string | undefined;
  readonly generation: number | undefined;
  readonly accepted: boolean;
}

/** What the statuses of objects say, as far as we know. Losing an entry costs one request, so it is bounded. */
export class Settled {
  readonly #said = new Map<string, Said>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether the object says what is desired. */
  says(key: string, desired: DesiredStatus): boolean {
    return this.#said.get(key)?.words === wordsOf(desired);
  }

  /** A write begins: until it is noted nobody knows what the object says. */
  doubt(key: string): void {
    const said = this.#said.get(key);
    if (said !== undefined) this.#said.set(key, { ...said, words: '' });
  }

  note(key: string, desired: DesiredStatus, generation: number | undefined): void {
    this.#said.delete(key);
    const { resourceVersion, problems } = desired;
    this.#said.set(key, { words: wordsOf(desired), resourceVersion, generation, accepted: problems.length === 0 });
    if (this.#said.size > this.#most) this.#said.delete(this.#said.keys().next().value ?? '');
  }

  /** Generation of a version that was judged before; our own writes since then change only the resourceVersion. */
  generationOf(key: string, resourceVersion: string): number | undefined {
    const said = this.#said.get(key);
    return said?.resourceVersion === resourceVersion ? said.generation : undefined;
  }

  /** Whether the last words were about a problem. */
  complained(key: string): boolean {
    return this.#said.get(key)?.accepted === false;
  }

  delete(key: string): void {
    this.#said.delete(key);
  }
}

function wordsOf(desired: DesiredStatus): string {
  return JSON.stringify([desired.resourceVersion, desired.generation, judgement(desired.problems)]);
}
