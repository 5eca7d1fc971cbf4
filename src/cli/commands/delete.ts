/** `fsm delete -f <file>`, `fsm delete <kind> <name...>` and `fsm delete <kind>/<name>...` */
import type { Command } from 'commander';
import { ProblemError } from '../../api/problem.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import type { Discovered, Discovery } from '../cluster/discovery.ts';
import type { Outcome, Step } from '../cluster/each.ts';
import type { Reading } from '../cluster/manifests.ts';
import { usage } from '../failure.ts';
import { type ClusterOptions, clusterCommand, type OutputOptions, outputOption } from '../options.ts';

interface DeleteOptions extends ClusterOptions, OutputOptions {
  readonly filename?: readonly string[];
  readonly namespace?: string;
  readonly ignoreNotFound?: true;
}

interface Place {
  readonly name: string;
  readonly namespace?: string;
}

/** The command and its options. */
export function deleteCommand(): Command {
  return clusterCommand('delete')
    .description('delete objects; each is tried, and told')
    .argument('[what...]', 'a kind and names, or kind/name')
    .option('-f, --filename <files...>', 'the objects of YAML or JSON files or folders; - is standard input')
    .option('-n, --namespace <name>', 'namespace; default unless given')
    .option('--ignore-not-found', 'what is not there counts as deleted')
    .addOption(outputOption('json', 'yaml'))
    .action(remove);
}

async function remove(args: readonly string[], options: DeleteOptions): Promise<void> {
  const { withCluster } = await import('../cluster/connect.ts');
  const { createDiscovery } = await import('../cluster/discovery.ts');
  const { each } = await import('../cluster/each.ts');
  const { withProgress } = await import('../progress.ts');
  if ((options.filename === undefined) === (args.length === 0))
    throw usage('it is not said what to delete', 'give a kind and names, or kind/name, or files with -f');
  const work = withCluster(options, async client => {
    const steps = await stepsOf(client, createDiscovery(client), args, options);
    await each(options.output, steps);
  });
  await withProgress('Deleting', work);
}

/** Of a file the last object goes first: what was made last may need what was made before. */
async function stepsOf(
  client: KubeClient,
  discovery: Discovery,
  args: readonly string[],
  options: DeleteOptions,
): Promise<readonly Step[]> {
  if (options.filename !== undefined) {
    const { readManifests } = await import('../cluster/manifests.ts');
    const readings = await readManifests(options.filename);
    return [...readings].reverse().map(reading => stepOf(client, discovery, reading, options));
  }
  const { qualified } = await import('../cluster/discovery.ts');
  const { targetsOf } = await import('../cluster/targets.ts');
  const targets = await targetsOf(discovery, args);
  return targets.map(({ kind, name }) => {
    if (name === undefined) throw usage(`it is not said which ${kind.plural} to delete`, 'name them');
    const object = `${qualified(kind)}/${name}`;
    return { object, run: () => removeOne(client, kind, placeOf(kind, name, options.namespace), options) };
  });
}

function stepOf(client: KubeClient, discovery: Discovery, reading: Reading, options: DeleteOptions): Step {
  if ('problem' in reading) return { run: () => Promise.reject(new ProblemError(reading.problem)) };
  const { apiVersion, kind: kindName, metadata } = reading.manifest;
  return {
    object: `${kindName.toLowerCase()}/${metadata.name}`,
    async run() {
      const kind = await discovery.ofManifest(apiVersion, kindName);
      const place = placeOf(kind, metadata.name, metadata.namespace ?? options.namespace);
      return removeOne(client, kind, place, options);
    },
  };
}

function placeOf({ namespaced }: Discovered, name: string, namespace = 'default'): Place {
  return namespaced ? { namespace, name } : { name };
}

async function removeOne(
  client: KubeClient,
  kind: Discovered,
  place: Place,
  { ignoreNotFound }: DeleteOptions,
): Promise<Outcome> {
  const { qualified } = await import('../cluster/discovery.ts');
  const { namespace } = place;
  const object = { object: `${qualified(kind)}/${place.name}`, ...(namespace !== undefined && { namespace }) };
  try {
    await client.delete(kind, place, { propagationPolicy: 'Background' });
    return { ...object, result: 'deleted' };
  } catch (error) {
    if (!ignoreNotFound || !(error instanceof KubeError) || error.status !== 404) throw error;
    return { ...object, result: 'not found' };
  }
}
