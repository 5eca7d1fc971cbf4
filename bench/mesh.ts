/** A real mesh of one client pod and one server pod, for measuring: API server, control plane and two sidecars. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createLog } from '../src/admin/log.ts';
import { startController } from '../src/controller.ts';
import type { Driver } from '../src/dataplane/driver.ts';
import { rootCertificateFile } from '../src/identity/root-store.ts';
import { loadAccess } from '../src/kube/access.ts';
import { createClient, type KubeClient } from '../src/kube/client.ts';
import type { KubeObject } from '../src/sandbox/api/objects.ts';
import type { ApiServer } from '../src/sandbox/api/server.ts';
import { startControllers } from '../src/sandbox/controllers/index.ts';
import { startApi, writeKubeconfig } from './api-server.ts';
import { listening, run, start } from './processes.ts';

/** Service port, target port and app port: the same number everywhere. */
export const appPort = 14001;
const trustDomain = 'cluster.local';

export interface BenchMesh {
  /** Adds a client and a server pod with sidecars of a driver; resolves when a request can cross. */
  pair(driver: Driver, name: string, block: number, appAddress: string): Promise<Pair>;
  /** Adds a pod of namespace `bench` with a sidecar, labelled `app: <name>`; resolves with the sidecar's process id. */
  pod(driver: Driver, name: string, address: string, appAddress: string): Promise<number>;
  /** Puts YAML documents into the cluster, without the network. */
  put(yaml: string): void;
  /** A client of the cluster's API, as admin. */
  readonly client: KubeClient;
  /** Configurations that the control plane has sent. */
  commits(): Promise<number>;
  close(): Promise<void>;
}

export interface Pair {
  /** Where the load goes: the client's sidecar. */
  readonly address: string;
  readonly port: number;
  readonly host: string;
  /** Client's and server's sidecar. */
  readonly pids: readonly [number, number];
}

export async function startMesh(): Promise<BenchMesh> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-bench-'));
  const adminToken = crypto.randomUUID();
  const api = await startApi(adminToken);
  const controllers = startControllers(api.server.store);
  putBasics(api.server);
  const kubeconfig = await writeKubeconfig(dir, api.server.port, api.ca, adminToken);
  const any = '127.0.0.1:0';
  const log = createLog(() => {});
  const controller = await startController({
    kubeconfig,
    stateDir: dir,
    listen: any,
    readModel: any,
    metrics: any,
    trustDomain,
    threads: 0,
    log,
  });
  await controller.synced;
  const place = { api: api.server, dir, controlPlane: `127.0.0.1:${controller.ports.push}` };
  const client = createClient(await loadAccess({ kubeconfig }));
  return {
    pair: (driver, name, block, appAddress) => startPair({ ...place, driver, name, block, appAddress }),
    pod: (driver, name, address, appAddress) => startSidecar({ ...place, driver }, name, address, appAddress),
    put: yaml => putYaml(api.server.store, yaml),
    client,
    async commits() {
      const response = await fetch(`http://127.0.0.1:${controller.ports.readModel}/state`);
      return ((await response.json()) as { counters: { commits: number } }).counters.commits;
    },
    async close() {
      client.close();
      await controller.close();
      controllers.stop();
      await api.server.close();
      await rm(dir, { recursive: true });
    },
  };
}

function putBasics({ store }: ApiServer): void {
  putYaml(
    store,
    `
{ apiVersion: v1, kind: Namespace, metadata: { name: fsm-system } }
---
{ apiVersion: v1, kind: Namespace, metadata: { name: bench, labels: { flomesh.io/monitored-by: fsm } } }
---
apiVersion: config.flomesh.io/v1alpha3
kind: MeshConfig
metadata: { namespace: fsm-system, name: fsm-mesh-config }
spec: { traffic: { enablePermissiveTrafficPolicyMode: false, enableEgress: false } }
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { namespace: bench, name: routes }
spec: { matches: [{ name: books, pathRegex: /books/.*, methods: [GET] }] }
`,
  );
}

function putYaml(store: ApiServer['store'], yaml: string): void {
  for (const document of parseAllDocuments(yaml)) store.put(document.toJS() as KubeObject);
}

