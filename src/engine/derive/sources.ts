/** The inputs that are no nodes: objects, buckets of the indexes, enrolments, trust. Those that nobody reads are not kept. */
import { type Kind, kinds } from '../model.ts';
import { type IndexName, indexNames } from './indexes.ts';
import { Input } from './input.ts';

type Home = Map<string, Input>;

/** Names an input: what kind of thing, and which. */
export type Source =
  | { readonly type: 'object'; readonly kind: Kind; readonly key: string }
  | { readonly type: 'bucket'; readonly index: IndexName; readonly value: string }
  | { readonly type: 'enrolled'; readonly key: string }
  | { readonly type: 'trust' };

export class Sources {
  readonly #objects = new Map<Kind, Home>(kinds.map(kind => [kind, new Map()]));
  readonly #buckets = new Map<IndexName, Home>(indexNames.map(name => [name, new Map()]));
  readonly #enrolled: Home = new Map();
  readonly #trust: Home = new Map();

  get size(): number {
    const homes = [...this.#objects.values(), ...this.#buckets.values(), this.#enrolled, this.#trust];
    return homes.reduce((sum, home) => sum + home.size, 0);
  }

  /** The input, if somebody reads it. */
  find(source: Source): Input | undefined {
    const { home, key } = this.#place(source);
    return home.get(key);
  }

  /** The input, for somebody who will read it. */
  read(source: Source): Input {
    const { home, key } = this.#place(source);
    const known = home.get(key);
    if (known !== undefined) return known;
    const input = new Input(home, key);
    home.set(key, input);
    return input;
  }

  #place(source: Source): { home: Home; key: string } {
    switch (source.type) {
      case 'object':
        return { home: this.#objects.get(source.kind) as Home, key: source.key };
      case 'bucket':
        return { home: this.#buckets.get(source.index) as Home, key: source.value };
      case 'enrolled':
        return { home: this.#enrolled, key: source.key };
      case 'trust':
        return { home: this.#trust, key: '' };
    }
  }
}
