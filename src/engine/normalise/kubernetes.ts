/** Normalisation of the built-in kinds. */
import type * as api from '../../api/kubernetes.ts';
import type {
  EndpointSliceObject,
  Meta,
  NamespaceObject,
  PodObject,
  ServiceAccountObject,
  ServiceObject,
  ServicePortSpec,
} from '../model.ts';
import { present, sortedRecords, sortedSet } from './sets.ts';

type Labels = Readonly<Record<string, string>>;

/** The prefixes of the mesh's own labels; the first that is present counts. */
const prefixes = ['flomesh.io', 'openservicemesh.io'] as const;
/** Labels that injection sets. */
const proxyLabels = ['fsm-proxy-uuid', 'osm-proxy-uuid'] as const;
/** Label of an EndpointSlice that names its Service (discovery.k8s.io/v1). */
const serviceLabel = 'kubernetes.io/service-name';
/** A pod in one of these phases has stopped for good: its address may belong to another already. */
const stopped: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

/** Where an object is; the namespace is empty for cluster-scoped kinds. */
export function meta({ metadata }: { metadata: { name: string; namespace?: string } }): Meta {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}

function own(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function firstOf(labels: Labels, keys: readonly string[]): string | undefined {
  return keys.map(key => own(labels, key)).find(value => value !== undefined && value !== '');
}

function meshLabel(labels: Labels, name: string): string | undefined {
  return firstOf(
    labels,
    prefixes.map(prefix => `${prefix}/${name}`),
  );
}

export function namespace(raw: api.Namespace): NamespaceObject {
  const labels = raw.metadata.labels ?? {};
  const ignored = meshLabel(labels, 'ignore') === 'true' ? (true as const) : undefined;
  return { namespace: '', name: raw.metadata.name, ...present({ mesh: meshLabel(labels, 'monitored-by'), ignored }) };
}

export function pod(raw: api.Pod): PodObject {
  const labels = raw.metadata.labels ?? {};
  const ip = stopped.has(raw.status?.phase ?? '') ? undefined : raw.status?.podIP || undefined;
  const terminating = raw.metadata.deletionTimestamp ? (true as const) : undefined;
  return {
    ...meta(raw),
    uid: raw.metadata.uid ?? '',
    labels,
    serviceAccount: raw.spec?.serviceAccountName || 'default',
    ...present({ ip, proxy: firstOf(labels, proxyLabels), terminating }),
  };
}

type RawPort = NonNullable<NonNullable<api.Service['spec']>['ports']>[number];

export function service(raw: api.Service): ServiceObject {
  const { clusterIP, clusterIPs, selector, ports } = raw.spec ?? {};
  const addresses = clusterIPs ?? (clusterIP ? [clusterIP] : []);
  const headless = clusterIP === 'None' || addresses.includes('None') ? (true as const) : undefined;
  const selects = selector && Object.keys(selector).length > 0 ? selector : undefined;
  return {
    ...meta(raw),
    clusterIPs: sortedSet(addresses.filter(address => address !== '' && address !== 'None')),
    ports: sortedRecords((ports ?? []).map(servicePort)),
    ...present({ headless, selector: selects }),
  };
}

function servicePort(raw: RawPort): ServicePortSpec {
  const protocol = raw.protocol === 'UDP' || raw.protocol === 'SCTP' ? raw.protocol : 'TCP';
  const written = { name: raw.name || undefined, appProtocol: raw.appProtocol || undefined };
  return { port: raw.port, targetPort: raw.targetPort || raw.port, protocol, ...present(written) };
}

type RawEndpoint = NonNullable<api.EndpointSlice['endpoints']>[number];

/** `service` is empty for a slice without the label: it belongs to no Service. */
export function endpointSlice(raw: api.EndpointSlice): EndpointSliceObject {
  const ports = (raw.ports ?? []).flatMap(({ name, port, protocol }) =>
    port ? [{ name: name ?? '', port, protocol: protocol || 'TCP' }] : [],
  );
  return {
    ...meta(raw),
    service: own(raw.metadata.labels ?? {}, serviceLabel) ?? '',
    addressType: raw.addressType ?? 'IPv4',
    ports: sortedRecords(ports),
    endpoints: sortedRecords((raw.endpoints ?? []).map(endpoint)),
  };
}

function endpoint({
  addresses,
  conditions,
  hostname,
  targetRef,
}: RawEndpoint): EndpointSliceObject['endpoints'][number] {
  const pod = targetRef?.kind === 'Pod' ? targetRef.name || undefined : undefined;
  return {
    addresses: sortedSet(addresses ?? []),
    ready: conditions?.ready ?? true,
    ...present({ pod, hostname: hostname || undefined }),
  };
}

export function serviceAccount(raw: api.ServiceAccount): ServiceAccountObject {
  return meta(raw);
}
