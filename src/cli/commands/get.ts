/** `fsm get <kind> [name]`: any kind of any cluster. */
import type { Command } from 'commander';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Discovered } from '../cluster/discovery.ts';
import { type ClusterOptions, clusterCommand, type OutputOptions, outputOption } from '../options.ts';
import { print, table } from '../output.ts';

interface GetOptions extends ClusterOptions, OutputOptions {
  readonly namespace?: string;
  readonly allNamespaces?: true;
  readonly selector?: string;
}

export function getCommand(): Command {
  return clusterCommand('get')
    .description('show objects of any kind')
    .argument('<kind>', 'plural, singular or short name, such as pods, trafficsplits or svc')
    .argument('[name]')
    .option('-n, --namespace <name>', 'namespace; default unless given')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .addOption(outputOption('wide', 'json', 'yaml'))
    .action(get);
}

async function get(kindName: string, name: string | undefined, options: GetOptions): Promise<void> {
  const { withCluster } = await import('../cluster/connect.ts');
  const { findKind } = await import('../cluster/discovery.ts');
  const { withProgress } = await import('../progress.ts');
  const work = withCluster(options, async client => {
    const kind = await findKind(client, kindName);
    return { kind, objects: await fetchObjects(client, kind, name, options) };
  });
  const { kind, objects } = await withProgress(`Reading ${kindName}`, work);
  const { rowOf } = await import('../cluster/columns.ts');
  const typed = objects.map(object => ({ apiVersion: versionOf(kind), kind: kind.kind, ...object }));
  const [first] = typed;
  const value = name !== undefined ? first : { apiVersion: 'v1', kind: 'List', items: typed };
  print(options.output, value, () => {
    if (objects.length === 0) return `there are no ${kind.plural}${where(kind, options)}`;
    const rows = objects.map(object => ({
      ...(options.allNamespaces && kind.namespaced && { NAMESPACE: String(object.metadata.namespace) }),
      ...rowOf(kind.kind, object, options.output === 'wide', Date.now()),
    }));
    const header = [...new Set(rows.flatMap(row => Object.keys(row)))];
    return table(
      header,
      rows.map(row => header.map(column => (row as Record<string, string>)[column] ?? '')),
    );
  });
}

const versionOf = ({ group, version }: Discovered) => (group === '' ? version : `${group}/${version}`);

function where({ namespaced }: Discovered, { allNamespaces, namespace = 'default' }: GetOptions): string {
  return !namespaced || allNamespaces ? '' : ` in namespace ${namespace} (-A looks in all of them)`;
}

async function fetchObjects(
  client: KubeClient,
  kind: Discovered,
  name: string | undefined,
  { namespace = 'default', allNamespaces, selector }: GetOptions,
): Promise<readonly KubeObject[]> {
  const { listAll } = await import('../../kube/client.ts');
  const place = kind.namespaced && !allNamespaces ? { namespace } : {};
  if (name !== undefined) return [await client.get(kind, { ...(kind.namespaced && { namespace }), name })];
  return listAll(client, kind, { ...place, ...(selector !== undefined && { labelSelector: selector }) });
}
