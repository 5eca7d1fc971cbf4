/** What one proxy is told: what it may call, what it serves, and the root over both. */
import {
  configFormat,
  type Fragment,
  fragmentOf,
  type InboundNode,
  type IndexNode,
  type Protocol,
} from '../../config.ts';
import type { EndpointSliceObject, ServiceObject, TrafficTargetObject } from '../../model.ts';
import { bucketOf, keyOf } from '../../snapshot.ts';
import { principalOf, serviceKey } from '../names.ts';
import { combined, protocolOf } from '../protocols.ts';
import type { Reader, Rule } from '../rule.ts';
import { access, portsOpenedBy, sortedPorts } from './access.ts';
import { enrolledNamespace, meshName, nobody, permissive, settings, trust, trustDomain, workload } from './mesh.ts';
import { accounts, service } from './service.ts';

/** In permissive mode everybody may call the same services, so they share one list under this key. */
const everybody = '*';

/**
 * Services that pods of an account are behind, sorted; key is `namespace/serviceaccount`. A node of its own, so that an
 * address that moves stops here and does not reach everybody who may call the account.
 */
export const servicesBehind: Rule<readonly string[]> = {
  name: 'servicesBehind',
  layer: 4,
  compute: (read, account) => {
    const found = new Set<string>();
    for (const pod of read.bucket('podsByServiceAccount', account)) {
      for (const sliceKey of read.bucket('slicesByPod', pod)) {
        const slice = read.get('EndpointSlice', sliceKey);
        if (slice === undefined || slice.service === '') continue;
        const key = `${slice.namespace}/${slice.service}`;
        if (read.node(accounts, key).includes(account)) found.add(key);
      }
    }
    return [...found].sort();
  },
};

/** Services that may be called, as sorted `namespace/name`; key is `namespace/serviceaccount`, `nobody`, or `*` for all there are. */
const reach: Rule<readonly string[]> = {
  name: 'reach',
  layer: 5,
  compute: (read, account) => {
    if (account === nobody) return [];
    return account === everybody ? servicesOfMesh(read) : servicesAllowed(read, account);
  },
};

function servicesOfMesh(read: Reader): string[] {
  const namespaces = read.bucket('namespacesByMesh', meshName);
  return namespaces.flatMap(namespace => read.bucket('servicesByNamespace', namespace)).sort();
}

/** Services of the identities that a TrafficTarget lets this one call, and every apex that splits to one of them. */
function servicesAllowed(read: Reader, account: string): string[] {
  const found = new Set<string>();
  for (const destination of destinations(read, account))
    for (const key of read.node(servicesBehind, destination)) found.add(key);
  for (const key of [...found]) for (const apex of apexesOf(read, key)) found.add(apex);
  return [...found].filter(key => read.node(enrolledNamespace, key.slice(0, key.indexOf('/')))).sort();
}

function destinations(read: Reader, account: string): Set<string> {
  return new Set(targetsFrom(read, account).map(target => keyOf(target.destination)));
}

/** TrafficTargets that name an account as a source. */
function targetsFrom(read: Reader, account: string): TrafficTargetObject[] {
  const targets = read.bucket('targetsBySource', account).flatMap(key => read.get('TrafficTarget', key) ?? []);
  return targets.filter(target => target.destination.kind === 'ServiceAccount');
}

function apexesOf(read: Reader, backend: string): string[] {
  const splits = read.bucket('splitsByBackend', backend).flatMap(key => read.get('TrafficSplit', key) ?? []);
  return splits.map(split => serviceKey(split.service, split.namespace));
}

/** A long list by the bucket of the name, each part sorted; key as for `reach`. */
const reachBuckets: Rule<Readonly<Record<string, readonly string[]>>> = {
  name: 'reachBuckets',
  layer: 6,
  compute: (read, key) => Object.fromEntries(Map.groupBy(read.node(reach, key), bucketOf)),
};

/** One bucket of a long list; key is `<bucket> <key of reach>`. Most stay as they are when the list changes. */
const reachPart: Rule<readonly string[]> = {
  name: 'reachPart',
  layer: 7,
  compute: (read, key) => {
    const [bucket, list] = bucketAndList(key);
    return read.node(reachBuckets, list)[bucket] ?? [];
  },
};

/** One of the 64 parts of a long index; key as for `reachPart`. */
const indexPart: Rule<Fragment> = {
  name: 'indexPart',
  layer: 8,
  compute: (read, key) => indexOf(read, read.node(reachPart, key)),
};

function bucketAndList(key: string): [bucket: string, list: string] {
  const space = key.indexOf(' ');
  return [key.slice(0, space), key.slice(space + 1)];
}

/** The services of a list, by name; key as for `reach`. Up to 64 names stand in one node, more in 64. */
const index: Rule<Fragment> = {
  name: 'index',
  layer: 9,
  compute: (read, key) => {
    const names = read.node(reach, key);
    if (names.length <= 64) return indexOf(read, names);
    const buckets = Object.keys(read.node(reachBuckets, key));
    const refs = Object.fromEntries(buckets.map(bucket => [bucket, read.node(indexPart, `${bucket} ${key}`).hash]));
    return fragmentOf({ kind: 'index', data: { buckets: 64 }, refs } satisfies IndexNode);
  },
};

function indexOf(read: Reader, names: readonly string[]): Fragment {
  const refs: Record<string, string> = {};
  for (const name of names) {
    const fragment = read.node(service, name);
    if (fragment !== null) refs[name] = fragment.hash;
  }
  return fragmentOf({ kind: 'index', data: {}, refs });
}

