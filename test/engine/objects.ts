/** Builders of API objects, no longer than the tests need them. */
import type { Raw } from './kit.ts';

export const namespace = (
  name: string,
  labels: Record<string, string> = { 'flomesh.io/monitored-by': 'fsm' },
): Raw => ({
  kind: 'Namespace',
  metadata: { name, labels },
});

export const account = (namespace: string, name: string): Raw => ({
  kind: 'ServiceAccount',
  metadata: { namespace, name },
});

/** A pod with a sidecar, with a ServiceAccount of its own name unless said. */
export const pod = (namespace: string, name: string, serviceAccountName = name, uid = `uid-${name}`): Raw => ({
  kind: 'Pod',
  metadata: { namespace, name, uid, labels: { app: name, 'fsm-proxy-uuid': `proxy-${name}` } },
  spec: { serviceAccountName },
  status: { podIP: '10.0.0.1', phase: 'Running' },
});

export const service = (namespace: string, name: string, port = 80): Raw => ({
  kind: 'Service',
  metadata: { namespace, name },
  spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ port, targetPort: 8080 }] },
});

/** A slice of a service; each pod is ready at the address given. */
export const slice = (
  namespace: string,
  service: string,
  pods: Readonly<Record<string, string>>,
  port = 8080,
): Raw => ({
  kind: 'EndpointSlice',
  metadata: { namespace, name: `${service}-1`, labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  ports: [{ name: '', port, protocol: 'TCP' }],
  endpoints: Object.entries(pods).map(([name, address]) => ({
    addresses: [address],
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name },
  })),
});

export const meshConfig = (permissive: boolean): Raw => ({
  kind: 'MeshConfig',
  metadata: { namespace: 'fsm-system', name: 'fsm-mesh-config' },
  spec: { traffic: { enablePermissiveTrafficPolicyMode: permissive } },
});

/** Lets callers (`namespace/account`) do what an HTTPRouteGroup of the namespace says. */
export const target = (namespace: string, name: string, to: string, from: readonly string[], group: string): Raw => ({
  kind: 'TrafficTarget',
  metadata: { namespace, name },
  spec: {
    destination: { kind: 'ServiceAccount', name: to, namespace },
    sources: from.map(source => {
      const [namespace = '', name = ''] = source.split('/');
      return { kind: 'ServiceAccount', name, namespace };
    }),
    rules: [{ kind: 'HTTPRouteGroup', name: group }],
  },
});

export const group = (namespace: string, name: string, ...pathRegexes: readonly string[]): Raw => ({
  kind: 'HTTPRouteGroup',
  metadata: { namespace, name },
  spec: { matches: pathRegexes.map((pathRegex, index) => ({ name: `m${index}`, pathRegex })) },
});

export const split = (
  namespace: string,
  name: string,
  apex: string,
  weights: Readonly<Record<string, number>>,
  ...groups: readonly string[]
): Raw => ({
  kind: 'TrafficSplit',
  metadata: { namespace, name },
  spec: {
    service: apex,
    backends: Object.entries(weights).map(([service, weight]) => ({ service, weight })),
    ...(groups.length > 0 && { matches: groups.map(name => ({ kind: 'HTTPRouteGroup', name })) }),
  },
});

/** Everything that one service `namespace/name` with one pod is made of. */
export const deployed = (space: string, name: string, address: string): Raw[] => [
  account(space, name),
  pod(space, name),
  service(space, name),
  slice(space, name, { [name]: address }),
];
