/** `spec.sidecar` of MeshConfig: how proxies run. */
import Type from 'typebox';
import {
  choice,
  dictionary,
  duration,
  flag,
  list,
  mostOfAnything,
  object,
  optional,
  port,
  reads,
  text,
  whole,
} from './schema.ts';

/** What `spec.sidecar` means where it says nothing, as the mesh reads it. */
export const sidecarDefaults = { logLevel: 'error', sidecarTimeout: 60 } as const;

const quantities = (description: string) =>
  Type.Unsafe<Readonly<Record<string, string | number>>>({
    type: 'object',
    additionalProperties: { type: ['integer', 'string'] },
    description,
  });

const resources = (description: string) =>
  optional(
    object(description, {
      limits: optional(quantities('Most that the container may use: resource name → quantity.')),
      requests: optional(quantities('What is set aside for the container: resource name → quantity.')),
      claims: optional(
        list(
          'Dynamic resource claims.',
          object('A claim.', { name: text('Name of the claim.'), request: optional(text('Request in the claim.')) }),
        ),
      ),
    }),
  );

const addressPair = object('An address.', {
  ipv4: optional(text('IPv4 address.')),
  ipv6: optional(text('IPv6 address.')),
});

const localDNSProxy = object('Answers DNS queries of the application in the sidecar.', {
  enable: optional(flag('Whether it is on.', { default: false })),
  primaryUpstreamDNSServerIPAddr: optional(text('Server that is asked first.')),
  secondaryUpstreamDNSServerIPAddr: optional(text('Server that is asked next.')),
  generateIPv6BasedOnIPv4: optional(flag('Answer AAAA queries with mapped IPv4 addresses.', { default: false })),
  wildcard: optional(
    object('Answers for names that nobody knows.', {
      enable: optional(flag('Whether it is on.', { default: false })),
      los: optional(list('Loopback addresses to answer with.', addressPair)),
      ips: optional(list('Addresses to answer with.', addressPair)),
    }),
  ),
  db: optional(
    list(
      'Fixed answers.',
      object('A name and its addresses.', { dn: text('Domain name.'), ips: list('Its addresses.', addressPair) }),
    ),
  ),
});

const xnetDNSProxy = object('DNS on nodes with eBPF interception.', {
  enable: optional(flag('Whether it is on.', { default: false })),
  upstreams: optional(
    list(
      'Servers that are asked.',
      object('A server.', {
        name: optional(text('Name of a Service.', { default: 'fsm-controller' })),
        namespace: optional(text('Namespace of the Service.')),
        ip: optional(text('Address, instead of a Service.')),
        port: optional(port('Port.', { default: 53 })),
      }),
    ),
  ),
});

const tlsVersion = (description: string) =>
  optional(choice(description, ['TLS_AUTO', 'TLSv1_0', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3']));

export const sidecar = object('How proxies run.', {
  enablePrivilegedInitContainer: optional(flag('Run the init container privileged (OpenShift).', { default: false })),
  compressConfig: optional(flag('Accepted for compatibility: pushes carry only what changed.', { default: true })),
  holdApplicationUntilProxyStarts: optional(flag('Start the application after its proxy.', { default: true })),
  gracefulExitUntilDownstreamEnds: optional(flag('Stop the proxy after its last connection.', { default: true })),
  logLevel: optional(
    choice('Log level of proxies.', ['trace', 'debug', 'info', 'warning', 'warn', 'error', 'critical', 'off'], {
      default: sidecarDefaults.logLevel,
      ...reads,
    }),
  ),
  sidecarImage: optional(text('Image of the proxy.', { default: 'flomesh/pipy:1.5.14' })),
  sidecarDisabledMTLS: optional(flag('Turn mutual TLS between proxies off.', { default: false })),
  maxDataPlaneConnections: optional(
    whole('Most proxies that one control plane serves; 0 is no limit.', {
      minimum: 0,
      maximum: mostOfAnything,
      default: 0,
    }),
  ),
  configResyncInterval: optional(
    text('Accepted for compatibility: proxies are told of every change, so nothing needs a resync.', {
      ...duration('0s', '24h', 'nobody waits longer for what he has already'),
      default: '0s',
    }),
  ),
  sidecarTimeout: optional(
    whole('Idle time, in seconds, after which a connection is closed; 0 means the default.', {
      minimum: 0,
      maximum: 86400,
      default: sidecarDefaults.sidecarTimeout,
      ...reads,
    }),
  ),
  resources: resources('Resources of the proxy container.'),
  initResources: resources('Resources of the init container.'),
  healthcheckResources: resources('Resources of the health check container.'),
  tlsMinProtocolVersion: tlsVersion('Accepted for compatibility: the mesh speaks TLS 1.3.'),
  tlsMaxProtocolVersion: tlsVersion('Accepted for compatibility: the mesh speaks TLS 1.3.'),
  cipherSuites: optional(list('Accepted for compatibility.', text('A cipher suite.'))),
  ecdhCurves: optional(list('Accepted for compatibility.', text('A curve.'))),
  localProxyMode: optional(
    choice('Address at which the proxy reaches its application.', ['Localhost', 'PodIP'], { default: 'Localhost' }),
  ),
  localDNSProxy: optional(localDNSProxy),
  xnetDNSProxy: optional(xnetDNSProxy),
});

/** Component name → text, in `spec.image`. */
export const perComponent = (description: string) => optional(dictionary(description));
