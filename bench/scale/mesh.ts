/**
 * The generated mesh: `S` services in namespaces of fifty, each with an account of its own and the same number of pods.
 * Ten accounts may call each service, so a change of one endpoint concerns their pods and nobody else's, however large
 * the mesh is. Every twentieth service is split over itself and the next one. Objects are as long as real ones.
 */
import type { KubeObject } from '../../src/sandbox/api/objects.ts';

/** How large a mesh is. */
export interface Size {
  readonly services: number;
  readonly podsPerService: number;
}

/** Accounts that may call a service; each account may call as many services. */
export const callersPerService = 10;

const servicesPerNamespace = 50;
const splitEvery = 20;

/** `ns-3` … of a service. */
export const namespaceOf = (service: number): string => `ns-${Math.floor(service / servicesPerNamespace)}`;
/** Name of a service, and of its ServiceAccount, policies and EndpointSlice. */
export const nameOf = (service: number): string => `service-${service}`;
/** Name of a pod. */
export const podNameOf = (service: number, pod: number): string =>
  `${nameOf(service)}-7d9c5b8f64-${pod.toString(36).padStart(5, '0')}`;

/** An address that no other pod has; each generation is another one. */
export function addressOf(service: number, pod: number, generation = 0): string {
  const number = service * 32 + pod;
  return `10.${(generation % 200) + 1}.${(number >> 8) & 255}.${number & 255}`;
}

/** Services whose callers may call this one: itself, and the apexes that split to it. */
export function apexOf(service: number): number | undefined {
  return service % splitEvery === 1 ? service - 1 : undefined;
}

/** A service that is in no split: a change of its endpoints concerns its callers' pods only. */
export const plainService = (at: number, { services }: Size): number => {
  const candidate = (at * 7 + 5) % services;
  return candidate % splitEvery < 2 ? (candidate + 5) % services : candidate;
};

function meta(namespace: string, name: string, rest: object = {}): KubeObject['metadata'] {
  return { namespace, name, ...rest };
}

/** Objects that come before all others. */
export function basics({ services }: Size): KubeObject[] {
  const count = Math.ceil(services / servicesPerNamespace);
  const monitored = { 'flomesh.io/monitored-by': 'fsm' };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fsm-system' } },
    ...Array.from({ length: count }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: `ns-${index}`, labels: monitored },
    })),
    meshConfig({ permissive: false, logLevel: 'error' }),
  ];
}

/** The one MeshConfig. */
export function meshConfig({ permissive, logLevel }: { permissive: boolean; logLevel: string }): KubeObject {
  return {
    apiVersion: 'config.flomesh.io/v1alpha3',
    kind: 'MeshConfig',
    metadata: meta('fsm-system', 'fsm-mesh-config'),
    spec: { traffic: { enablePermissiveTrafficPolicyMode: permissive }, sidecar: { logLevel } },
  };
}

/** Everything of one service but its pods. */
export function serviceObjects(service: number, size: Size): KubeObject[] {
  const [namespace, name] = [namespaceOf(service), nameOf(service)];
  const ports = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(namespace, name) },
    { apiVersion: 'v1', kind: 'Service', metadata: meta(namespace, name), spec: { selector: { app: name }, ports } },
    slice(service, size),
    routeGroup(service, '/api/v1/.*'),
    target(service, size),
    ...(service % splitEvery === 0 && service + 1 < size.services ? [split(service, 90)] : []),
  ];
}

/** EndpointSlice of a service. @param generations of its pods' addresses, 0 unless said; undefined: not ready */
export function slice(service: number, size: Size, generations: readonly (number | undefined)[] = []): KubeObject {
  const [namespace, name] = [namespaceOf(service), nameOf(service)];
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta(namespace, `${name}-x7k2p`, { labels: { 'kubernetes.io/service-name': name } }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: size.podsPerService }, (_, pod) => {
      const generation = pod in generations ? generations[pod] : 0;
      const ready = generation !== undefined;
      return {
        addresses: [addressOf(service, pod, generation)],
        conditions: { ready, serving: ready, terminating: false },
        nodeName: `node-${service % 20}`,
        targetRef: { kind: 'Pod', namespace, name: podNameOf(service, pod) },
      };
    }),
  } as unknown as KubeObject;
}

