/** `fsm apply -f <file>`: server-side apply. */
import type { Command } from 'commander';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Manifest } from '../cluster/manifests.ts';
import { type ClusterOptions, clusterCommand, type OutputOptions, outputOption } from '../options.ts';
import { print } from '../output.ts';

interface ApplyOptions extends ClusterOptions, OutputOptions {
  readonly filename: readonly string[];
  readonly namespace?: string;
}

interface Applied {
  readonly object: string;
  readonly namespace?: string;
  readonly result: 'created' | 'configured' | 'unchanged';
  readonly resourceVersion: string;
}

export function applyCommand(): Command {
  return clusterCommand('apply')
    .description('make objects what manifests say')
    .requiredOption('-f, --filename <files...>', 'YAML or JSON files; - is standard input')
    .option('-n, --namespace <name>', 'for objects that name none')
    .addOption(outputOption('json', 'yaml'))
    .action(apply);
}

async function apply(options: ApplyOptions): Promise<void> {
  const { withCluster } = await import('../cluster/connect.ts');
  const { readManifests } = await import('../cluster/manifests.ts');
  const { withProgress } = await import('../progress.ts');
  const manifests = await readManifests(options.filename);
  const results: Applied[] = [];
  const work = withCluster(options, async client => {
    for (const manifest of manifests) {
      const applied = await applyOne(client, manifest, options.namespace);
      results.push(applied);
      if (options.output === 'table') console.log(`${applied.object} ${applied.result}`);
    }
  });
  await withProgress('Applying', work);
  if (options.output !== 'table') print(options.output, results, () => '');
}

async function applyOne(client: KubeClient, manifest: Manifest, namespace = 'default'): Promise<Applied> {
  const { kindOfManifest, qualified } = await import('../cluster/discovery.ts');
  const { fieldManager } = await import('../../sandbox/manifests.ts');
  const kind = await kindOfManifest(client, manifest.apiVersion, manifest.kind);
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
