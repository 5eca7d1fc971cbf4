/** One object of each kind, with everything that the mesh reads, and what normalisation makes of it. */
import type { Kind, Objects } from '../../src/engine/model.ts';

interface Raw {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

type Samples = { readonly [K in Kind]: { readonly raw: Raw; readonly object: Objects[K] } };

const at = { namespace: 'shop', name: 'x' };
const raw = (apiVersion: string, kind: string, more: object, meta: object = {}): Raw => ({
  apiVersion,
  kind,
  metadata: { ...at, resourceVersion: '1', ...meta },
  ...more,
});

export const samples: Samples = {
  Namespace: {
    raw: raw(
      'v1',
      'Namespace',
      {},
      { namespace: undefined, labels: { 'flomesh.io/monitored-by': 'fsm', 'flomesh.io/ignore': 'true' } },
    ),
    object: { namespace: '', name: 'x', mesh: 'fsm', ignored: true },
  },
  Pod: {
    raw: raw(
      'v1',
      'Pod',
      { spec: { serviceAccountName: 'store', containers: [] }, status: { podIP: '10.0.0.1', phase: 'Running' } },
      { uid: 'u1', labels: { app: 'store', 'fsm-proxy-uuid': 'p1' }, deletionTimestamp: '2026-01-01T00:00:00Z' },
    ),
    object: {
      ...at,
      uid: 'u1',
      labels: { app: 'store', 'fsm-proxy-uuid': 'p1' },
      serviceAccount: 'store',
      ip: '10.0.0.1',
      proxy: 'p1',
      terminating: true,
    },
  },
  Service: {
    raw: raw('v1', 'Service', {
      spec: {
        clusterIP: '10.96.0.1',
        clusterIPs: ['fd00::1', '10.96.0.1'],
        selector: { app: 'store' },
        ports: [
          { name: 'web', port: 80, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' },
          { port: 53, protocol: 'UDP' },
        ],
      },
    }),
    object: {
      ...at,
      clusterIPs: ['10.96.0.1', 'fd00::1'],
      selector: { app: 'store' },
      ports: [
        { name: 'web', port: 80, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' },
        { port: 53, targetPort: 53, protocol: 'UDP' },
      ],
    },
  },
  EndpointSlice: {
    raw: raw(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      {
        addressType: 'IPv4',
        ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
        endpoints: [
          { addresses: ['10.0.0.2'], conditions: { ready: false }, targetRef: { kind: 'Pod', name: 'p2' } },
          { addresses: ['10.0.0.1'], conditions: {}, targetRef: { kind: 'Node', name: 'n' } },
        ],
      },
      { labels: { 'kubernetes.io/service-name': 'store' } },
    ),
    object: {
      ...at,
      service: 'store',
      addressType: 'IPv4',
      ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['10.0.0.1'], ready: true },
        { addresses: ['10.0.0.2'], ready: false, pod: 'p2' },
      ],
    },
  },
  ServiceAccount: { raw: raw('v1', 'ServiceAccount', { secrets: [] }), object: at },
  MeshConfig: {
    raw: raw('config.flomesh.io/v1alpha3', 'MeshConfig', {
      spec: {
        sidecar: { logLevel: 'warning', sidecarTimeout: 30, sidecarImage: 'pipy' },
        traffic: { enableEgress: false, enablePermissiveTrafficPolicyMode: false },
        certificate: { serviceCertValidityDuration: '1h30m' },
      },
    }),
    object: {
      ...at,
      permissive: false,
      egress: false,
      sidecarTimeoutSeconds: 30,
      sidecarLogLevel: 'warn',
      certValidityMs: 5_400_000,
      idle: ['spec.sidecar.sidecarImage'],
    },
  },
  TrafficTarget: {
    raw: raw('access.smi-spec.io/v1alpha3', 'TrafficTarget', {
      spec: {
        destination: { kind: 'ServiceAccount', name: 'store', namespace: 'shop' },
        sources: [
          { kind: 'ServiceAccount', name: 'thief' },
          { kind: 'ServiceAccount', name: 'buyer', namespace: 'home' },
        ],
        rules: [
          { kind: 'HTTPRouteGroup', name: 'routes', matches: ['sell', 'buy'] },
          { kind: 'TCPRoute', name: 'db', matches: [] },
        ],
      },
    }),
    object: {
      ...at,
      destination: { kind: 'ServiceAccount', name: 'store', namespace: 'shop' },
      sources: [
        { kind: 'ServiceAccount', name: 'buyer', namespace: 'home' },
        { kind: 'ServiceAccount', name: 'thief', namespace: 'shop' },
      ],
      rules: [
        { kind: 'HTTPRouteGroup', name: 'routes', matches: ['buy', 'sell'] },
        { kind: 'TCPRoute', name: 'db' },
      ],
    },
  },
  HTTPRouteGroup: {
    raw: raw('specs.smi-spec.io/v1alpha4', 'HTTPRouteGroup', {
      spec: {
        matches: [
          { name: 'b', methods: ['POST', 'GET'], pathRegex: '/b.*', headers: [{ 'User-Agent': '.*x' }, { host: 'h' }] },
          { name: 'a', methods: ['*'] },
        ],
      },
    }),
    object: {
      ...at,
      matches: [
        { name: 'a' },
        { name: 'b', methods: ['GET', 'POST'], pathRegex: '/b.*', headers: { 'user-agent': '.*x', host: 'h' } },
      ],
    },
  },
  TCPRoute: {
    raw: raw('specs.smi-spec.io/v1alpha4', 'TCPRoute', { spec: { matches: { ports: [3306, 80, 3306] } } }),
    object: { ...at, ports: [80, 3306] },
  },
  TrafficSplit: {
    raw: raw('split.smi-spec.io/v1alpha4', 'TrafficSplit', {
      spec: {
        service: 'store',
        backends: [
          { service: 'shop/v2', weight: 10 },
          { service: 'other/v1', weight: 90 },
        ],
        matches: [{ apiGroup: 'specs.smi-spec.io', kind: 'HTTPRouteGroup', name: 'routes' }],
      },
    }),
    object: {
      ...at,
      service: 'store',
      backends: [
        { service: 'other/v1', weight: 90 },
        { service: 'shop/v2', weight: 10 },
      ],
      matches: [{ kind: 'HTTPRouteGroup', name: 'routes' }],
    },
  },
};
