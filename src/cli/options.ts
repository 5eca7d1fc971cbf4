/** Options that several commands have. */
import { Command, Option } from 'commander';
import type { Format } from './output.ts';

export interface OutputOptions {
  readonly output: Format;
}

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly dir?: string;
}

export const outputOption = (...choices: readonly Format[]) =>
  new Option('-o, --output <format>', 'how the result is written').choices(['table', ...choices]).default('table');

/** A command that talks to a Kubernetes API. */
export function clusterCommand(name: string): Command {
  return new Command(name)
    .option('--kubeconfig <file>', 'instead of $KUBECONFIG, .fsm/kubeconfig and ~/.kube/config')
    .option('--context <name>', "instead of the kubeconfig's current context")
    .option('--dir <dir>', 'directory of a sandbox: its cluster is meant');
}

/** A command that asks a control plane. */
export function controlPlaneCommand(name: string): Command {
  return new Command(name)
    .option('--dir <dir>', 'directory of the sandbox', '.fsm')
    .addOption(outputOption('json', 'yaml'));
}
