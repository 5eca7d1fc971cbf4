/** `fsm version` */
import type { Command } from 'commander';
import { version } from '../../api/package.ts';
import { controlPlaneCommand, type OutputOptions } from '../options.ts';
import { print } from '../output.ts';

interface ControlPlaneVersion {
  readonly version: string;
  readonly journal: string;
  readonly cluster: string;
  readonly revision: number;
}

export function versionCommand(): Command {
  return controlPlaneCommand('version').description('versions of this program and of the control plane').action(show);
}

async function show({ dir, output }: OutputOptions & { dir: string }): Promise<void> {
  const controlPlane = await askIfRunning(dir);
  const node = process.versions.node;
  print(output, { version, node, controlPlane: controlPlane ?? null }, () => {
    const own = `fsm            ${version} (Node ${node})`;
    if (controlPlane === undefined) return `${own}\ncontrol plane  no sandbox runs in ${dir}`;
    return `${own}\ncontrol plane  ${controlPlane.version}, revision ${controlPlane.revision}`;
  });
}

async function askIfRunning(dir: string): Promise<ControlPlaneVersion | undefined> {
  const { filesOf } = await import('../../sandbox/files.ts');
  const { runningInstance } = await import('../../sandbox/instance.ts');
  const { ask } = await import('../read-model.ts');
  return (await runningInstance(filesOf(dir))) && ask<ControlPlaneVersion>(dir, '/version');
}
