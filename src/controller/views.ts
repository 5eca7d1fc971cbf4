/** Read model, metrics and health of the running process. */
import { serveReadOnly } from '../admin/http.ts';
import { readModel } from '../admin/read-model.ts';
import { version } from '../api/package.ts';
import { fold } from '../engine/fold.ts';
import type { Journal } from '../engine/journal.ts';
import type { MeshSnapshot } from '../engine/model.ts';
import { type Core, sum } from './core.ts';
import { addressOf, type ControllerOptions } from './options.ts';

/** @throws ProblemError FSM6001 */
export async function serveViews(core: Core, options: ControllerOptions) {
  const view = {
    version,
    journal: core.journal.id,
    cluster: core.cluster,
    snapshot: () => core.engine.snapshot,
    roots: () => core.engine.roots,
    store: core.engine.store,
    proxies: () => core.push.status(),
    running: (uid: string) => core.push.running(uid),
    snapshotAt: (rev: string) => snapshotAt(core.journal, rev),
    receipts: core.receipts,
    conditions: () => core.conditions,
    problems: () => core.problems,
    counters: () => ({ commits: core.push.commits, ignored: core.engine.ignored, missed: sum(core.watches, 'missed') }),
  };
  const [shown, measured] = [addressOf(options.readModel), addressOf(options.metrics)];
  const model = await serveReadOnly(shown.host, shown.port, readModel(view));
  const metrics = await serveReadOnly(measured.host, measured.port, async path => {
    if (path === '/metrics') return { status: 200, text: await core.metrics.registry.metrics() };
    if (path === '/health/alive') return { status: 200, text: 'alive\n' };
    return path === '/health/ready'
      ? { status: core.push.isOpen ? 200 : 503, text: core.push.isOpen ? 'ready\n' : 'not yet\n' }
      : undefined;
  });
  return {
    ports: { readModel: model.port, metrics: metrics.port },
    close: async () => void (await Promise.all([model.close(), metrics.close()])),
  };
}

/** The state as of `<journal>.<revision>`, from a checkpoint on; undefined where it is of another journal. */
function snapshotAt(journal: Journal, rev: string): MeshSnapshot | undefined {
  const dot = rev.lastIndexOf('.');
  const revision = Number(rev.slice(dot + 1));
  const from = journal.checkpoints().findLast(checkpoint => checkpoint <= revision) ?? 0;
  if (rev.slice(0, dot) !== journal.id || !Number.isInteger(revision)) return undefined;
  const base = journal.snapshotAt(from);
  return fold(
    base,
    [...journal.events(from)].filter(event => event.revision <= revision),
  );
}
