/** The bookstore of the OSM demo as objects, without its processes. */
import type { Mesh } from './mesh.ts';

const namespaces = ['fsm-system', 'bookbuyer', 'bookthief', 'bookstore'];

const accounts = ['bookbuyer/bookbuyer', 'bookthief/bookthief', 'bookstore/bookstore-v1', 'bookstore/bookstore-v2'];

const services = ['bookstore', 'bookstore-v1', 'bookstore-v2'];

const policies = `
apiVersion: config.flomesh.io/v1alpha3
kind: MeshConfig
metadata: { namespace: fsm-system, name: fsm-mesh-config }
spec: { traffic: { enablePermissiveTrafficPolicyMode: false, enableEgress: false } }
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { namespace: bookstore, name: bookstore-routes }
spec:
  matches:
    - { name: books-bought, pathRegex: /books-bought, methods: [GET] }
    - { name: buy-a-book, pathRegex: /buy, methods: [GET] }
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { namespace: bookstore, name: buyers-v1 }
spec:
  destination: { kind: ServiceAccount, name: bookstore-v1, namespace: bookstore }
  sources: [{ kind: ServiceAccount, name: bookbuyer, namespace: bookbuyer }]
  rules: [{ kind: HTTPRouteGroup, name: bookstore-routes, matches: [books-bought, buy-a-book] }]
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { namespace: bookstore, name: buyers-v2 }
spec:
  destination: { kind: ServiceAccount, name: bookstore-v2, namespace: bookstore }
  sources: [{ kind: ServiceAccount, name: bookbuyer, namespace: bookbuyer }]
  rules: [{ kind: HTTPRouteGroup, name: bookstore-routes, matches: [books-bought, buy-a-book] }]
`;

/** Creates namespaces, services, pods and policies; everything but a split. */
export function bookstore(mesh: Mesh): void {
  for (const name of namespaces) {
    const label = name === 'fsm-system' ? '' : ', labels: { flomesh.io/monitored-by: fsm }';
    mesh.apply(`{ apiVersion: v1, kind: Namespace, metadata: { name: ${name}${label} } }`);
  }
  for (const account of accounts) {
    const [namespace, name] = account.split('/');
    mesh.apply(`{ apiVersion: v1, kind: ServiceAccount, metadata: { namespace: ${namespace}, name: ${name} } }`);
  }
  for (const name of services) {
    const selector = name === 'bookstore' ? 'shop: books' : `app: ${name}`;
    mesh.apply(`
apiVersion: v1
kind: Service
metadata: { namespace: bookstore, name: ${name} }
spec: { selector: { ${selector} }, ports: [{ name: http, port: 14001, targetPort: 14001 }] }
`);
  }
  mesh.apply(policies);
  mesh.pod('bookbuyer', 'bookbuyer-1', 'bookbuyer', { app: 'bookbuyer' }, '10.0.0.1');
  mesh.pod('bookthief', 'bookthief-1', 'bookthief', { app: 'bookthief' }, '10.0.0.2');
  mesh.pod('bookstore', 'bookstore-v1-1', 'bookstore-v1', { app: 'bookstore-v1', shop: 'books' }, '10.0.0.3');
  mesh.pod('bookstore', 'bookstore-v2-1', 'bookstore-v2', { app: 'bookstore-v2', shop: 'books' }, '10.0.0.4');
}

/** The split of the apex over both versions, by weight. */
export const splitOf = (v1: number, v2: number): string => `
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { namespace: bookstore, name: bookstore-split }
spec:
  service: bookstore.bookstore
  backends: [{ service: bookstore-v1, weight: ${v1} }, { service: bookstore-v2, weight: ${v2} }]
`;
