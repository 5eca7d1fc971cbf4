/** What the nodes of the graph read, and which nodes do. Most inputs have few readers, some have thousands. */
import type { Rule } from './rule.ts';

/** Up to so many readers stand in a list, which takes a fifth of the memory of a set and is searched as fast. */
const listMax = 32;

type Readers = Node | readonly Node[] | Set<Node> | undefined;

/** Something that nodes read: an object, a bucket of an index, another node. */
export class Input {
  readonly key: string;
  /** Where it is kept by its key, as long as somebody reads it. */
  readonly home: Map<string, Input>;
  /** Most have one reader: it stands for itself. */
  #readers: Readers = undefined;

  constructor(home: Map<string, Input>, key: string) {
    this.home = home;
    this.key = key;
  }

  get readers(): Iterable<Node> {
    return this.#readers instanceof Node ? [this.#readers] : (this.#readers ?? []);
  }

  get isRead(): boolean {
    return this.#readers !== undefined;
  }

  /** Adds a reader that is not there yet. */
  add(reader: Node): void {
    const readers = this.#readers;
    if (readers instanceof Set) readers.add(reader);
    else this.#readers = readers === undefined ? reader : several([...this.readers, reader]);
  }

  /** Removes a reader that is there. */
  remove(reader: Node): void {
    const readers = this.#readers;
    if (readers instanceof Set && readers.size > listMax) readers.delete(reader);
    else this.#readers = several([...this.readers].filter(other => other !== reader));
  }
}

/** As small as it can be: a copy is as long as it has to be, where a list that grows takes room for sixteen more. */
function several(readers: readonly Node[]): Readers {
  if (readers.length > listMax) return new Set(readers);
  return readers.length > 1 ? readers.slice() : readers[0];
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