/** What the callers of a service may ask for. */
export function routeGroup(service: number, path: string): KubeObject {
  return {
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: meta(namespaceOf(service), nameOf(service)),
    spec: {
      matches: [
        { name: 'read', pathRegex: path, methods: ['GET'] },
        { name: 'write', pathRegex: '/api/v1/items/[0-9]+', methods: ['POST', 'PUT'] },
      ],
    },
  };
}

/** Who may call a service: the ten accounts after its own. */
export function target(service: number, { services }: Size, callers = callersPerService): KubeObject {
  const [namespace, name] = [namespaceOf(service), nameOf(service)];
  const sources = Array.from({ length: Math.min(callers, services - 1) }, (_, index) => {
    const caller = (service + 1 + index) % services;
    return { kind: 'ServiceAccount', name: nameOf(caller), namespace: namespaceOf(caller) };
  });
  return {
    apiVersion: 'access.smi-spec.io/v1alpha3',
    kind: 'TrafficTarget',
    metadata: meta(namespace, name),
    spec: {
      destination: { kind: 'ServiceAccount', name, namespace },
      sources,
      rules: [{ kind: 'HTTPRouteGroup', name }],
    },
  };
}

/** Split of a service over itself and the next. @param weight of itself, of 100 */
export function split(service: number, weight: number): KubeObject {
  const [namespace, name] = [namespaceOf(service), nameOf(service)];
  const backends = [
    { service: name, weight },
    { service: nameOf(service + 1), weight: 100 - weight },
  ];
  return {
    apiVersion: 'split.smi-spec.io/v1alpha2',
    kind: 'TrafficSplit',
    metadata: meta(namespace, name),
    spec: { service: name, backends },
  };
}

/** A pod with a sidecar, as long as those that controllers make. */
export function pod(service: number, index: number): KubeObject {
  const name = nameOf(service);
  const labels = { app: name, 'pod-template-hash': '7d9c5b8f64', 'fsm-proxy-uuid': `${name}-${index}` };
  const mounts = [{ name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
  const probe = { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' }, periodSeconds: 10, timeoutSeconds: 1 };
  const resources = { limits: { cpu: '200m', memory: '128Mi' }, requests: { cpu: '100m', memory: '64Mi' } };
  const container = { resources, volumeMounts: mounts, livenessProbe: probe, readinessProbe: probe };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(namespaceOf(service), podNameOf(service, index), {
      labels,
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '15010', 'flomesh.io/injected': 'true' },
      managedFields: [{ manager: 'kube-controller-manager', operation: 'Update', fieldsV1: fields(30) }],
    }),
    spec: {
      serviceAccountName: name,
      nodeName: `node-${service % 20}`,
      containers: [
        { name: 'app', image: `registry.example/${name}:1.0.0`, ports: [{ containerPort: 8080 }], ...container },
        { name: 'sidecar', image: 'flomesh/pipy:1.5.18', ...container },
      ],
      volumes: [{ name: 'kube-api-access', projected: { defaultMode: 420 } }],
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
    },
  } as unknown as KubeObject;
}

/** Managed fields, which make a third of a real pod. */
function fields(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`f:field-${index}`, { 'f:value': {} }]));
}

/** Status of a running pod; `beat` changes it without changing what the mesh reads. */
export function podStatus(service: number, index: number, generation: number, beat: number): object {
  const podIP = addressOf(service, index, generation);
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(type => ({
    type,
    status: 'True',
    lastProbeTime: new Date(1_700_000_000_000 + beat * 1000).toISOString(),
  }));
  return { phase: 'Running', podIP, podIPs: [{ ip: podIP }], hostIP: '10.250.0.1', qosClass: 'Burstable', conditions };
}
