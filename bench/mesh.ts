/** A real mesh of a client pod and some server pods, for measuring: API server, control plane and sidecars. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createLog } from '../src/admin/log.ts';
import { type Controller, startController } from '../src/controller.ts';
import type { Driver } from '../src/dataplane/driver.ts';
import { rootCertificateFile } from '../src/identity/root-store.ts';
import { loadAccess } from '../src/kube/access.ts';
import { createClient, type KubeClient } from '../src/kube/client.ts';
import type { KubeObject } from '../src/sandbox/api/objects.ts';
import type { ApiServer } from '../src/sandbox/api/server.ts';
import { startControllers } from '../src/sandbox/controllers/index.ts';
import { startApi, writeKubeconfig } from './api-server.ts';
import { listening } from './listening.ts';
import { unlessStopped } from './run/stop.ts';
import type { Child, Program } from './targets/target.ts';

/** Service port, target port and app port: the same number everywhere. */
export const appPort = 14001;
const trustDomain = 'cluster.local';

/** Longest that an init step may take. */
const initMaxMs = 60_000;

/** Starts a program of a sidecar; the name says whose it is. */
export type StartProgram = (program: Program, name: string) => Child;

/** A pod with a sidecar. */
export interface BenchPod {
  readonly name: string;
  /** Its label `app` and its account; its name, unless it is one of several. */
  readonly app?: string;
  readonly address: string;
  readonly appAddress: string;
}

/** A mesh that runs. */
export interface BenchMesh {
  /** Adds a pod of namespace `bench` with a sidecar; resolves with the sidecar's process id. */
  pod(driver: Driver, pod: BenchPod): Promise<number>;
  /** Adds a pod of namespace `bench`, labelled `app: <name>`, that is only known: nothing runs there. */
  idlePod(name: string, address: string): void;
  /** Puts YAML documents into the cluster, without the network. */
  put(yaml: string): void;
  /** A client of the cluster's API, as admin. */
  readonly client: KubeClient;
  /** Configurations that the control plane has sent. */
  commits(): Promise<number>;
  /** Ends all of it but the sidecars, and tries each part whatever becomes of the others. */
  close(): Promise<void>;
}

/**
 * Starts API server and control plane in this process.
 *
 * @param start starts the sidecars
 * @param parent where it makes its own directory, in which there are keys; it is gone with the mesh
 */
export async function startMesh(start: StartProgram, parent: string): Promise<BenchMesh> {
  await using parts = new AsyncDisposableStack();
  const dir = await mkdtemp(join(parent, 'mesh-'));
  parts.defer(() => rm(dir, { recursive: true, force: true }));
  const adminToken = crypto.randomUUID();
  const api = await startApi(adminToken);
  parts.defer(() => api.server.close());
  const controllers = startControllers(api.server.store);
  parts.defer(() => controllers.stop());
  putBasics(api.server);
  const kubeconfig = await writeKubeconfig(dir, api.server.port, api.ca, adminToken);
  const controller = await startControlPlane(kubeconfig, dir);
  parts.defer(() => controller.close());
  await controller.synced;
  const place = { api: api.server, dir, controlPlane: `127.0.0.1:${controller.ports.push}`, start };
  const client = createClient(await loadAccess({ kubeconfig }));
  parts.defer(() => client.close());
  const whole = parts.move();
  return {
    pod: (driver, pod) => startSidecar({ ...place, driver }, pod),
    idlePod: (name, address) => void putPod(api.server, name, name, address),
    put: yaml => putYaml(api.server.store, yaml),
    client,
    async commits() {
      const response = await fetch(`http://127.0.0.1:${controller.ports.readModel}/state`);
      return ((await response.json()) as { counters: { commits: number } }).counters.commits;
    },
    close: () => whole.disposeAsync(),
  };
}

function startControlPlane(kubeconfig: string, stateDir: string): Promise<Controller> {
  const any = '127.0.0.1:0';
  const listen = { listen: any, readModel: any, metrics: any };
  return startController({ ...listen, kubeconfig, stateDir, trustDomain, threads: 0, log: createLog(() => {}) });
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
spec:
  matches:
    - { name: books, pathRegex: '/(books|bytes)/.*', methods: [GET] }
    - { name: calls, pathRegex: '/bench.Echo/.*', methods: [POST] }
    - { name: sockets, pathRegex: /echo, methods: [GET] }
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: { namespace: bench, name: connections }
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
  readonly start: StartProgram;
}

/** Creates the pod, runs the init step, starts the sidecar; gives its process id. */
async function startSidecar(
  { api, dir, controlPlane, driver, start }: PodPlan,
  { name, app = name, address: ip, appAddress }: BenchPod,
): Promise<number> {
  putYaml(api.store, `{ apiVersion: v1, kind: ServiceAccount, metadata: { namespace: bench, name: ${app} } }`);
  const pod = putPod(api, name, app, ip);
  const uid = String(pod.metadata.uid);
  const stateDir = join(dir, name);
  await mkdir(stateDir, { mode: 0o700 });
  const tokenFile = join(stateDir, 'token');
  const spec = { audiences: [`fsm.${trustDomain}`], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid } };
  const { status } = api.tokens.request('bench', app, { spec });
  await writeFile(tokenFile, String((status as { token?: unknown }).token), { mode: 0o600 });
  const controlRootFile = rootCertificateFile(join(dir, 'control-root'));
  const place = { podUid: uid, podNamespace: 'bench', podName: name, podAddress: ip, appAddress };
  const sidecar = { ...place, controlPlane, controlRootFile, tokenFile, stateDir };
  const init = start(driver.init(sidecar), `init of ${name}`);
  const how = await unlessStopped(AbortSignal.timeout(initMaxMs), init.ended).catch(() => 'hangs');
  if (init.exitCode !== 0) throw new Error(`the init step of ${name} ${how}`);
  const child = start(driver.sidecar(sidecar), `sidecar of ${name}`);
  if (child.pid === undefined) throw new Error(`the ${driver.name} sidecar did not start`);
  return child.pid;
}

function putPod(api: ApiServer, name: string, app: string, ip: string): KubeObject {
  const resource = api.store.catalog.byId('pods');
  if (resource === undefined) throw new Error('no pods');
  const metadata = { namespace: 'bench', name, labels: { app, 'fsm-proxy-uuid': name } };
  const spec = { serviceAccountName: app, nodeName: 'bench', containers: [{ name: 'app', image: 'none' }] };
  api.store.put({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as KubeObject);
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] };
  return api.store.update(resource, 'bench', name, draft => ({ ...draft, status }), { status: true });
}

/** Resolves when a request gets its 200 through both sidecars. */
export async function crossing(place: { address: string; port: number; host: string }): Promise<void> {
  const { request } = await import('node:http');
  await listening(place.address, place.port);
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const status = await new Promise<number>(resolve => {
      const sent = request({
        host: place.address,
        port: place.port,
        path: '/books/1',
        headers: { host: place.host },
        agent: false,
      });
      sent.on('response', response => resolve(response.resume().statusCode ?? 0));
      sent.on('error', () => resolve(0));
      sent.end();
    });
    if (status === 200) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`no request crosses from ${place.address} to ${place.host}`);
}
