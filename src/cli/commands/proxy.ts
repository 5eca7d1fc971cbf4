/** `fsm proxy list|config`: what the control plane has sent to which sidecar, and what came back. */
import { Command } from 'commander';
import type { Problem } from '../../api/problem.ts';
import { dirOption, sandboxFolder } from '../../sandbox/shell.ts';
import { usage } from '../failure.ts';
import { controlPlaneCommand, type OutputOptions } from '../options.ts';
import { age, print, table } from '../output.ts';

/** A configuration on its way: the hash of its root, the revision it is of, and when (epoch milliseconds). */
interface Position {
  readonly root: string;
  readonly rev: string;
  readonly at: number;
}

/** A row of `/proxies`. */
export interface ProxyRow {
  readonly pod: string;
  readonly uid: string;
  readonly shell: string;
  readonly connected: boolean;
  readonly current?: string | null;
  readonly sent: Position | null;
  readonly acked: Position | null;
  readonly problem?: Problem;
}

interface ProxyOptions extends OutputOptions {
  readonly dir: string;
}

export function proxyCommand(): Command {
  const proxy = new Command('proxy').description('sidecars as the control plane sees them');
  proxy.addCommand(controlPlaneCommand('list').description('every enrolled sidecar').action(list));
  proxy.addCommand(
    controlPlaneCommand('config')
      .description('the configuration of a sidecar')
      .argument('<pod>', 'namespace/name, name, or the beginning of a name')
      .action(config),
  );
  return proxy;
}

async function list({ dir, output }: ProxyOptions): Promise<void> {
  const { ask } = await import('../read-model.ts');
  const rows = await ask<readonly ProxyRow[]>(dir, '/proxies');
  print(output, rows, () => (rows.length === 0 ? 'no sidecar is enrolled' : tableOf(rows, Date.now())));
}

function tableOf(rows: readonly ProxyRow[], nowMs: number): string {
  const cells = rows.map(({ pod, shell, connected, sent, acked, problem }) => [
    pod,
    shell,
    connected ? 'yes' : 'no',
    revision(sent),
    revision(acked),
    acked === null ? '' : age(acked.at, nowMs),
    acked?.root.slice(0, 8) ?? '',
    problem?.code ?? '',
  ]);
  return table(['POD', 'SHELL', 'CONNECTED', 'SENT', 'ACKED', 'AGE', 'CONFIG', 'PROBLEM'], cells);
}

/** `<journal>.<n>`: the journal is the same in every row, so people see the number. */
function revision(position: Position | null): string {
  return position === null ? '-' : position.rev.slice(position.rev.lastIndexOf('.') + 1);
}

interface Config {
  readonly root: string;
  readonly nodes: Readonly<Record<string, { kind: string; data: unknown; refs: Record<string, string> }>>;
}

async function config(name: string, { dir, output }: ProxyOptions): Promise<void> {
  const { ask } = await import('../read-model.ts');
  const pod = choose(name, await ask<readonly ProxyRow[]>(dir, '/proxies'), dir);
  const found = await ask<Config>(dir, `/proxies/${pod}/config`);
  print(output, { pod, ...found }, () => [`${pod}`, ...outline(found, found.root, 'root', 0, new Set())].join('\n'));
}

/** Certificates are public, and long. */
const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----(\\n)?/g;

/** The tree, a node a line; what was shown before is only named. */
function outline({ nodes, ...rest }: Config, hash: string, name: string, depth: number, seen: Set<string>): string[] {
  const node = nodes[hash];
  const indent = '  '.repeat(depth);
  if (node === undefined) return [];
  if (seen.has(hash)) return [`${indent}${name} ${hash.slice(0, 8)} (above)`];
  seen.add(hash);
  const data = JSON.stringify(node.data).replace(pem, '…');
  const line = `${indent}${name} ${hash.slice(0, 8)} ${data === '{}' ? '' : data}`.trimEnd();
  const children = Object.entries(node.refs).flatMap(([child, ref]) =>
    outline({ nodes, ...rest }, ref, child, depth + 1, seen),
  );
  return [line, ...children];
}

/** @throws ProblemError FSM6003 when none is called so, or several are */
export function choose(name: string, rows: readonly ProxyRow[], dir = sandboxFolder): string {
  const pods = rows.map(({ pod }) => pod);
  if (pods.includes(name)) return name;
  const found = pods.filter(pod => pod.split('/')[1] === name || pod.split('/')[1]?.startsWith(`${name}-`));
  const [only, ...others] = found;
  if (only === undefined)
    throw usage(`no enrolled sidecar is called ${name}`, `look at "fsm proxy list${dirOption(dir)}"`);
  if (others.length > 0) throw usage(`${name} may be ${found.join(', ')}`, 'name one of them');
  return only;
}
