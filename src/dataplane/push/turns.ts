/** A bound on how many do something at a time; the others wait in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param most that may be at it together */
  constructor(most: number) {
    this.#free = most;
  }

  /** Resolves when it is one's turn, with what ends it; to end it twice is to end it once. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    let over = false;
    return () => {
      if (!over) this.#pass();
      over = true;
    };
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
