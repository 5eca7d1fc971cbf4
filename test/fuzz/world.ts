/** What is fuzzed: for each shell a client's and a server's sidecar with the same configuration, and an app behind. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Driver } from '../../src/dataplane/driver.ts';
import { nodeDriver } from '../../src/dataplane/node/driver.ts';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import * as policy from '../../src/dataplane/policy/policy.js';
import type { Tables } from '../../src/dataplane/policy/types.ts';
import type { Hash } from '../../src/engine/canonical.ts';
import type { AnyNode, HTTPAccessRule } from '../../src/engine/config.ts';
import {
  addPod,
  appPorts,
  closeMesh,
  createMesh,
  endpointOf,
  inboundPorts,
  type Mesh,
  outboundOf,
  type Pod,
  startSidecar,
  treeFor,
} from '../dataplane/harness/mesh.ts';
import type { Tree } from '../dataplane/harness/tree.ts';
import { ScriptedApp } from './apps.ts';

/** Which sidecars stand on the two sides. */
export type ShellName = 'node' | 'pipy';

const drivers: Readonly<Record<ShellName, Driver>> = { node: nodeDriver, pipy: pipyDriver };

/** A pair of sidecars with the app of the server, and the policy's own tables. */
export interface Pair {
  readonly shell: ShellName;
  readonly mesh: Mesh;
  readonly buyer: Pod;
  readonly store: Pod;
  readonly app: ScriptedApp;
  readonly tables: { readonly buyer: Tables; readonly store: Tables };
  readonly trees: { readonly buyer: Tree; readonly store: Tree };
  /** Where clients connect to. */
  at: { readonly host: string; readonly port: number };
  /** Time that anything may take, after the last byte that matters: an answer, an error or the end of the connection. */
  boundMs: number;
}

/** Paths that the rules let the buyer call, and how; everything else is refused. */
function rules(buyer: string): readonly HTTPAccessRule[] {
  const principals = [buyer];
  return [
    { principals, path: { prefix: '/open/' } },
    { principals, path: { regex: '/get/[^/]*' }, methods: ['GET', 'HEAD'] },
    { principals, path: { prefix: '/key/' }, headers: [{ name: 'x-key', value: { regex: '[a-z]+' } }] },
    { principals, path: { prefix: '/host/' }, headers: [{ name: 'host', value: { regex: 'store(:[0-9]+)?' } }] },
    { principals, path: { prefix: '/shop.Store/' }, methods: ['POST'] },
    { principals, path: { exact: '*' }, methods: ['OPTIONS'] },
  ];
}

/** Longer than a busy machine needs for an answer, and much less than an idle time-out. */
const boundMs = 2500;

/** Starts a pair of sidecars of one shell. */
export async function openPair(shell: ShellName): Promise<Pair> {
  const mesh = await createMesh();
  const buyer = await addPod(mesh, drivers[shell], 'buyer');
  const store = await addPod(mesh, drivers[shell], 'store');
  const app = await new ScriptedApp().open(store.spec.appAddress);
  const trees = { buyer: buyerTree(mesh, buyer, store), store: storeTree(mesh, buyer, store) };
  const tables = { buyer: tablesOf(trees.buyer), store: tablesOf(trees.store) };
  const pair = { shell, mesh, buyer, store, app, trees, tables, at: outboundOf(buyer), boundMs };
  await startAgain(pair);
  return pair;
}

function storeTree(mesh: Mesh, buyer: Pod, store: Pod): Tree {
  const access = {
    anyone: false,
    http: rules(buyer.principal),
    tcp: [{ principals: [buyer.principal], ports: [appPorts.tcp] }],
  };
  return treeFor(mesh, store, {
    inbound: inboundPorts('shop/store'),
    access,
    settings: { mode: 'smi', logLevel: 'error' },
  });
}

function buyerTree(mesh: Mesh, buyer: Pod, store: Pod): Tree {
  const { http, grpc, tcp } = appPorts;
  return treeFor(mesh, buyer, {
    settings: { logLevel: 'error' },
    services: [
      {
        key: 'shop/store',
        ports: [
          { port: 80, protocol: 'http' },
          { port: 81, protocol: 'grpc' },
          { port: 82, protocol: 'tcp' },
        ],
        backends: {
          'shop/store:80': [endpointOf(store, http)],
          'shop/store:81': [endpointOf(store, grpc)],
          'shop/store:82': [endpointOf(store, tcp)],
        },
      },
    ],
  });
}

function tablesOf({ root, fragments }: Tree): Tables {
  const nodes = new Map<Hash, AnyNode>(
    fragments.map(({ hash, bytes }) => [hash, JSON.parse(String(bytes)) as AnyNode]),
  );
  return policy.compile(nodes, root, { random: () => 0, now: () => 0, hash: () => 0 }, null);
}

/** Sidecars that have ended, by name. */
export function endedOf({ buyer, store }: Pair): string[] {
  return [buyer, store].filter(({ program }) => program?.running !== true).map(({ spec }) => spec.podName);
}

/** Starts the sidecars that do not run. */
export async function startAgain({ mesh, buyer, store, trees }: Pair): Promise<void> {
  if (store.program?.running !== true) await startSidecar(mesh, store, trees.store);
  if (buyer.program?.running !== true) await startSidecar(mesh, buyer, trees.buyer);
}

/** Ends everything of a pair. */
export async function closePair({ mesh, app }: Pair): Promise<void> {
  await closeMesh(mesh);
  await app.close();
}

/** What the sidecars of a pair hold: memory in MiB, and open files. */
export interface Held {
  readonly memoryMiB: number;
  readonly files: number;
}

/** The larger of the two sidecars of a pair. */
export function heldBy({ buyer, store }: Pair): Held {
  const each = [buyer, store].map(({ program }) => heldByProcess(program?.pid ?? 0));
  return { memoryMiB: Math.max(...each.map(one => one.memoryMiB)), files: Math.max(...each.map(one => one.files)) };
}

function heldByProcess(pid: number): Held {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? '0');
  return { memoryMiB: Math.round(kib / 1024), files: readdirSync(`/proc/${pid}/fd`).length };
}
