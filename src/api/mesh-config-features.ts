/** The parts of MeshConfig that switch features on, and those of gateways and images. */
import { perComponent } from './mesh-config-sidecar.ts';
import { choice, decimal, flag, list, mostOfAnything, object, optional, port, text, whole } from './schema.ts';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic', 'disabled'] as const;
const logLevel = () => optional(choice('Log level.', levels, { default: 'info' }));
const on = (description: string) => optional(flag(description, { default: true }));
const off = (description: string) => optional(flag(description, { default: false }));

export const features = object('Features that can be switched.', {
  enableEgressPolicy: on('Egress objects.'),
  enableSnapshotCacheMode: off('Accepted for compatibility.'),
  enableAsyncProxyServiceMapping: off('Accepted for compatibility.'),
  enableIngressBackendPolicy: on('IngressBackend objects.'),
  enableAccessControlPolicy: on('AccessControl objects.'),
  enableAccessCertPolicy: off('AccessCert objects.'),
  enableTrafficWarmupPolicy: off('TrafficWarmup objects.'),
  enableRetryPolicy: off('Retry objects.'),
  enablePluginPolicy: off('Plugin objects.'),
  enableSidecarPrettyConfig: on('Accepted for compatibility.'),
  enableSidecarActiveHealthChecks: off('Active health checks between services.'),
  enableAutoDefaultRoute: off('A default route for services without one.'),
  enableValidateGatewayListenerHostname: on('Check host names of Gateway listeners.'),
  enableValidateHTTPRouteHostnames: on('Check host names of HTTPRoutes.'),
  enableValidateGRPCRouteHostnames: on('Check host names of GRPCRoutes.'),
  enableValidateTLSRouteHostnames: on('Check host names of TLSRoutes.'),
  useEndpointSlicesForGateway: on('Accepted for compatibility: EndpointSlices are always used.'),
  dropRouteRuleIfNoAvailableBackends: off('Drop a route rule of which no backend is available.'),
});

const plugin = object('A plugin in its place.', {
  plugin: text('Name of the plugin.'),
  priority: decimal('Plugins of higher priority run first.', { minimum: -mostOfAnything, maximum: mostOfAnything }),
  disable: optional(flag('Leave this plugin out.', { default: false })),
});

type Chain = readonly (readonly [plugin: string, priority: number])[];

const chain = (description: string, plugins: Chain) =>
  optional(
    list(description, plugin, { default: plugins.map(([plugin, priority]) => ({ plugin, priority, disable: false })) }),
  );

const tcpChain: Chain = [
  ['tcp-routing', 120],
  ['tcp-load-balancing', 110],
  ['tcp-default', 100],
];

export const pluginChains = object('Plugins of each mount point.', {
  'inbound-tcp': chain('Connections to the application.', [['tls-termination', 130], ...tcpChain]),
  'inbound-http': chain('Requests to the application.', [
    ['tls-termination', 180],
    ['http-routing', 170],
    ['metrics-http', 160],
    ['tracing-http', 150],
    ['logging-http', 140],
    ['throttle-service', 130],
    ['throttle-route', 120],
    ['http-load-balancing', 110],
    ['http-default', 100],
  ]),
  'outbound-tcp': chain('Connections of the application.', tcpChain),
  'outbound-http': chain('Requests of the application.', [
    ['http-routing', 160],
    ['metrics-http', 150],
    ['tracing-http', 140],
    ['logging-http', 130],
    ['circuit-breaker', 120],
    ['http-load-balancing', 110],
    ['http-default', 100],
  ]),
});

const listener = (bind: number, listen: number, nodePort: number, enabled: boolean) => ({
  enabled: optional(flag('Whether it is served.', { default: enabled })),
  bind: optional(port('Port of the Service.', { default: bind })),
  listen: optional(port('Port of the pod.', { default: listen })),
  nodePort: optional(
    whole('Port of the node; 0 lets Kubernetes choose.', { minimum: 0, maximum: 65535, default: nodePort }),
  ),
});

