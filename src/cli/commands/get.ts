/** `fsm get <kind>[,<kind>] [name...]` and `fsm get <kind>/<name>...`: any kind of any cluster. */
import type { Command } from 'commander';
import type { Problem } from '../../api/problem.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Discovered } from '../cluster/discovery.ts';
import type { Target } from '../cluster/targets.ts';
import { tell, usage } from '../failure.ts';
import { type ClusterOptions, clusterCommand, type OutputOptions, outputOption } from '../options.ts';
import { print, table } from '../output.ts';

interface GetOptions extends ClusterOptions, OutputOptions {
  readonly namespace?: string;
  readonly allNamespaces?: true;
  readonly selector?: string;
}

/** The objects of one kind. */
interface Found {
  readonly kind: Discovered;
  readonly objects: readonly KubeObject[];
}

/** The command and its options. */
export function getCommand(): Command {
  return clusterCommand('get')
    .description('show objects of any kind')
    .argument('<kind>', 'plural, singular or short name, several with commas, all, or kind/name')
    .argument('[names...]', 'names of objects, or further kind/name')
    .option('-n, --namespace <name>', 'namespace; default unless given')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .addOption(outputOption('wide', 'name', 'json', 'yaml'))
    .action(get);
}

async function get(first: string, names: readonly string[], options: GetOptions): Promise<void> {
  const { withCluster } = await import('../cluster/connect.ts');
  const { createDiscovery } = await import('../cluster/discovery.ts');
  const { targetsOf } = await import('../cluster/targets.ts');
  const { withProgress } = await import('../progress.ts');
  const work = withCluster(options, async client => {
    const targets = await targetsOf(createDiscovery(client), [first, ...names]);
    checkOptions(targets, options);
    return { targets, ...(await read(client, targets, options)) };
  });
  const { targets, found, problems } = await withProgress(`Reading ${first}`, work);
  const { tablesOf, namesOf } = await import('../cluster/tables.ts');
  if (options.output === 'table' && found.length === 0 && problems.length > 0) return;
  print(options.output, documentOf(targets, found, problems), () => {
    if (options.output === 'name') return namesOf(found);
    const isWide = options.output === 'wide';
    const several = new Set(targets.map(({ kind }) => kind)).size > 1;
    const shown = found.filter(({ objects }) => objects.length > 0);
    if (shown.length === 0) return nothing(found, options);
    return tablesOf(shown, { isWide, several, showNamespace: options.allNamespaces === true }, table);
  });
}

function checkOptions(targets: readonly Target[], { allNamespaces, selector }: GetOptions): void {
  if (targets.every(({ name }) => name === undefined)) return;
  if (allNamespaces)
    throw usage('an object cannot be named in every namespace at once', 'name its namespace with -n, or leave -A out');
  if (selector !== undefined) throw usage('names and -l were both given', 'leave one of them out');
}

/** Reads what can be read; what cannot is told and kept. Objects of one kind stay together. */
async function read(
  client: KubeClient,
  targets: readonly Target[],
  options: GetOptions,
): Promise<{ found: readonly Found[]; problems: readonly Problem[] }> {
  const found = new Map<Discovered, KubeObject[]>();
  const problems: Problem[] = [];
  for (const target of targets) {
    try {
      const objects = await fetchObjects(client, target, options);
      found.set(target.kind, [...(found.get(target.kind) ?? []), ...objects]);
    } catch (error) {
      // With one thing asked for, its failure is the command's.
      if (targets.length === 1) throw error;
      problems.push(tell(error));
    }
  }
  return { found: [...found].map(([kind, objects]) => ({ kind, objects })), problems };
}

/** One named object is itself; everything else is a List, with what could not be read beside it. */
function documentOf(targets: readonly Target[], found: readonly Found[], problems: readonly Problem[]): unknown {
  const items = found.flatMap(({ kind, objects }) =>
    objects.map(object => ({ apiVersion: versionOf(kind), kind: kind.kind, ...object })),
  );
  const [first] = targets;
  if (targets.length === 1 && first?.name !== undefined) return items[0];
  return { apiVersion: 'v1', kind: 'List', items, ...(problems.length > 0 && { problems }) };
}

const versionOf = ({ group, version }: Discovered) => (group === '' ? version : `${group}/${version}`);

function nothing(found: readonly Found[], { allNamespaces, namespace = 'default' }: GetOptions): string {
  const inside = !allNamespaces && found.some(({ kind }) => kind.namespaced);
  const where = inside ? ` in namespace ${namespace} (-A looks in all of them)` : '';
  return `there are no ${found.map(({ kind }) => kind.plural).join(', no ')}${where}`;
}

async function fetchObjects(
  client: KubeClient,
  { kind, name }: Target,
  { namespace = 'default', allNamespaces, selector }: GetOptions,
): Promise<readonly KubeObject[]> {
  const { listAll } = await import('../../kube/client.ts');
  const place = kind.namespaced && !allNamespaces ? { namespace } : {};
  if (name !== undefined) return [await client.get(kind, { ...(kind.namespaced && { namespace }), name })];
  return listAll(client, kind, { ...place, ...(selector !== undefined && { labelSelector: selector }) });
}
