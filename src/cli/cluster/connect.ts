/** Finds the cluster that a command means. */
import { access } from 'node:fs/promises';
import { loadAccess } from '../../kube/access.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { defaultFolder, filesOf } from '../../sandbox/files.ts';
import type { ClusterOptions } from '../options.ts';
import { requireSandbox } from '../read-model.ts';

/**
 * `--kubeconfig`, the sandbox of `--dir`, `$KUBECONFIG`, the sandbox of this directory, then whatever kubectl would take.
 *
 * @throws ProblemError FSM6004 when there is no cluster
 */
export async function withCluster<T>(options: ClusterOptions, work: (client: KubeClient) => Promise<T>): Promise<T> {
  const named = options.kubeconfig ?? (await ofSandbox(options.dir));
  // The variable is read where its list is taken apart.
  const kubeconfig = named ?? (process.env.KUBECONFIG ? undefined : await near());
  const { context } = options;
  const client = createClient(
    await loadAccess({ ...(kubeconfig && { kubeconfig }), ...(context !== undefined && { context }) }),
  );
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function ofSandbox(dir: string | undefined): Promise<string | undefined> {
  return dir === undefined ? undefined : (await requireSandbox(dir)).kubeconfig;
}

async function near(): Promise<string | undefined> {
  const { kubeconfig } = filesOf(defaultFolder(process.cwd()));
  try {
    await access(kubeconfig);
    return kubeconfig;
  } catch {
    // No sandbox runs here.
    return undefined;
  }
}
