/**
 * Which accepted fields do something. A field that the mesh reads says so in its schema; every other field of a kind that people
 * write stands here, so that none is accepted in silence: a test walks the schemas, the reference pages show the table, and
 * a condition names what is set on an object and does nothing.
 */
import type { ResourceKind } from './resources.ts';
import type { SchemaNode } from './schema.ts';

/**
 * - `in force`: a change of it changes what the mesh does.
 * - `not yet`: what it asks for does not exist here yet.
 * - `no effect`: there is nothing to switch: the mesh does it always, never, or in another way.
 * - `for people`: a name or a note that nothing goes by.
 */
export type Force = 'in force' | 'not yet' | 'no effect' | 'for people';

type Table = Readonly<Record<string, Exclude<Force, 'in force'>>>;

const meshConfig: Table = {
  'spec.clusterSet': 'not yet',
  'spec.sidecar.enablePrivilegedInitContainer': 'not yet',
  'spec.sidecar.compressConfig': 'no effect',
  'spec.sidecar.holdApplicationUntilProxyStarts': 'not yet',
  'spec.sidecar.gracefulExitUntilDownstreamEnds': 'not yet',
  'spec.sidecar.sidecarImage': 'not yet',
  'spec.sidecar.sidecarDisabledMTLS': 'no effect',
  'spec.sidecar.maxDataPlaneConnections': 'not yet',
  'spec.sidecar.configResyncInterval': 'no effect',
  'spec.sidecar.resources': 'not yet',
  'spec.sidecar.initResources': 'not yet',
  'spec.sidecar.healthcheckResources': 'not yet',
  'spec.sidecar.tlsMinProtocolVersion': 'no effect',
  'spec.sidecar.tlsMaxProtocolVersion': 'no effect',
  'spec.sidecar.cipherSuites': 'no effect',
  'spec.sidecar.ecdhCurves': 'no effect',
  'spec.sidecar.localProxyMode': 'not yet',
  'spec.sidecar.localDNSProxy': 'not yet',
  'spec.sidecar.xnetDNSProxy': 'not yet',
  'spec.repoServer': 'no effect',
  'spec.traffic.interceptionMode': 'not yet',
  'spec.traffic.outboundIPRangeExclusionList': 'not yet',
  'spec.traffic.outboundIPRangeInclusionList': 'not yet',
  'spec.traffic.outboundPortExclusionList': 'not yet',
  'spec.traffic.inboundPortExclusionList': 'not yet',
  'spec.traffic.networkInterfaceExclusionList': 'not yet',
  'spec.traffic.inboundExternalAuthorization': 'not yet',
  'spec.traffic.http1PerRequestLoadBalancing': 'no effect',
  'spec.traffic.http2PerRequestLoadBalancing': 'no effect',
  'spec.traffic.serviceAccessMode': 'not yet',
  'spec.traffic.serviceAccessNames': 'not yet',
  'spec.warmup': 'not yet',
  'spec.observability': 'not yet',
  'spec.certificate.certKeyBitSize': 'no effect',
  'spec.certificate.ingressGateway': 'not yet',
  'spec.featureFlags': 'not yet',
  'spec.featureFlags.enableSnapshotCacheMode': 'no effect',
  'spec.featureFlags.enableAsyncProxyServiceMapping': 'no effect',
  'spec.featureFlags.enableSidecarPrettyConfig': 'no effect',
  'spec.featureFlags.useEndpointSlicesForGateway': 'no effect',
  'spec.pluginChains': 'not yet',
  'spec.ingress': 'not yet',
  'spec.gatewayAPI': 'not yet',
  'spec.serviceLB': 'not yet',
  'spec.flb': 'not yet',
  'spec.egressGateway': 'not yet',
  'spec.connector': 'not yet',
  'spec.connector.DO_NOT_EDIT_viaGateway': 'for people',
  'spec.image': 'not yet',
  'spec.misc': 'no effect',
};

/** Kind → field, or a mapping for everything below it, → what becomes of it. A longer path goes before a shorter one. */
export const withoutForce: Readonly<Partial<Record<ResourceKind, Table>>> = {
  MeshConfig: meshConfig,
  TrafficTarget: {},
  HTTPRouteGroup: {},
  TCPRoute: { 'spec.matches.name': 'for people' },
  TrafficSplit: { 'spec.matches[].apiGroup': 'for people' },
};

/** What becomes of a field of a kind, `spec.backends[].weight`; undefined when nobody has said so. */
export function forceOf(kind: ResourceKind, path: string, node: SchemaNode): Force | undefined {
  if (node['x-fsm-reads']) return 'in force';
  const table = withoutForce[kind] ?? {};
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    const said = table[path.slice(0, end).replace(/\[\]$/, '')] ?? table[path.slice(0, end)];
    if (said !== undefined) return said;
  }
  return undefined;
}

/**
 * Fields that are set on a valid object and do nothing, sorted, as people write them. One that has its default is not set:
 * the API server writes defaults. A field that the schema does not know counts, too.
 */
export function idleFields(kind: ResourceKind, schema: SchemaNode, raw: unknown): string[] {
  const found = new Set<string>();
  const spec = schema.properties?.spec;
  const value = isRecord(raw) ? raw.spec : undefined;
  if (spec !== undefined) collect({ kind, found }, spec, value, 'spec');
  return [...found].sort();
}

interface Search {
  readonly kind: ResourceKind;
  readonly found: Set<string>;
}

function collect(search: Search, node: SchemaNode, value: unknown, path: string): void {
  if (value === null || value === undefined) return;
  const { properties, items } = node;
  if (properties !== undefined && isRecord(value)) {
    for (const [name, member] of Object.entries(value)) {
      const field = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (field === undefined) search.found.add(`${path}.${name}`);
      else collect(search, field, member, `${path}.${name}`);
    }
  } else if (items?.properties !== undefined && Array.isArray(value) && !isDefault(node, value)) {
    for (const member of value) collect(search, items, member, `${path}[]`);
  } else if (isIdle(search.kind, path, node) && !isDefault(node, value)) search.found.add(path);
}

function isIdle(kind: ResourceKind, path: string, node: SchemaNode): boolean {
  const force = forceOf(kind, path, node);
  return force === 'not yet' || force === 'no effect';
}

/** An empty collection sets nothing. */
function isDefault(node: SchemaNode, value: unknown): boolean {
  if (typeof value === 'object' && Object.keys(value ?? {}).length === 0) return true;
  return JSON.stringify(value) === JSON.stringify(node.default);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
