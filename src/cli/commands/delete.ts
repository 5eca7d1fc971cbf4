/** `fsm delete -f <file>` and `fsm delete <kind> <name...>` */
import type { Command } from 'commander';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import type { Discovered } from '../cluster/discovery.ts';
import { usage } from '../failure.ts';
import { type ClusterOptions, clusterCommand, type OutputOptions, outputOption } from '../options.ts';
import { print } from '../output.ts';

interface DeleteOptions extends ClusterOptions, OutputOptions {
  readonly filename?: readonly string[];
  readonly namespace?: string;
  readonly ignoreNotFound?: true;
}

interface Target {
  readonly kind: Discovered;
  readonly name: string;
  readonly namespace?: string;
}

interface Deleted {
  readonly object: string;
  readonly namespace?: string;
  readonly result: 'deleted' | 'not found';
}

export function deleteCommand(): Command {
  return clusterCommand('delete')
    .description('delete objects')
    .argument('[kind]')
    .argument('[names...]')
    .option('-f, --filename <files...>', 'the objects of YAML or JSON files; - is standard input')
    .option('-n, --namespace <name>', 'namespace; default unless given')
    .option('--ignore-not-found', 'what is not there counts as deleted')
    .addOption(outputOption('json', 'yaml'))
    .action(remove);
}

async function remove(kind: string | undefined, names: readonly string[], options: DeleteOptions): Promise<void> {
  const { withCluster } = await import('../cluster/connect.ts');
  const { withProgress } = await import('../progress.ts');
  if (options.filename === undefined && (kind === undefined || names.length === 0))
    throw usage('it is not said what to delete', 'give a kind and names, or files with -f');
  const work = withCluster(options, async client => {
    const results: Deleted[] = [];
    for (const target of await targetsOf(client, kind, names, options)) {
      const deleted = await removeOne(client, target, options);
      results.push(deleted);
      if (options.output === 'table') console.log(`${deleted.object} ${deleted.result}`);
    }
    return results;
  });
  const results = await withProgress('Deleting', work);
  if (options.output !== 'table') print(options.output, results, () => '');
}

/** Of a file the last object goes first: what was made last may need what was made before. */
async function targetsOf(
  client: KubeClient,
  kindName: string | undefined,
  names: readonly string[],
  { filename, namespace = 'default' }: DeleteOptions,
): Promise<readonly Target[]> {
  const { findKind, kindOfManifest } = await import('../cluster/discovery.ts');
  if (filename === undefined) {
    const kind = await findKind(client, kindName ?? '');
    return names.map(name => ({ kind, name, ...(kind.namespaced && { namespace }) }));
  }
  const { readManifests } = await import('../cluster/manifests.ts');
  const targets: Target[] = [];
  for (const { apiVersion, kind: manifestKind, metadata } of await readManifests(filename)) {
    const kind = await kindOfManifest(client, apiVersion, manifestKind);
    const place = kind.namespaced ? { namespace: metadata.namespace ?? namespace } : {};
    targets.unshift({ kind, name: metadata.name, ...place });
  }
  return targets;
}

async function removeOne(client: KubeClient, { kind, ...path }: Target, options: DeleteOptions): Promise<Deleted> {
  const { qualified } = await import('../cluster/discovery.ts');
  const { namespace } = path;
  const object = { object: `${qualified(kind)}/${path.name}`, ...(namespace !== undefined && { namespace }) };
  try {
    await client.delete(kind, path, { propagationPolicy: 'Background' });
    return { ...object, result: 'deleted' };
  } catch (error) {
    if (!options.ignoreNotFound || !(error instanceof KubeError) || error.status !== 404) throw error;
    return { ...object, result: 'not found' };
  }
}
