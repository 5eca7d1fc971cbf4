/** Pairs of the mesh's own sidecars with mutual TLS: a client pod, server pods, and the control plane that joins them. */
import { type Driver, ports as sidecarPorts } from '../../src/dataplane/driver.ts';
import { nodeDriver } from '../../src/dataplane/node/driver.ts';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import { type BenchMesh, type BenchPod, startMesh } from '../mesh.ts';
import type { Endpoint, Protocol } from '../model.ts';
import { settingAxes } from '../variants.ts';
import { pairUp, serverHalves } from './pairs.ts';
import { type AppProtocol, appProtocols, endpointOn, isStream, ports } from './places.ts';
import { findPipyVersion, type Started } from './programs.ts';
import { type Child, type Running, type Site, settingOf, type Target, upstreamsMax } from './target.ts';

/** What a Service says of its port. WebSocket begins as HTTP/1.1; MQTT is bytes to a mesh. */
const appProtocolOf: Readonly<Record<AppProtocol, string>> = {
  http1: 'http',
  http2: 'http2',
  grpc: 'grpc',
  tcp: 'tcp',
  websocket: 'http',
  mqtt: 'tcp',
};

/** Two Pipy sidecars. */
export const pipyPair: Target = {
  name: 'pipy-pair',
  protocols: appProtocols,
  heeds: settingAxes,
  find: findPipyVersion,
  start: site => startPair(site, pipyDriver),
};

/** Two Node sidecars. */
export const nodePair: Target = {
  name: 'node-pair',
  protocols: appProtocols,
  heeds: settingAxes,
  find: async () => ({ version: process.versions.node }),
  start: site => startPair(site, nodeDriver),
};

async function startPair(site: Site, driver: Driver): Promise<Running> {
  const children = new Map<string, Child>();
  const mesh = await startMesh((program, name) => {
    const child = site.start(program, 'proxy', name);
    children.set(name, child);
    return child;
  }, site.dir);
  try {
    return await joined(mesh, site, driver, children);
  } catch (error) {
    await mesh.close().catch(() => undefined);
    throw error;
  }
}

async function joined(
  mesh: BenchMesh,
  site: Site,
  driver: Driver,
  children: ReadonlyMap<string, Child>,
): Promise<Running> {
  const setting = settingOf(site);
  if (setting.policies === 'off') mesh.put(permissiveYaml);
  putServices(mesh, setting.services);
  const start = async (pod: BenchPod): Promise<Started> => {
    await mesh.pod(driver, pod);
    return startedOf(children, pod.name);
  };
  const servers: Started[] = [];
  // A sidecar goes to the port of its app that it was called on.
  for (const { name, host, app } of serverHalves(site))
    servers.push(await start({ name, app: 'server', address: host, appAddress: app('http1').host }));
  const client = { name: 'client', address: site.address(1), appAddress: site.address(2 + upstreamsMax) };
  const running = await pairUp(site, appProtocols, servers, () => start(client), {
    endpoint: protocol => entry(site, protocol),
  });
  return { ...running, close: () => mesh.close() };
}

function startedOf(children: ReadonlyMap<string, Child>, name: string): Started {
  const child = children.get(`sidecar of ${name}`);
  if (child === undefined) throw new Error(`the sidecar of ${name} was not started`);
  return { name: `${name} sidecar`, child };
}

/** The client's sidecar serves all on one port; what is for whom says the authority, or a CONNECT. */
function entry(site: Site, protocol: Protocol): Endpoint {
  const there = endpointOn(site.address(1), protocol, 'app.bench');
  const endpoint = { ...there, port: sidecarPorts.outbound };
  return isStream(protocol) ? { ...endpoint, connect: endpoint.authority } : endpoint;
}

/** Everybody may call everything, whatever TrafficTargets say. */
const permissiveYaml = `
apiVersion: config.flomesh.io/v1alpha3
kind: MeshConfig
metadata: { namespace: fsm-system, name: fsm-mesh-config }
spec: { traffic: { enablePermissiveTrafficPolicyMode: true, enableEgress: false } }
`;

/** The Service that is called, and as many others as a mesh has besides, each with a pod and an account of its own. */
function putServices(mesh: BenchMesh, others: number): void {
  const all = appProtocols.map(protocol => portYaml(protocol)).join(', ');
  mesh.put(serviceYaml('app', 'server', all));
  for (let at = 0; at < others; at++) {
    const name = `other-${at}`;
    mesh.idlePod(name, `127.62.${at >> 8}.${at & 0xff}`);
    mesh.put(serviceYaml(name, name, portYaml('http1')));
  }
}

function portYaml(protocol: AppProtocol): string {
  const { [protocol]: port } = ports;
  return `{ name: ${protocol}, port: ${port}, targetPort: ${port}, appProtocol: ${appProtocolOf[protocol]} }`;
}

/** A Service of the pods and the account of a name, which the client may call. */
function serviceYaml(service: string, pods: string, portList: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { namespace: bench, name: ${service} }
spec: { selector: { app: ${pods} }, ports: [${portList}] }
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { namespace: bench, name: ${service} }
spec:
  destination: { kind: ServiceAccount, name: ${pods}, namespace: bench }
  sources: [{ kind: ServiceAccount, name: client, namespace: bench }]
  rules: [{ kind: HTTPRouteGroup, name: routes }, { kind: TCPRoute, name: connections }]
`;
}
