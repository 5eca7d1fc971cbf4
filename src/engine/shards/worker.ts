/** What piscina runs: a worker thread is one shard for life. */
import type { ShardResult, ShardTask } from './protocol.ts';
import { Shard } from './shard.ts';

const own = new Shard();

/** The task that piscina runs. */
export default function shard(task: ShardTask): ShardResult {
  return own.run(task);
}
