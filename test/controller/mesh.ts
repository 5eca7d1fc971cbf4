/** A real API server, a real control plane, and proxies that speak the push protocol over real TLS. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createLog } from '../../src/admin/log.ts';
import { type Controller, startController } from '../../src/controller.ts';
import type { KubeObject } from '../../src/sandbox/api/objects.ts';
import { startControllers } from '../../src/sandbox/controllers/index.ts';
import { writeKubeconfig } from '../../src/sandbox/kubeconfig.ts';
import { installCrds } from '../../src/sandbox/manifests.ts';
import { adminToken, type Cluster, startCluster } from '../sandbox/api/cluster.ts';
import { connectProxy, type FakeProxy } from './proxy.ts';

export interface Mesh {
  readonly cluster: Cluster;
  readonly stateDir: string;
  /** Everything that the control plane logged. */
  readonly logs: string[];
  controller: Controller;
  /** Applies YAML documents. */
  apply(yaml: string): void;
  put(object: KubeObject): KubeObject;
  setStatus(kind: 'pods', namespace: string, name: string, status: object): void;
  remove(kind: string, namespace: string, name: string): void;
  /** A running pod with a sidecar. */
  pod(namespace: string, name: string, account: string, labels: Record<string, string>, ip: string): void;
  /** Enrols as a pod and opens its stream. */
  proxy(namespace: string, name: string): Promise<FakeProxy>;
  /** JSON of the read model. */
  ask<T>(path: string): Promise<T>;
  /** Starts another control plane on the same state, as after a crash. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startMesh(options: { readonly threads?: number } = {}): Promise<Mesh> {
  const cluster = await startCluster();
  const controllers = startControllers(cluster.server.store);
  const stateDir = await mkdtemp(join(tmpdir(), 'fsm-controller-'));
  const logs: string[] = [];
  const { store } = cluster.server;
  const apply = (yaml: string): void => {
    for (const document of parseAllDocuments(yaml)) store.put(document.toJS() as KubeObject);
  };
  await installCrds(store);
  const kubeconfig = join(stateDir, 'kubeconfig');
  const access = { server: `https://127.0.0.1:${cluster.server.port}`, ca: cluster.ca, token: adminToken };
  await writeKubeconfig(kubeconfig, access);
  const start = () => startOn(kubeconfig, stateDir, logs, options.threads ?? 0);
  const proxies: FakeProxy[] = [];
  const mesh: Mesh = {
    cluster,
    stateDir,
    logs,
    controller: await start(),
    apply,
    put: object => store.put(object),
    setStatus: (kind, namespace, name, status) => {
      const resource = store.catalog.byId(kind);
      if (!resource) throw new Error(`no ${kind}`);
      store.update(
        resource,
        namespace,
        name,
        draft => ({ ...draft, status: { ...(draft.status as object), ...status } }),
        { status: true },
      );
    },
    remove: (kind, namespace, name) => {
      const resource = store.catalog.byId(kind);
      if (!resource) throw new Error(`no ${kind}`);
      store.delete(resource, namespace, name, { gracePeriodSeconds: 0 });
    },
    pod(namespace, name, account, labels, ip) {
      const spec = { serviceAccountName: account, containers: [{ name: 'app', image: 'none' }], nodeName: 'node' };
      const metadata = { namespace, name, labels: { ...labels, 'fsm-proxy-uuid': name } };
      this.put({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as KubeObject);
      const conditions = [{ type: 'Ready', status: 'True' }];
      this.setStatus('pods', namespace, name, { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions });
    },
    async proxy(namespace, name) {
      const pod = store.get('pods', namespace, name);
      const proxy = await connectProxy({ cluster, pod: pod as KubeObject, stateDir, port: mesh.controller.ports.push });
      proxies.push(proxy);
      return proxy;
    },
    async ask<T>(path: string) {
      const response = await fetch(`http://127.0.0.1:${mesh.controller.ports.readModel}${path}`);
      return (await response.json()) as T;
    },
    async restart() {
      mesh.controller = await start();
      await mesh.controller.synced;
    },
    async close() {
      for (const proxy of proxies) proxy.close();
      await mesh.controller.close();
      controllers.stop();
      await cluster.close();
      await rm(stateDir, { recursive: true });
    },
  };
  return mesh;
}

function startOn(kubeconfig: string, stateDir: string, logs: string[], threads: number): Promise<Controller> {
  const any = '127.0.0.1:0';
  const log = createLog(line => logs.push(line));
  return startController({
    kubeconfig,
    stateDir,
    listen: any,
    readModel: any,
    metrics: any,
    trustDomain: 'cluster.local',
    threads,
    log,
  });
}
