/** config.flomesh.io: the settings of a mesh. Defaults are those of the reference's chart. */
import type { Static } from 'typebox';
import { features, gateways, images, pluginChains } from './mesh-config-features.ts';
import { sidecar } from './mesh-config-sidecar.ts';
import {
  choice,
  duration,
  flag,
  list,
  metadata,
  mostOfAnything,
  object,
  optional,
  port,
  reads,
  text,
  whole,
} from './schema.ts';

/** What a MeshConfig means where it says nothing, as the mesh reads it; the schema shows the same values. */
export const meshConfigDefaults = {
  enablePermissiveTrafficPolicyMode: true,
  enableEgress: true,
  serviceCertValidityDuration: '24h',
} as const;

const addresses = (description: string) =>
  optional(list(description, text('A range, such as 10.0.0.0/8.'), { default: [] }));
const ports = (description: string) => optional(list(description, port('A port.'), { default: [] }));

const clusterSet = object('Where this cluster stands among others.', {
  isManaged: optional(flag('Whether another control plane manages this cluster.', { default: false })),
  uid: optional(text('Identifier of the cluster.')),
  region: optional(text('Region.', { default: 'default' })),
  zone: optional(text('Zone.', { default: 'default' })),
  group: optional(text('Group.', { default: 'default' })),
  name: optional(text('Name of the cluster.', { default: 'local' })),
  controlPlaneUID: optional(text('Identifier of the managing control plane, when managed.', { default: '' })),
  properties: optional(
    list('Free properties.', object('A property.', { name: text('Name.'), value: text('Value.') }), { default: [] }),
  ),
});

const repoServer = object('Accepted for compatibility: proxies are served by the control plane itself.', {
  ipaddr: optional(text('Address of the Pipy repository.', { default: '127.0.0.1' })),
  port: optional(port('Port of the Pipy repository.', { default: 6060 })),
  codebase: optional(text('Codebase prefix in the repository.', { default: '' })),
});

const externalAuthorization = object('External authorization of inbound requests.', {
  enable: optional(flag('Whether it is on.', { default: false })),
  address: optional(text('Host of the authorization service.')),
  port: optional(port('Port of the authorization service.')),
  statPrefix: optional(text('Prefix of its metrics.')),
  timeout: optional(
    text(
      'How long to wait for an answer.',
      duration('1ms', '1h', 'a client does not wait for ever, and nobody answers at once'),
    ),
  ),
  failureModeAllow: optional(flag('Whether requests pass when it does not answer.', { default: false })),
});

const serviceAccessNames = object('Which names of a service clients may use.', {
  mustWithServicePort: optional(flag('Only names with a port.', { default: false })),
  withTrustDomain: optional(flag('Also names that end in the trust domain.', { default: true })),
  mustWithNamespace: optional(flag('Only names with a namespace.', { default: true })),
  cloud: optional(
    object('The same for services from registries.', {
      withNamespace: optional(flag('Names with a namespace.', { default: true })),
    }),
  ),
});

const traffic = object('How traffic is intercepted and what may pass.', {
  interceptionMode: optional(
    choice('Interception in each pod (iptables) or on the node (eBPF).', ['PodLevel', 'NodeLevel'], {
      default: 'PodLevel',
    }),
  ),
  enableEgress: optional(
    flag('Whether destinations that the mesh does not know may be reached.', {
      default: meshConfigDefaults.enableEgress,
      ...reads,
    }),
  ),
  outboundIPRangeExclusionList: addresses('Destinations that are not intercepted.'),
  outboundIPRangeInclusionList: addresses('When not empty, only these destinations are intercepted.'),
  outboundPortExclusionList: ports('Destination ports that are not intercepted.'),
  inboundPortExclusionList: ports('Ports of pods that are not intercepted.'),
  networkInterfaceExclusionList: optional(
    list('Network interfaces that are not intercepted.', text('Name of an interface.'), { default: [] }),
  ),
  enablePermissiveTrafficPolicyMode: optional(
    flag('Whether every workload of the mesh may call every service. When false, only what a TrafficTarget allows.', {
      default: meshConfigDefaults.enablePermissiveTrafficPolicyMode,
      ...reads,
    }),
  ),
  inboundExternalAuthorization: optional(externalAuthorization),
  http1PerRequestLoadBalancing: optional(
    flag('Choose an endpoint for each HTTP/1 request instead of each connection.', { default: false }),
  ),
  http2PerRequestLoadBalancing: optional(
    flag('Choose an endpoint for each HTTP/2 request instead of each connection.', { default: true }),
  ),
  serviceAccessMode: optional(
    choice('Whether clients call services by address, by name, or both.', ['mixed', 'ip', 'domain'], {
      default: 'mixed',
    }),
  ),
  serviceAccessNames: optional(serviceAccessNames),
});

