/** Chance by seed. Each part of the simulation draws from a fork of its own, so that one part's draws do not move another's. */
import { fnv1a } from '../../src/engine/snapshot.ts';
import { random, shuffled } from '../engine/kit.ts';

/** A generator of numbers that are the same for the same seed and name. */
export class Random {
  readonly #seed: number;
  readonly #name: string;
  /** A number in [0, 1). */
  readonly next: () => number;

  constructor(seed: number, name = '') {
    this.#seed = seed;
    this.#name = name;
    this.next = random(fnv1a(`${seed} ${name}`));
  }

  /** Another generator, which depends on the seed and the names on the way only, not on what was drawn so far. */
  fork(name: string): Random {
    return new Random(this.#seed, `${this.#name}/${name}`);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @throws Error when there is nothing to choose from */
  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('nothing to choose from');
    return choices[Math.floor(this.next() * choices.length)] as T;
  }

  /** Those of a list that a coin each keeps. */
  some<T>(list: readonly T[], probability = 0.5): T[] {
    return list.filter(() => this.chance(probability));
  }

  shuffled<T>(list: readonly T[]): T[] {
    return shuffled(this.next, list);
  }
}