interface PodPlan {
  readonly api: ApiServer;
  readonly dir: string;
  readonly controlPlane: string;
  readonly driver: Driver;
}

interface PairPlan extends PodPlan {
  readonly name: string;
  /** Second to last number of the pods' loopback addresses. */
  readonly block: number;
  readonly appAddress: string;
}

async function startPair(plan: PairPlan): Promise<Pair> {
  const { api, name, block } = plan;
  putYaml(
    api.store,
    `
apiVersion: v1
kind: Service
metadata: { namespace: bench, name: ${name} }
spec: { selector: { app: ${name}-server }, ports: [{ name: http, port: ${appPort}, targetPort: ${appPort} }] }
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { namespace: bench, name: ${name} }
spec:
  destination: { kind: ServiceAccount, name: ${name}-server, namespace: bench }
  sources: [{ kind: ServiceAccount, name: ${name}-client, namespace: bench }]
  rules: [{ kind: HTTPRouteGroup, name: routes }]
`,
  );
  const server = await startSidecar(plan, `${name}-server`, `127.61.${block}.2`, plan.appAddress);
  await listening(`127.61.${block}.2`, appPort);
  const client = await startSidecar(plan, `${name}-client`, `127.61.${block}.1`, `127.61.${block}.3`);
  const pair: Pair = {
    address: `127.61.${block}.1`,
    port: 15001,
    host: `${name}.bench:${appPort}`,
    pids: [client, server],
  };
  await crossing(pair);
  return pair;
}

/** Creates the pod, runs the init step, starts the sidecar; gives its process id. */
async function startSidecar(
  { api, dir, controlPlane, driver }: PodPlan,
  name: string,
  ip: string,
  appAddress: string,
): Promise<number> {
  putYaml(api.store, `{ apiVersion: v1, kind: ServiceAccount, metadata: { namespace: bench, name: ${name} } }`);
  const pod = putPod(api, name, ip);
  const uid = String(pod.metadata.uid);
  const stateDir = join(dir, name);
  await mkdir(stateDir, { mode: 0o700 });
  const tokenFile = join(stateDir, 'token');
  const spec = { audiences: [`fsm.${trustDomain}`], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid } };
  const { status } = api.tokens.request('bench', name, { spec });
  await writeFile(tokenFile, String((status as { token?: unknown }).token), { mode: 0o600 });
  const controlRootFile = rootCertificateFile(join(dir, 'control-root'));
  const place = { podUid: uid, podNamespace: 'bench', podName: name, podAddress: ip, appAddress };
  const sidecar = { ...place, controlPlane, controlRootFile, tokenFile, stateDir };
  await run(driver.init(sidecar));
  const child = start(driver.sidecar(sidecar));
  if (child.pid === undefined) throw new Error(`the ${driver.name} sidecar did not start`);
  return child.pid;
}

function putPod(api: ApiServer, name: string, ip: string): KubeObject {
  const resource = api.store.catalog.byId('pods');
  if (resource === undefined) throw new Error('no pods');
  const metadata = { namespace: 'bench', name, labels: { app: name, 'fsm-proxy-uuid': name } };
  const spec = { serviceAccountName: name, nodeName: 'bench', containers: [{ name: 'app', image: 'none' }] };
  api.store.put({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as KubeObject);
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] };
  return api.store.update(resource, 'bench', name, draft => ({ ...draft, status }), { status: true });
}

/** Resolves when a request gets its 200 through both sidecars. */
export async function crossing(pair: Pick<Pair, 'address' | 'port' | 'host'>): Promise<void> {
  const { request } = await import('node:http');
  await listening(pair.address, pair.port);
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const status = await new Promise<number>(resolve => {
      const sent = request({
        host: pair.address,
        port: pair.port,
        path: '/books/1',
        headers: { host: pair.host },
        agent: false,
      });
      sent.on('response', response => resolve(response.resume().statusCode ?? 0));
      sent.on('error', () => resolve(0));
      sent.end();
    });
    if (status === 200) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`no request crosses from ${pair.address} to ${pair.host}`);
}