const ingress = object('The ingress controller.', {
  enabled: off('Whether it runs.'),
  namespaced: off('Whether namespaces have their own.'),
  type: optional(choice('Type of its Service.', ['LoadBalancer', 'NodePort'], { default: 'LoadBalancer' })),
  logLevel: logLevel(),
  http: optional(object('Plain HTTP.', listener(80, 8000, 30508, true))),
  tls: optional(
    object('TLS.', {
      ...listener(443, 8443, 30607, false),
      mTLS: off('Whether clients must show a certificate.'),
      sslPassthrough: optional(
        object('Pass TLS through by SNI.', {
          enabled: off('Whether it is on.'),
          upstreamPort: optional(port('Port of the upstream.', { default: 443 })),
        }),
      ),
    }),
  ),
});

const connectorGateway = object('Written by the gateway connector; do not edit.', {
  clusterIP: optional(text('Cluster address.')),
  externalIP: optional(text('External address.')),
  ingressAddr: optional(text('Address of the ingress.')),
  ingressHTTPPort: optional(whole('HTTP port of the ingress.', { minimum: 0, maximum: 65535 })),
  ingressGRPCPort: optional(whole('gRPC port of the ingress.', { minimum: 0, maximum: 65535 })),
  egressAddr: optional(text('Address of the egress.')),
  egressHTTPPort: optional(whole('HTTP port of the egress.', { minimum: 0, maximum: 65535 })),
  egressGRPCPort: optional(whole('gRPC port of the egress.', { minimum: 0, maximum: 65535 })),
});

/** `spec.ingress` … `spec.connector`. */
export const gateways = {
  ingress: optional(ingress),
  gatewayAPI: optional(
    object('The Gateway API controller.', { enabled: off('Whether it runs.'), logLevel: logLevel() }),
  ),
  serviceLB: optional(
    object('Load balancer for Services on the nodes themselves.', {
      enabled: off('Whether it runs.'),
      image: optional(text('Its image.', { default: 'flomesh/mirrored-klipper-lb:v0.4.7' })),
    }),
  ),
  flb: optional(
    object('The external load balancer.', {
      enabled: off('Whether it is used.'),
      strictMode: off('Only namespaces with settings of their own.'),
      upstreamMode: optional(choice('What it sends to.', ['Endpoint', 'NodePort'], { default: 'Endpoint' })),
      secretName: optional(text('Secret with its settings.', { default: 'fsm-flb-secret' })),
    }),
  ),
  egressGateway: optional(
    object('The egress gateway.', {
      enabled: off('Whether it runs.'),
      logLevel: logLevel(),
      mode: optional(choice('Tunnel protocol.', ['http2tunnel', 'sock5'], { default: 'http2tunnel' })),
      port: optional(port('Port of the tunnel.', { default: 1080 })),
      adminPort: optional(port('Port for administration.', { default: 6060 })),
      replicas: optional(whole('Number of pods.', { minimum: 0, maximum: 1000, default: 1 })),
    }),
  ),
  connector: optional(
    object('Connectors to registries.', {
      lb: optional(
        object('Load balancing among registries.', {
          type: optional(
            choice('All at once, or one after another.', ['ActiveActive', 'FailOver'], { default: 'ActiveActive' }),
          ),
          masterNamespace: optional(text('Namespace that is used first.')),
          slaveNamespaces: optional(list('Namespaces that are used next.', text('A namespace.'))),
        }),
      ),
      DO_NOT_EDIT_viaGateway: optional(text('A notice for people who edit `viaGateway`.')),
      viaGateway: optional(connectorGateway),
    }),
  ),
};

/** `spec.image` and `spec.misc`. */
export const images = {
  image: optional(
    object('Images of the components.', {
      registry: optional(text('Registry and organisation.', { default: 'flomesh' })),
      tag: optional(text('Tag.')),
      pullPolicy: optional(
        choice('When images are pulled.', ['Always', 'IfNotPresent', 'Never'], { default: 'IfNotPresent' }),
      ),
      name: perComponent('Component → name of its image.'),
      digest: perComponent('Component → digest of its image.'),
    }),
  ),
  misc: optional(
    object('Other settings.', {
      repoServerImage: optional(text('Accepted for compatibility: there is no repository server.')),
    }),
  ),
};
