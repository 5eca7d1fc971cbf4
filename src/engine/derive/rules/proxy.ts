/** What one proxy is told: what it may call, what it serves, and the root over both. */
import { configFormat, type Fragment, fragmentOf, type InboundNode, type IndexNode } from '../../config.ts';
import type { EndpointSliceObject, ServiceObject } from '../../model.ts';
import { bucketOf, keyOf } from '../../snapshot.ts';
import { serviceKey } from '../names.ts';
import type { Reader, Rule } from '../rule.ts';
import { access } from './access.ts';
import { enrolledNamespace, meshName, permissive, settings, trust, workload } from './mesh.ts';
import { accounts, protocolOf, service } from './service.ts';

/** In permissive mode everybody may call the same services, so they share one list under this key. */
const everybody = '*';

/**
 * Services that pods of an account are behind, sorted; key is `namespace/serviceaccount`. A node of its own, so that an
 * address that moves stops here and does not reach everybody who may call the account.
 */
const servicesBehind: Rule<readonly string[]> = {
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

/** Services that may be called, as sorted `namespace/name`; key is `namespace/serviceaccount`, or `*` for all there are. */
const reach: Rule<readonly string[]> = {
  name: 'reach',
  layer: 5,
  compute: (read, account) => (account === everybody ? servicesOfMesh(read) : servicesAllowed(read, account)),
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
  const targets = read.bucket('targetsBySource', account).flatMap(key => read.get('TrafficTarget', key) ?? []);
  return new Set(
    targets.filter(target => target.destination.kind === 'ServiceAccount').map(target => keyOf(target.destination)),
  );
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

/** What a workload may call; key is `namespace/serviceaccount`. */
export const outbound: Rule<Fragment> = {
  name: 'outbound',
  layer: 10,
  compute: (read, account) => {
    const list = read.node(permissive, '') ? everybody : account;
    return fragmentOf({ kind: 'outbound', data: {}, refs: { services: read.node(index, list).hash } });
  },
};

/** What a pod serves: one entry for each target port of each service in front of it; key is `namespace/pod`. */
export const inbound: Rule<Fragment | null> = {
  name: 'inbound',
  layer: 4,
  compute: (read, podKey) => {
    const self = read.node(workload, podKey);
    if (self === null) return null;
    const refs = { access: read.node(access, self.account).hash };
    return fragmentOf({ kind: 'inbound', data: { ports: portsOf(read, podKey) }, refs });
  },
};

type InboundPort = InboundNode['data']['ports'][number];

function portsOf(read: Reader, podKey: string): InboundPort[] {
  const found = new Map<number, InboundPort>();
  const slices = read.bucket('slicesByPod', podKey).flatMap(key => read.get('EndpointSlice', key) ?? []);
  for (const slice of slices.toSorted(byService)) {
    const object = read.get('Service', `${slice.namespace}/${slice.service}`);
    if (object === undefined) continue;
    read.because('/ports', 'Service', keyOf(object), 'target ports');
    for (const { name, port } of slice.ports) {
      const next = inboundPort(object, name, port, found.get(port));
      if (next) found.set(port, next);
    }
  }
  return [...found.values()].sort((a, b) => a.port - b.port);
}

function byService(a: EndpointSliceObject, b: EndpointSliceObject): number {
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}

/** Two services may share a target port: the first by name says the protocol. */
function inboundPort(
  object: ServiceObject,
  name: string,
  port: number,
  known: InboundPort | undefined,
): InboundPort | null {
  const spec = object.ports.find(candidate => (candidate.name ?? '') === name && candidate.protocol === 'TCP');
  if (spec === undefined) return null;
  const services = [...new Set([...(known?.services ?? []), keyOf(object)])].sort();
  return { port, protocol: known?.protocol ?? protocolOf(spec), services };
}

const self: Rule<Fragment | null> = {
  name: 'self',
  layer: 3,
  compute: (read, podKey) => {
    const pod = read.get('Pod', podKey);
    const who = read.node(workload, podKey);
    if (pod === undefined || who === null) return null;
    const data = { uid: who.uid, namespace: pod.namespace, name: pod.name, principal: who.principal };
    return fragmentOf({ kind: 'self', data, refs: {} });
  },
};

/**
 * The configuration of an enrolled proxy; key is `namespace/pod`. Null when the pod is gone, is another one than the
 * one that enrolled, or no longer takes part: then the proxy keeps what it has.
 */
export const root: Rule<Fragment | null> = {
  name: 'root',
  layer: 11,
  compute: (read, podKey) => {
    const who = read.node(workload, podKey);
    if (who === null || read.enrolled(podKey) !== who.uid) return null;
    const parts = { self: read.node(self, podKey), inbound: read.node(inbound, podKey) };
    if (parts.self === null || parts.inbound === null) return null;
    const refs = {
      self: parts.self.hash,
      settings: read.node(settings, '').hash,
      trust: read.node(trust, '').hash,
      inbound: parts.inbound.hash,
      outbound: read.node(outbound, who.account).hash,
    };
    return fragmentOf({ kind: 'root', data: { format: configFormat }, refs });
  },
};
