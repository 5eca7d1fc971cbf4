/** A shard in this thread that dies now and then: what it was asked is lost, and a new one takes its place. */

import type { ShardHost } from '../../src/engine/shards/pool.ts';
import type { ShardResult, ShardTask } from '../../src/engine/shards/protocol.ts';
import { Shard } from '../../src/engine/shards/shard.ts';
import type { Random } from './random.ts';

/** Stands in for a worker thread with its shard. */
export class ShardProcess implements ShardHost {
  readonly threads = [];
  readonly #random: Random;
  readonly #deaths: number;
  #shard = new Shard();
  /** A shard that was just replaced does its task: who dies again and again is another fault. */
  #spared = false;

  /** @param deaths probability that it dies under a task */
  constructor(random: Random, deaths: number) {
    this.#random = random.fork('shard');
    this.#deaths = deaths;
  }

  /** The task and its result cross a thread's border, so they are cloned. */
  async run(task: ShardTask): Promise<ShardResult> {
    const dies = !this.#spared && this.#random.chance(this.#deaths);
    this.#spared = dies;
    if (!dies) return structuredClone(this.#shard.run(structuredClone(task)));
    // Half of the deaths come after the work, when nobody has heard of its result yet.
    if (this.#random.chance(0.5)) this.#shard.run(task);
    this.#shard = new Shard();
    throw new Error('the thread died on purpose');
  }

  async destroy(): Promise<void> {}
}
