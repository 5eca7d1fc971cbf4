/** Runs `fsm` as a user does, against whatever API server a test has started. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stringify } from 'yaml';
import { adminToken } from '../sandbox/api/cluster.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where standard output goes instead of to the test. */
  readonly into?: string;
  /** Standard output is closed by its reader at once. */
  readonly nobodyReads?: boolean;
}

/** Runs it to its end; nothing of the machine's own Kubernetes is seen. */
export async function fsm(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { KUBECONFIG: _, ...env } = process.env;
  const out = options.into === undefined ? ('pipe' as const) : openSync(options.into, 'w');
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd,
    env: { ...env, HOME: '/nowhere', ...options.env },
    stdio: ['ignore', out, 'pipe'],
  });
  if (typeof out === 'number') closeSync(out);
  if (options.nobodyReads) child.stdout?.destroy();
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve));
  const read = async (stream: NodeJS.ReadableStream | null) =>
    stream === null || (options.nobodyReads && stream === child.stdout) ? '' : text(stream as never);
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { code: await exited, stdout, stderr };
}

/** Writes a kubeconfig for a server. @param ca PEM; none for a server without TLS */
export function writeKubeconfig(file: string, server: string, ca?: string): string {
  const authority = ca && { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 's', cluster: { server, ...authority } }],
    users: [{ name: 's', user: { token: adminToken } }],
    contexts: [{ name: 's', context: { cluster: 's', user: 's' } }],
    'current-context': 's',
  };
  writeFileSync(file, stringify(config));
  return file;
}
