/** One example of each kind that people write, for the reference pages; a test validates them. */
export const examples: Readonly<Record<string, string>> = {
  MeshConfig: `
apiVersion: config.flomesh.io/v1alpha3
kind: MeshConfig
metadata:
  name: fsm-mesh-config
  namespace: fsm-system
spec:
  sidecar:
    logLevel: error
    sidecarTimeout: 60
  traffic:
    enablePermissiveTrafficPolicyMode: false
    enableEgress: true
  certificate:
    serviceCertValidityDuration: 24h
`,
  TrafficTarget: `
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata:
  name: bookbuyer-buys-books
  namespace: bookstore
spec:
  destination:
    kind: ServiceAccount
    name: bookstore
    namespace: bookstore
  sources:
  - kind: ServiceAccount
    name: bookbuyer
    namespace: bookbuyer
  rules:
  - kind: HTTPRouteGroup
    name: bookstore-routes
    matches:
    - buy-a-book
`,
  HTTPRouteGroup: `
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata:
  name: bookstore-routes
  namespace: bookstore
spec:
  matches:
  - name: buy-a-book
    pathRegex: /books/[0-9]+/buy
    methods:
    - POST
    headers:
    - user-agent: "bookbuyer/.*"
`,
  TCPRoute: `
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata:
  name: database
  namespace: bookwarehouse
spec:
  matches:
    ports:
    - 3306
`,
  TrafficSplit: `
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata:
  name: bookstore
  namespace: bookstore
spec:
  service: bookstore
  backends:
  - service: bookstore-v1
    weight: 90
  - service: bookstore-v2
    weight: 10
`,
};