/** Whom an account may call; null where everybody may. Key is `namespace/serviceaccount`, or `nobody`. */
const callable: Rule<Fragment | null> = {
  name: 'callable',
  layer: 5,
  compute: (read, account) => {
    if (account !== nobody && read.node(permissive, '')) return null;
    const domain = read.node(trustDomain, '');
    const targets = targetsFrom(read, account).filter(({ destination }) =>
      read.node(enrolledNamespace, destination.namespace),
    );
    const byPrincipal = Map.groupBy(targets, ({ destination }) => principalOf(keyOf(destination), domain));
    const principals = [...byPrincipal.keys()].sort();
    const limited = principals.flatMap(principal => {
      const lists = (byPrincipal.get(principal) ?? []).map(target => portsOpenedBy(read, target));
      return lists.includes(null) ? [] : [[principal, sortedPorts(lists.flatMap(ports => ports ?? []))] as const];
    });
    const ports = limited.length === 0 ? {} : { ports: Object.fromEntries(limited) };
    return fragmentOf({ kind: 'callable', data: { principals, ...ports }, refs: {} });
  },
};

/** What a workload may call; key is `namespace/serviceaccount`, or `nobody`. */
export const outbound: Rule<Fragment> = {
  name: 'outbound',
  layer: 10,
  compute: (read, account) => {
    const list = account !== nobody && read.node(permissive, '') ? everybody : account;
    return fragmentOf({ kind: 'outbound', data: {}, refs: { services: read.node(index, list).hash } });
  },
};

type InboundPort = InboundNode['data']['ports'][number];

/** What a port of a pod speaks by each service in front of it. */
export interface ServedPort {
  readonly port: number;
  /** `namespace/name` of the service, by name. */
  readonly by: readonly { readonly service: string; readonly protocol: Protocol }[];
}

/** Ports that a pod serves; key is `namespace/pod`. */
export const servedPorts: Rule<readonly ServedPort[]> = {
  name: 'servedPorts',
  layer: 3,
  compute: (read, podKey) => {
    const found: { port: number; service: string; protocol: Protocol }[] = [];
    const slices = read.bucket('slicesByPod', podKey).flatMap(key => read.get('EndpointSlice', key) ?? []);
    for (const slice of slices.toSorted(byService)) {
      const object = read.get('Service', `${slice.namespace}/${slice.service}`);
      for (const { name, port } of object === undefined ? [] : slice.ports) {
        const protocol = object && spokenAt(object, name);
        if (protocol) found.push({ port, service: keyOf(object), protocol });
      }
    }
    const byPort = Map.groupBy(found, ({ port }) => port);
    return [...byPort]
      .sort(([a], [b]) => a - b)
      .map(([port, list]) => ({ port, by: list.map(({ service, protocol }) => ({ service, protocol })) }));
  },
};

function byService(a: EndpointSliceObject, b: EndpointSliceObject): number {
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}

function spokenAt(object: ServiceObject, name: string): Protocol | undefined {
  const spec = object.ports.find(candidate => (candidate.name ?? '') === name && candidate.protocol === 'TCP');
  return spec && protocolOf(spec);
}

/**
 * What a pod serves: one entry for each target port of the services in front of it; key is `namespace/pod`. Nothing
 * for a pod that takes no part, null for one that is not there.
 */
export const inbound: Rule<Fragment | null> = {
  name: 'inbound',
  layer: 4,
  compute: (read, podKey) => {
    const who = read.node(workload, podKey);
    if (who === null && read.get('Pod', podKey) === undefined) return null;
    const refs = { access: read.node(access, who?.account ?? nobody).hash };
    const served = who === null ? [] : read.node(servedPorts, podKey);
    const ports = served.map(({ port, by }): InboundPort => {
      for (const { service } of by) read.because('/ports', 'Service', service, 'target ports');
      const services = [...new Set(by.map(({ service }) => service))].sort();
      return { port, services, ...combined(by.map(({ protocol }) => protocol)) };
    });
    return fragmentOf({ kind: 'inbound', data: { ports }, refs });
  },
};

const self: Rule<Fragment | null> = {
  name: 'self',
  layer: 6,
  compute: (read, podKey) => {
    const pod = read.get('Pod', podKey);
    if (pod === undefined) return null;
    const { uid, namespace, name, serviceAccount } = pod;
    const principal = principalOf(`${namespace}/${serviceAccount}`, read.node(trustDomain, ''));
    const who = read.node(workload, podKey);
    const whom = read.node(callable, who?.account ?? nobody);
    const data = { uid, namespace, name, principal, member: who !== null };
    return fragmentOf({ kind: 'self', data, refs: whom === null ? {} : { callable: whom.hash } });
  },
};

/**
 * The configuration of an enrolled proxy; key is `namespace/pod`. Null when the pod is gone, or is another one than
 * the one that enrolled. A proxy whose pod takes no part any more is told so: it must not go on with the addresses and
 * rules of the day on which it left.
 */
export const root: Rule<Fragment | null> = {
  name: 'root',
  layer: 11,
  compute: (read, podKey) => {
    const who = read.node(workload, podKey);
    const uid = who === null ? read.get('Pod', podKey)?.uid : who.uid;
    if (uid === undefined || read.enrolled(podKey) !== uid) return null;
    const parts = { self: read.node(self, podKey), inbound: read.node(inbound, podKey) };
    if (parts.self === null || parts.inbound === null) return null;
    const refs = {
      self: parts.self.hash,
      settings: read.node(settings, '').hash,
      trust: read.node(trust, '').hash,
      inbound: parts.inbound.hash,
      outbound: read.node(outbound, who?.account ?? nobody).hash,
    };
    return fragmentOf({ kind: 'root', data: { format: configFormat }, refs });
  },
};
