/** `fsm apply -f <file>`: server-side apply. */
import type { Command } from 'commander';
import { ProblemError } from '../../api/problem.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Discovery } from '../cluster/discovery.ts';
import type { Outcome, Step } from '../cluster/each.ts';
import type { Manifest, Reading } from '../cluster/manifests.ts';
import { type ClusterOptions, clusterCommand, type OutputOptions, outputOption } from '../options.ts';

interface ApplyOptions extends ClusterOptions, OutputOptions {
  readonly filename: readonly string[];
  readonly namespace?: string;
}

/** The command and its options. */
export function applyCommand(): Command {
  return clusterCommand('apply')
    .description('make objects what manifests say; each is tried, and told')
    .requiredOption('-f, --filename <files...>', 'YAML or JSON files or folders of them; - is standard input')
    .option('-n, --namespace <name>', 'for objects that name none')
    .addOption(outputOption('json', 'yaml'))
    .action(apply);
}

async function apply(options: ApplyOptions): Promise<void> {
  const { withCluster } = await import('../cluster/connect.ts');
  const { createDiscovery } = await import('../cluster/discovery.ts');
  const { each } = await import('../cluster/each.ts');
  const { readManifests } = await import('../cluster/manifests.ts');
  const { withProgress } = await import('../progress.ts');
  const readings = await readManifests(options.filename);
  const work = withCluster(options, client => {
    const discovery = createDiscovery(client);
    return each(
      options.output,
      readings.map(reading => stepOf(client, discovery, reading, options.namespace)),
    );
  });
  await withProgress('Applying', work);
}

function stepOf(client: KubeClient, discovery: Discovery, reading: Reading, namespace: string | undefined): Step {
  if ('problem' in reading) return { run: () => Promise.reject(new ProblemError(reading.problem)) };
  const { kind, metadata } = reading.manifest;
  return {
    object: `${kind.toLowerCase()}/${metadata.name}`,
    run: () => applyOne(client, discovery, reading.manifest, namespace),
  };
}

async function applyOne(
  client: KubeClient,
  discovery: Discovery,
  manifest: Manifest,
  namespace = 'default',
): Promise<Outcome> {
  const { qualified } = await import('../cluster/discovery.ts');
  const { fieldManager } = await import('../../sandbox/manifests.ts');
  const kind = await discovery.ofManifest(manifest.apiVersion, manifest.kind);
  const place = kind.namespaced ? { namespace: manifest.metadata.namespace ?? namespace } : {};
  const path = { ...place, name: manifest.metadata.name };
  const before = await client.get(kind, path).catch(orAbsent);
  const body = { ...manifest, metadata: { ...manifest.metadata, ...place } };
  const { metadata } = await client.patch(kind, path, 'apply', body, { fieldManager, force: true });
  const unchanged = before?.metadata.resourceVersion === metadata.resourceVersion;
  return {
    object: `${qualified(kind)}/${path.name}`,
    ...place,
    result: before === undefined ? 'created' : unchanged ? 'unchanged' : 'configured',
    resourceVersion: metadata.resourceVersion ?? '',
  };
}

function orAbsent(error: unknown): KubeObject | undefined {
  if (error instanceof KubeError && error.status === 404) return undefined;
  throw error;
}
