/** Services: their ports, where they are, and which backend a request goes to. */
import type { Backend, Endpoint, Route, ServicePort } from '../../config.ts';
import { type Fragment, fragmentOf } from '../../config.ts';
import type { EndpointSliceObject, ServiceObject, ServicePortSpec, TrafficSplitObject } from '../../model.ts';
import { keyOf, splitKey } from '../../snapshot.ts';
import { type HTTPCondition, httpConditions, precedence } from '../match.ts';
import { serviceKey } from '../names.ts';
import { protocolOf } from '../protocols.ts';
import type { Reader, Rule } from '../rule.ts';
import { workload } from './mesh.ts';

export { protocolOf };

/** `namespace/service:port`, as routes name their backends. */
export const backendRef = (service: string, port: number): string => `${service}:${port}`;

/** Where one port of a service is served; key is `namespace/name:port`. */
export const endpoints: Rule<Fragment> = {
  name: 'endpoints',
  layer: 3,
  compute: (read, key) => {
    const colon = key.lastIndexOf(':');
    const [service, port] = [key.slice(0, colon), Number(key.slice(colon + 1))];
    const object = read.get('Service', service);
    const spec = object?.ports.find(candidate => candidate.port === port && candidate.protocol === 'TCP');
    const list = spec === undefined ? [] : endpointsOf(read, service, spec, object?.headless === true);
    return fragmentOf({ kind: 'endpoints', data: { endpoints: list }, refs: {} });
  },
};

