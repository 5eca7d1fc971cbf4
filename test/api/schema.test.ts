import { describe, expect, test } from 'vitest';
import { fieldsOf, fieldsRead } from '../../src/api/reference.ts';
import { resourceOf, resources } from '../../src/api/resources.ts';
import type { SchemaNode } from '../../src/api/schema.ts';
import { kinds } from '../../src/engine/model.ts';
import { readers } from '../../src/engine/normalise.ts';
import { samples } from './samples.ts';

test.each(resources.map(resource => [resource.kind, resource]))(
  'every field of %s has a description',
  (_, { schema }) => {
    const silent = fieldsOf(schema as SchemaNode).filter(({ node }) => !node.description);
    expect(silent.map(({ path }) => path)).toEqual([]);
  },
);

/** The paths that a reader touches, as the schema writes them; what lies inside a marked field counts as the field. */
function recorder(marked: ReadonlySet<string>) {
  const touched = new Set<string>();
  const watch = (value: unknown, path: string): unknown => {
    if (path !== '') touched.add(path);
    if (typeof value !== 'object' || value === null || marked.has(path)) return value;
    if (Array.isArray(value)) return value.map(item => watch(item, `${path}[]`));
    return new Proxy(value, {
      get: (target, key) =>
        typeof key === 'string' ? watch(Reflect.get(target, key), path === '' ? key : `${path}.${key}`) : undefined,
    });
  };
  return { touched, watch };
}

describe('the mark "read" is on exactly the fields that normalisation reads', () => {
  test.each([...kinds])('%s', kind => {
    const schema = resourceOf(kind).schema as SchemaNode;
    const marked = new Set(fieldsRead(schema));
    const { touched, watch } = recorder(marked);
    const reader = readers[kind] as (raw: unknown) => unknown;
    reader(watch(samples[kind].raw, ''));
    const leaves = fieldsOf(schema).filter(({ node }) => !node.properties && !node.items?.properties);
    const expected = leaves.map(({ path }) => path).filter(path => touched.has(path));
    const present = kind === 'Namespace' ? [...marked].filter(path => path !== 'metadata.namespace') : [...marked];
    expect(expected.sort()).toEqual(present.sort());
  });
});

test('MeshConfig has every field of the reference', () => {
  const paths = new Set(fieldsOf(resourceOf('MeshConfig').schema as SchemaNode).map(({ path }) => path));
  const missing = meshConfigFields.filter(path => !paths.has(`spec.${path}`));
  expect(missing).toEqual([]);
});

const within = (prefix: string, names: string) => names.split(' ').map(name => `${prefix}.${name}`);

const meshConfigFields = [
  ...within('clusterSet', 'isManaged uid region zone group name controlPlaneUID properties[].name properties[].value'),
  ...within(
    'sidecar',
    'enablePrivilegedInitContainer compressConfig holdApplicationUntilProxyStarts logLevel sidecarImage',
  ),
  ...within(
    'sidecar',
    'gracefulExitUntilDownstreamEnds sidecarDisabledMTLS maxDataPlaneConnections configResyncInterval',
  ),
  ...within(
    'sidecar',
    'sidecarTimeout resources.limits initResources.requests healthcheckResources tlsMinProtocolVersion',
  ),
  ...within('sidecar', 'tlsMaxProtocolVersion cipherSuites ecdhCurves localProxyMode xnetDNSProxy.upstreams[].port'),
  ...within('sidecar.localDNSProxy', 'enable primaryUpstreamDNSServerIPAddr secondaryUpstreamDNSServerIPAddr'),
  ...within(
    'sidecar.localDNSProxy',
    'generateIPv6BasedOnIPv4 wildcard.los[].ipv4 wildcard.ips[].ipv4 db[].dn db[].ips[].ipv6',
  ),
  ...within('repoServer', 'ipaddr port codebase'),
  ...within('traffic', 'interceptionMode enableEgress outboundIPRangeExclusionList outboundIPRangeInclusionList'),
  ...within('traffic', 'outboundPortExclusionList inboundPortExclusionList networkInterfaceExclusionList'),
  ...within('traffic', 'enablePermissiveTrafficPolicyMode http1PerRequestLoadBalancing http2PerRequestLoadBalancing'),
  ...within('traffic.inboundExternalAuthorization', 'enable address port statPrefix timeout failureModeAllow'),
  ...within('traffic', 'serviceAccessMode serviceAccessNames.mustWithServicePort serviceAccessNames.withTrustDomain'),
  ...within('traffic.serviceAccessNames', 'mustWithNamespace cloud.withNamespace'),
  ...within('warmup', 'enable duration minWeight maxWeight aggression'),
  ...within(
    'observability',
    'fsmLogLevel tracing.enable tracing.address tracing.port tracing.endpoint tracing.sampledFraction',
  ),
  ...within(
    'observability.remoteLogging',
    'enable level port address endpoint authorization sampledFraction secretName',
  ),
  ...within('certificate', 'serviceCertValidityDuration certKeyBitSize ingressGateway.subjectAltNames'),
  ...within('certificate.ingressGateway', 'validityDuration secret.name secret.namespace'),
  ...within(
    'featureFlags',
    'enableEgressPolicy enableSnapshotCacheMode enableAsyncProxyServiceMapping enableRetryPolicy',
  ),
  ...within(
    'featureFlags',
    'enableIngressBackendPolicy enableAccessControlPolicy enableAccessCertPolicy enablePluginPolicy',
  ),
  ...within('featureFlags', 'enableTrafficWarmupPolicy enableSidecarPrettyConfig enableSidecarActiveHealthChecks'),
  ...within('featureFlags', 'enableAutoDefaultRoute enableValidateGatewayListenerHostname useEndpointSlicesForGateway'),
  ...within('featureFlags', 'enableValidateHTTPRouteHostnames enableValidateGRPCRouteHostnames'),
  ...within('featureFlags', 'enableValidateTLSRouteHostnames dropRouteRuleIfNoAvailableBackends'),
  ...within('pluginChains', 'inbound-tcp[].plugin inbound-http[].priority outbound-tcp[].disable outbound-http'),
  ...within(
    'ingress',
    'enabled namespaced type logLevel http.enabled http.bind http.listen http.nodePort tls.enabled tls.bind',
  ),
  ...within('ingress.tls', 'listen nodePort mTLS sslPassthrough.enabled sslPassthrough.upstreamPort'),
  ...within('gatewayAPI', 'enabled logLevel'),
  ...within('serviceLB', 'enabled image'),
  ...within('flb', 'enabled strictMode upstreamMode secretName'),
  ...within('egressGateway', 'enabled logLevel mode port adminPort replicas'),
  ...within('image', 'registry tag pullPolicy name digest'),
  ...within('misc', 'repoServerImage'),
  ...within('connector', 'lb.type lb.masterNamespace lb.slaveNamespaces'),
  ...within('connector.viaGateway', 'clusterIP externalIP ingressAddr ingressHTTPPort ingressGRPCPort egressAddr'),
  ...within('connector.viaGateway', 'egressHTTPPort egressGRPCPort'),
];
