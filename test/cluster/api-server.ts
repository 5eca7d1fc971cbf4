/**
 * A real kube-apiserver over a real etcd on loopback, for tests: the programs that `build.sh` builds, each started anew
 * with an empty state and ended by its process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isExecutable } from '../../src/dataplane/pipy/driver.ts';
import type { ClusterAccess } from '../../src/kube/access.ts';
import { adminToken, selfSigned } from '../sandbox/api/cluster.ts';

const programs = ['kube-apiserver', 'etcd'] as const;

/** Folder of the programs (`FSM_CLUSTER_BIN`), or why there is none. */
export function findPrograms(): { readonly folder: string } | { readonly why: string } {
  const folder = process.env.FSM_CLUSTER_BIN;
  if (!folder) return { why: 'FSM_CLUSTER_BIN is not set; test/cluster/build.sh <folder> builds what goes there' };
  const missing = programs.filter(name => !isExecutable(join(folder, name)));
  return missing.length === 0 ? { folder } : { why: `${folder} holds no ${missing.join(' and no ')}` };
}

export interface RealApiServer {
  readonly access: ClusterAccess;
  close(): Promise<void>;
}

/** Starts etcd, then kube-apiserver; resolves when it says that it is ready. */
export async function startRealApiServer(folder: string): Promise<RealApiServer> {
  const dir = mkdtempSync(join(tmpdir(), 'fsm-cluster-'));
  const [clientPort, peerPort, apiPort] = await freePorts(3);
  const etcd = run(join(folder, 'etcd'), etcdFlags(dir, clientPort, peerPort));
  const tls = await selfSigned();
  writeFiles(dir, tls);
  await etcd.said(/ready to serve client requests/);
  const api = run(join(folder, 'kube-apiserver'), apiFlags(dir, clientPort, apiPort));
  const access = { server: `https://127.0.0.1:${apiPort}`, ca: tls.cert, token: adminToken };
  await Promise.race([untilReady(apiPort, tls.cert), api.failed]);
  return {
    access,
    async close() {
      await api.end();
      await etcd.end();
      rmSync(dir, { recursive: true });
    },
  };
}

function etcdFlags(dir: string, clientPort = 0, peerPort = 0): string[] {
  const [client, peer] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
  return [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // Nothing here outlives the test.
    '--unsafe-no-fsync',
  ];
}

/** No controllers run, so nobody makes the ServiceAccounts that pods would have to wait for. */
function apiFlags(dir: string, etcdPort = 0, port = 0): string[] {
  const file = (name: string) => join(dir, name);
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--bind-address=127.0.0.1`,
    `--advertise-address=127.0.0.1`,
    `--secure-port=${port}`,
    `--tls-cert-file=${file('api.crt')}`,
    `--tls-private-key-file=${file('api.key')}`,
    `--token-auth-file=${file('tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${file('accounts.key')}`,
    `--service-account-signing-key-file=${file('accounts.key')}`,
    '--disable-admission-plugins=ServiceAccount',
  ];
}

function writeFiles(dir: string, tls: { readonly cert: string; readonly key: string }): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = {
    'api.crt': tls.cert,
    'api.key': tls.key,
    'tokens.csv': `${adminToken},admin,admin,system:masters\n`,
    'accounts.key': privateKey.export({ format: 'pem', type: 'sec1' }).toString(),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o600 });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(server => once(server, 'listening')));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

/** A program whose last lines are kept for the error that says why it ended. */
function run(file: string, args: readonly string[]) {
  const child: ChildProcess = spawn(file, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const last: string[] = [];
  const waiting = new Set<(line: string) => void>();
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', line => {
      last.push(line);
      if (last.length > 20) last.shift();
      for (const look of waiting) look(line);
    });
  const exited = once(child, 'exit');
  const failed = exited.then(() => Promise.reject(new Error(`${file} ended:\n${last.join('\n')}`)));
  failed.catch(() => undefined);
  const said = (pattern: RegExp) =>
    Promise.race([failed, new Promise<void>(resolve => waiting.add(line => pattern.test(line) && resolve()))]);
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { failed, said, end };
}

/** Asks until the answer is yes: the server says nothing else about it that could be waited for. */
async function untilReady(port = 0, ca: string): Promise<void> {
  for (const untilMs = Date.now() + 60_000; Date.now() < untilMs; ) {
    if ((await statusOf(port, ca)) === 200) return;
    await new Promise(resolve => setImmediate(resolve));
  }
  throw new Error('kube-apiserver is not ready after 60 s');
}

function statusOf(port: number, ca: string): Promise<number> {
  return new Promise(resolve => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/readyz',
      ca,
      headers: { authorization: `Bearer ${adminToken}` },
    };
    request(options, response => resolve(response.resume().statusCode ?? 0))
      .on('error', () => resolve(0))
      .end();
  });
}
