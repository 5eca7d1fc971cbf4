/**
 * The production process: puts the rooms together and nothing else.
 *
 * ```
 * kube watch ──▶ facts ──▶ pipeline (engine: fold, derive) ──▶ push ──▶ proxies
 *                              ├──▶ journal
 *                              └──▶ conditions ──▶ kube status
 * ```
 */
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { createLog } from './admin/log.ts';
import { startCore } from './controller/core.ts';
import { startIdentity } from './controller/identity.ts';
import type { ControllerOptions } from './controller/options.ts';
import { serveViews } from './controller/views.ts';
import { watchCluster } from './controller/watching.ts';
import { heartbeatSeconds } from './dataplane/push/protocol.ts';
import { loadAccess } from './kube/access.ts';
import { createClient } from './kube/client.ts';

export interface Controller {
  readonly ports: { readonly push: number; readonly readModel: number; readonly metrics: number };
  /** Resolves when the whole cluster was seen once and its configurations go out. */
  readonly synced: Promise<void>;
  /** The worker threads of the shards, for whoever wants to end one: a new one takes its place. */
  threads(): readonly Worker[];
  /** Lets go of every connection, writes what is not written, and ends. */
  close(): Promise<void>;
}

/** Starts a control plane. @throws ProblemError when a port is in use, or the cluster or the journal cannot be reached */
export async function startController(options: ControllerOptions): Promise<Controller> {
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const client = createClient(
    await loadAccess(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
  );
  const core = await startCore(client, options);
  const identity = await startIdentity(core, client, options);
  const views = await serveViews(core, options);
  const watching = watchCluster(core, client, options);
  const beat = setInterval(() => void core.push.beat(), options.heartbeatMs ?? heartbeatSeconds * 1000);
  return {
    ports: { push: identity.listener.port, ...views.ports },
    synced: watching.synced,
    threads: () => core.derivation.threads(),
    close: async () => {
      clearInterval(beat);
      watching.stop();
      core.status.close();
      core.push.close();
      await Promise.all([identity.close(), views.close(), core.pipeline.idle()]);
      await core.derivation.close();
      core.journal.checkpoint(core.engine.snapshot, Date.now());
      core.journal.close();
      client.close();
    },
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kubeconfig: { type: 'string' },
      'state-dir': { type: 'string', default: '/var/lib/fsm' },
      listen: { type: 'string', default: '0.0.0.0:15128' },
      'read-model': { type: 'string', default: '127.0.0.1:9092' },
      metrics: { type: 'string', default: '0.0.0.0:9091' },
      'trust-domain': { type: 'string', default: 'cluster.local' },
      threads: { type: 'string', default: '0' },
      'heartbeat-ms': { type: 'string' },
    },
  });
  const log = createLog();
  const started = await startController({
    ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
    ...(values['heartbeat-ms'] !== undefined && { heartbeatMs: Number(values['heartbeat-ms']) }),
    stateDir: values['state-dir'],
    listen: values.listen,
    readModel: values['read-model'],
    metrics: values.metrics,
    trustDomain: values['trust-domain'],
    threads: Number(values.threads),
    log,
  });
  await started.synced;
  log.info('ready', started.ports);
  const stop = () => void started.close().then(() => process.exit(0));
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

if (import.meta.main) {
  main().catch(error => {
    createLog().error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
