/** What the nodes of the graph read, and which nodes do. Most inputs have few readers, some have thousands. */
import type { Rule } from './rule.ts';

/** Up to so many readers stand in a list, which takes a tenth of the memory of a set. */
const listMax = 8;

/** Shared by all that nobody reads. */
const none: readonly Node[] = [];

/** Something that nodes read: an object, a bucket of an index, another node. */
export class Input {
  readonly key: string;
  /** Where it is kept by its key, as long as somebody reads it. */
  readonly home: Map<string, Input>;
  #readers: readonly Node[] | Set<Node> = none;

  constructor(home: Map<string, Input>, key: string) {
    this.home = home;
    this.key = key;
  }

  get readers(): Iterable<Node> {
    return this.#readers;
  }

  get isRead(): boolean {
    return (this.#readers instanceof Set ? this.#readers.size : this.#readers.length) > 0;
  }

  /** Adds a reader that is not there yet. */
  add(reader: Node): void {
    if (this.#readers instanceof Set) this.#readers.add(reader);
    // Not pushed and not spread: a list that grows takes room for sixteen more, a new one is as long as it has to be.
    else if (this.#readers.length < listMax) this.#readers = this.#readers.concat(reader);
    else this.#readers = new Set([...this.#readers, reader]);
  }

  /** Removes a reader that is there. */
  remove(reader: Node): void {
    if (this.#readers instanceof Set) this.#readers.delete(reader);
    else this.#readers = this.#readers.toSpliced(this.#readers.indexOf(reader), 1);
  }
}

/** A rule applied to a key: its value, and what it read. Other nodes may read it in turn. */
export class Node extends Input {
  readonly rule: Rule<unknown>;
  value: unknown = undefined;
  inputs: readonly Input[] = [];
  /** Somebody outside wants it, whoever else reads it. */
  demanded = false;

  constructor(home: Map<string, Input>, rule: Rule<unknown>, key: string) {
    super(home, key);
    this.rule = rule;
  }
}