function endpointsOf(read: Reader, service: string, spec: ServicePortSpec, named: boolean): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const sliceKey of read.bucket('slicesByService', service)) {
    const slice = read.get('EndpointSlice', sliceKey);
    const port = slice?.ports.find(candidate => candidate.name === (spec.name ?? ''));
    if (slice === undefined || port === undefined) continue;
    for (const endpoint of readyEndpoints(read, slice, port.port, named))
      found.set(`${endpoint.address}:${endpoint.port}`, endpoint);
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** Only pods with a sidecar: a pod without one has no identity that a client could check. Pods of headless services have names. */
function* readyEndpoints(read: Reader, slice: EndpointSliceObject, port: number, named: boolean): Generator<Endpoint> {
  for (const endpoint of slice.endpoints) {
    if (!endpoint.ready || endpoint.pod === undefined) continue;
    const peer = read.node(workload, `${slice.namespace}/${endpoint.pod}`);
    if (peer === null) continue;
    const { principal } = peer;
    const hostname = named ? endpoint.hostname : undefined;
    for (const address of endpoint.addresses)
      yield hostname === undefined ? { address, port, principal } : { address, port, principal, hostname };
  }
}

/** Everything that a client needs to call a service; key is `namespace/name`. Null when the service does not exist. */
export const service: Rule<Fragment | null> = {
  name: 'service',
  layer: 4,
  compute: (read, key) => {
    const object = read.get('Service', key);
    if (object === undefined) return null;
    read.because('', 'Service', key, 'the service itself');
    const ports = object.ports
      .filter(port => port.protocol === 'TCP')
      .map((port, at) => portOf(read, object, port, at));
    const refs: Record<string, string> = {};
    for (const port of ports) {
      for (const route of port.routes) for (const { ref } of route.backends) refs[ref] = read.node(endpoints, ref).hash;
      const own = backendRef(key, port.port);
      if (object.headless) refs[own] = read.node(endpoints, own).hash;
    }
    const { namespace, name } = object;
    return fragmentOf({ kind: 'service', data: { namespace, name, addresses: object.clusterIPs, ports }, refs });
  },
};

function portOf(read: Reader, object: ServiceObject, spec: ServicePortSpec, at: number): ServicePort {
  const protocol = protocolOf(spec);
  const routes = routesOf(read, object, spec);
  routes.forEach((route, index) => {
    for (const origin of route.origins)
      read.because(`/ports/${at}/routes/${index}`, origin.kind, origin.key, origin.rule);
  });
  return {
    port: spec.port,
    protocol,
    routes: routes.map(({ match, backends }) => (match ? { match, backends } : { backends })),
  };
}

interface RouteOrigin {
  readonly kind: 'TrafficSplit' | 'HTTPRouteGroup' | 'Service';
  readonly key: string;
  readonly rule: string;
}

type OriginatedRoute = Route & { readonly origins: readonly RouteOrigin[] };

/** Routes with matches first, in order of precedence; then the split without matches, or the apex itself. */
function routesOf(read: Reader, object: ServiceObject, spec: ServicePortSpec): OriginatedRoute[] {
  const apex = keyOf(object);
  const splits = splitsOf(read, apex);
  const matched = splits
    .flatMap(split => matchedRoutes(read, split, spec))
    .sort((a, b) => precedence(a.match, b.match));
  return [...matched, defaultRoute(read, apex, splits, spec)];
}

function splitsOf(read: Reader, apex: string): TrafficSplitObject[] {
  return read.bucket('splitsByApex', apex).flatMap(key => read.get('TrafficSplit', key) ?? []);
}

/** What the splits with matches leave over: the first split without matches, else the apex's own pods. */
function defaultRoute(
  read: Reader,
  apex: string,
  splits: readonly TrafficSplitObject[],
  spec: ServicePortSpec,
): OriginatedRoute {
  const split = splits.find(({ matches }) => matches === undefined || matches.length === 0);
  const backends = split === undefined ? [] : backendsOf(read, split, spec);
  if (split !== undefined && backends.length > 0) return { backends, origins: [splitOrigin(split)] };
  const origin: RouteOrigin = { kind: 'Service', key: apex, rule: 'no split applies: the service itself' };
  return { backends: [{ ref: backendRef(apex, spec.port), weight: 1 }], origins: [origin] };
}

function matchedRoutes(read: Reader, split: TrafficSplitObject, spec: ServicePortSpec): OriginatedRoute[] {
  const backends = backendsOf(read, split, spec);
  if (backends.length === 0) return [];
  return (split.matches ?? []).flatMap(ref => {
    const group = `${split.namespace}/${ref.name}`;
    return httpConditions(read.get('HTTPRouteGroup', group)).map((condition: HTTPCondition) => ({
      match: condition.match,
      backends,
      origins: [splitOrigin(split), { kind: 'HTTPRouteGroup' as const, key: group, rule: `match ${condition.name}` }],
    }));
  });
}

function splitOrigin(split: TrafficSplitObject): RouteOrigin {
  return { kind: 'TrafficSplit', key: keyOf(split), rule: 'weights of the backends' };
}

/** Backends that exist; one that does not is left out, and a condition on the split says so. */
function backendsOf(read: Reader, split: TrafficSplitObject, spec: ServicePortSpec): Backend[] {
  return split.backends.flatMap(({ service: written, weight }) => {
    const key = serviceKey(written, split.namespace);
    const port = backendPort(read.get('Service', key), spec);
    return port === undefined ? [] : [{ ref: backendRef(key, port), weight }];
  });
}

/** The backend's port for a port of the apex: of the same number, else of the same name, else its only one. */
function backendPort(backend: ServiceObject | undefined, spec: ServicePortSpec): number | undefined {
  const candidates = backend?.ports.filter(port => port.protocol === 'TCP') ?? [];
  const same = candidates.find(port => port.port === spec.port) ?? candidates.find(port => port.name === spec.name);
  return (same ?? (candidates.length === 1 ? candidates[0] : undefined))?.port;
}

/** `namespace/serviceaccount` of every pod behind a service, ready or not; key is `namespace/name`. */
export const accounts: Rule<readonly string[]> = {
  name: 'accounts',
  layer: 3,
  compute: (read, key) => {
    const found = new Set<string>();
    for (const sliceKey of read.bucket('slicesByService', key)) {
      for (const { pod } of read.get('EndpointSlice', sliceKey)?.endpoints ?? []) {
        const peer = pod === undefined ? null : read.node(workload, `${splitKey(key).namespace}/${pod}`);
        if (peer !== null) found.add(peer.account);
      }
    }
    return [...found].sort();
  },
};