const warmup = object('Slow start of new endpoints: `max × max(min/max, (elapsed/duration)^(1/aggression))`.', {
  enable: optional(flag('Whether it is on.', { default: false })),
  duration: optional(
    text('How long an endpoint warms up.', {
      ...duration('1s', '24h', 'an endpoint that warms up for less or for longer does not warm up'),
      default: '90s',
    }),
  ),
  minWeight: optional(whole('Weight at the start.', { minimum: 0, maximum: mostOfAnything, default: 10 })),
  maxWeight: optional(whole('Weight at the end.', { minimum: 1, maximum: mostOfAnything, default: 100 })),
  aggression: optional(
    text('Shape of the rise; 1.0 is linear.', {
      pattern: '^(0*[1-9][0-9]{0,3}(\\.[0-9]+)?|0*\\.[0-9]*[1-9][0-9]*)$',
      'x-fsm-expects': 'a number above 0, such as 1.0',
      default: '1.0',
    }),
  ),
});

const collector = {
  enable: optional(flag('Whether it is on.', { default: false })),
  sampledFraction: optional(
    text('Share of requests, from 0 to 1.', { pattern: '^(0(\\.[0-9]+)?|1(\\.0+)?)$', default: '1.0' }),
  ),
};

const observability = object('Logs, traces and metrics.', {
  fsmLogLevel: optional(
    choice(
      'Log level of the control plane.',
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic', 'disabled'],
      {
        default: 'info',
      },
    ),
  ),
  enableDebugServer: optional(flag('Of v1alpha1 and v1alpha2; the debug server is gone.', { default: false })),
  tracing: optional(
    object('Zipkin traces.', {
      ...collector,
      address: optional(text("Host of the collector; `jaeger` in the control plane's namespace when absent.")),
      port: optional(port('Port of the collector.', { default: 9411 })),
      endpoint: optional(text('Path of the collector.', { default: '/api/v2/spans' })),
    }),
  ),
  remoteLogging: optional(
    object('Access logs sent to a collector.', {
      ...collector,
      level: optional(whole('How much is sent.', { minimum: 0, maximum: 10, default: 2 })),
      address: optional(text('Host of the collector.')),
      port: optional(port('Port of the collector.', { default: 30514 })),
      endpoint: optional(text('Path of the collector.')),
      authorization: optional(text('Value of the authorization header; better kept in `secretName`.')),
      secretName: optional(
        text('Secret with the settings of the collector.', { default: 'fsm-remote-logging-secret' }),
      ),
    }),
  ),
});

/** Renewals are looked for once in 25 s, at half of the life give or take a tenth: what is shorter may end before. */
const certificateLife = duration(
  '5m',
  '87600h',
  'a shorter one may end before the sidecar has the next one, and a longer one outlives every root',
);

const certificate = object('Certificates of workloads.', {
  serviceCertValidityDuration: optional(
    text('How long a workload certificate lasts, from 5m to 87600h; it is renewed at half of it.', {
      ...certificateLife,
      default: meshConfigDefaults.serviceCertValidityDuration,
      ...reads,
    }),
  ),
  certKeyBitSize: optional(whole('Size of RSA keys.', { minimum: 2048, maximum: 4096, default: 2048 })),
  ingressGateway: optional(
    object('Certificate for an ingress gateway outside the mesh.', {
      subjectAltNames: list('Names in the certificate.', text('A DNS name or an address.')),
      validityDuration: text('How long it lasts, from 5m to 87600h.', { ...certificateLife, default: '24h' }),
      secret: object('Where it is put.', {
        name: optional(text('Name of the Secret.')),
        namespace: optional(text('Namespace of the Secret.')),
      }),
    }),
  ),
});

/** config.flomesh.io/v1alpha3 MeshConfig; v1alpha2 and v1alpha1 are read in the same shape. */
export const MeshConfig = object(
  "Settings of the mesh. The one in force is `fsm-mesh-config` in the control plane's namespace.",
  {
    metadata: metadata({}),
    spec: optional(
      object('The settings; what is left out has its default.', {
        clusterSet: optional(clusterSet),
        sidecar: optional(sidecar),
        repoServer: optional(repoServer),
        traffic: optional(traffic),
        warmup: optional(warmup),
        observability: optional(observability),
        certificate: optional(certificate),
        featureFlags: optional(features),
        pluginChains: optional(pluginChains),
        ...gateways,
        ...images,
      }),
    ),
  },
);
export type MeshConfig = Static<typeof MeshConfig>;
