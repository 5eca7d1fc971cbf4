/**
 * A shard: folds the same events into a replica of its own and derives its share. It computes and does no I/O but
 * reading the journal, once, when it is new.
 */
import type { Fragment } from '../config.ts';
import { type Derived, Deriver } from '../deriver.ts';
import { fold } from '../fold.ts';
import { Journal } from '../journal.ts';
import type { MeshSnapshot } from '../model.ts';
import { fnv1a, objectOf } from '../snapshot.ts';
import type { ShardResult, ShardTask } from './protocol.ts';

interface Replica {
  snapshot: MeshSnapshot;
  readonly deriver: Deriver;
}

/** One shard with all that it remembers. A worker thread is one for life; what dies is replaced by a new one. */
export class Shard {
  #replica: Replica | undefined;
  /** Fragments computed since the last answer. */
  #fresh: Fragment[] = [];

  /** Does one task; a shard that does not stand where the task begins folds from the journal first. */
  run(task: ShardTask): ShardResult {
    const known = task.all || this.#replica?.snapshot.revision !== task.from ? undefined : this.#replica;
    const current = known ?? this.#restore(task);
    this.#replica = current;
    current.snapshot = fold(current.snapshot, task.events);
    const derived = current.deriver.update(current.snapshot, task.events);
    return this.#answer(known === undefined ? both(derived, current.deriver.all()) : derived);
  }

  #restore(task: ShardTask): Replica {
    const journal = Journal.read(task.journal);
    try {
      let snapshot = journal.latest(task.from);
      const events = [...journal.events(snapshot.revision)].filter(event => event.revision <= task.from);
      snapshot = fold(snapshot, events);
      const deriver = new Deriver(snapshot, fragment => this.#fresh.push(fragment), {
        proxy: podKey => owns(task, podKey, this.#replica?.snapshot ?? snapshot),
        object: key => fnv1a(key) % task.count === task.index,
      });
      return { snapshot, deriver };
    } finally {
      journal.close();
    }
  }

  #answer({ roots, conditions }: Derived): ShardResult {
    const fragments = this.#fresh.map(fragment => fragment.bytes);
    this.#fresh = [];
    return {
      roots: [...roots].map(([key, fragment]) => [key, fragment?.hash ?? null] as const),
      conditions: [...conditions],
      fragments,
    };
  }
}

/** Everything that there is now, and what these events ended. */
function both(derived: Derived, all: Derived): Derived {
  return {
    roots: new Map([...derived.roots, ...all.roots]),
    conditions: new Map([...derived.conditions, ...all.conditions]),
  };
}

/** Pods of one ServiceAccount share most of their configuration, so a whole account belongs to one shard. */
function owns({ index, count }: ShardTask, podKey: string, snapshot: MeshSnapshot): boolean {
  const pod = objectOf(snapshot, 'Pod', podKey);
  const account = pod === undefined ? podKey : `${pod.namespace}/${pod.serviceAccount}`;
  return fnv1a(account) % count === index;
}
