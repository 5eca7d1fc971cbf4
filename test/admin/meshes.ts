/** Random small meshes and requests, as objects that the Kubernetes API gives. */
import type { Question } from '../../src/admin/explain.ts';
import { fold } from '../../src/engine/fold.ts';
import type { MeshSnapshot } from '../../src/engine/model.ts';
import { emptySnapshot } from '../../src/engine/snapshot.ts';
import { applied, eventsOf, pick, type Raw, random } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';

type Next = () => number;

/** The state that objects make, with a root that everybody trusts. */
export function snapshotOf(raws: readonly Raw[]): MeshSnapshot {
  const trust = { type: 'rootChanged' as const, trustDomain: 'cluster.local', roots: ['the root'] };
  return fold(emptySnapshot(), eventsOf([trust, ...raws.map(applied)]));
}

const namespaces = ['in', 'also', 'out'] as const;
const accounts = ['ann', 'bob'] as const;
const services = ['shop', 'till', 'yard'] as const;
const groups = ['any', 'books', 'posts', 'headed', 'nothing'] as const;
const paths = ['/', '/books', '/books/7', '/buy'] as const;

/** One of several, the first ones more often. */
const likely = <T>(next: Next, share: number, yes: T, no: T): T => (next() < share ? yes : no);

export function meshOf(seed: number): Raw[] {
  const next = random(seed);
  const pods = namespaces.flatMap(namespace => podsOf(next, namespace));
  return [
    ...namespaces.map(name => namespaceOf(next, name)),
    ...configOf(next),
    ...namespaces.flatMap(namespace => accounts.map(name => make.account(namespace, name))),
    ...pods,
    ...namespaces.flatMap(namespace => servicesOf(namespace).flatMap(name => serviceOf(next, namespace, name, pods))),
    ...namespaces.flatMap(namespace => routesOf(next, namespace)),
    ...namespaces.flatMap(namespace => targetsOf(next, namespace)),
    ...namespaces.flatMap(namespace => splitsOf(next, namespace)),
  ];
}

/** Most of what happens is about namespaces that are surely of the mesh. */
const servicesOf = (namespace: string) => (namespace === 'out' ? services.slice(0, 1) : services);

function namespaceOf(next: Next, name: string): Raw {
  const enrolled = { 'flomesh.io/monitored-by': 'fsm' };
  if (name !== 'out') return make.namespace(name, enrolled);
  return make.namespace(name, pick(next, [{}, enrolled, { ...enrolled, 'flomesh.io/ignore': 'true' }]));
}

function configOf(next: Next): Raw[] {
  if (next() < 0.2) return [];
  const traffic = { enablePermissiveTrafficPolicyMode: next() < 0.2, enableEgress: next() < 0.3 };
  return [{ ...make.meshConfig(false), spec: { traffic } }];
}

function podsOf(next: Next, namespace: string): Raw[] {
  return ['a', 'b', 'c', 'd'].slice(0, 2 + Math.floor(next() * 3)).map(name => {
    const pod = make.pod(namespace, name, pick(next, accounts), `uid-${namespace}-${name}`);
    const { 'fsm-proxy-uuid': _, ...bare } = pod.metadata.labels ?? {};
    const status = {
      podIP: `10.0.${namespaces.indexOf(namespace as 'in')}.${'abcd'.indexOf(name) + 1}`,
      phase: 'Running',
    };
    return next() < 0.9 ? { ...pod, status } : { ...pod, status, metadata: { ...pod.metadata, labels: bare } };
  });
}

/** Name of a port → what it speaks is in its name. */
const ports = [
  { name: 'http-a', port: 80 },
  { name: 'http-b', port: 8080 },
  { name: 'tcp-c', port: 9000 },
  { name: 'dns', port: 53, protocol: 'UDP' },
] as const;

function serviceOf(next: Next, namespace: string, name: string, pods: readonly Raw[]): Raw[] {
  if (next() < 0.15) return [];
  const own = ports
    .filter((_, at) => next() < (at === 0 ? 0.8 : 0.5))
    .map((port, at) => ({ ...port, targetPort: 7000 + at }));
  const spec = { clusterIP: 'None', ports: own, selector: { app: name } };
  const object: Raw = { kind: 'Service', metadata: { namespace, name }, spec };
  const behind = pods.filter(pod => pod.metadata.namespace === namespace && next() < 0.75);
  return next() < 0.1 ? [object] : [object, sliceOf(next, namespace, name, own, behind)];
}

interface Port {
  readonly name: string;
  readonly targetPort: number;
  readonly protocol?: string;
}

function sliceOf(next: Next, namespace: string, name: string, own: readonly Port[], behind: readonly Raw[]): Raw {
  const served = own.filter(() => next() < 0.9);
  return {
    ...make.slice(namespace, name, {}),
    ports: served.map(({ name, targetPort, protocol = 'TCP' }) => ({ name, port: targetPort, protocol })),
    endpoints: behind.map(pod => ({
      addresses: [(pod.status as { podIP: string }).podIP],
      conditions: { ready: next() < 0.75 },
      targetRef: { kind: 'Pod', name: pod.metadata.name },
    })),
  };
}

/** What the route groups of a namespace say, each of them there or not. */
function routesOf(next: Next, namespace: string): Raw[] {
  const matches = {
    any: [{ name: 'any', pathRegex: '.*', methods: ['*'] }],
    books: [
      { name: 'exact', pathRegex: '/books', methods: ['GET'] },
      { name: 'below', pathRegex: '/books/[0-9]+', methods: ['GET'] },
    ],
    posts: [{ name: 'post', pathRegex: '/b.*', methods: ['POST'] }],
    headed: [{ name: 'headed', pathRegex: '.*', methods: ['*'], headers: { 'x-user': 'j.*' } }],
    nothing: [{ name: 'nothing', pathRegex: '/nothing', methods: ['GET'] }],
  };
  const http = groups
    .filter(() => next() < 0.85)
    .map((name): Raw => ({ kind: 'HTTPRouteGroup', metadata: { namespace, name }, spec: { matches: matches[name] } }));
  const tcp = [
    { name: 'all', spec: {} },
    { name: 'one', spec: { matches: { ports: [7000] } } },
  ]
    .filter(() => next() < 0.85)
    .map(({ name, spec }): Raw => ({ kind: 'TCPRoute', metadata: { namespace, name }, spec }));
  return [...http, ...tcp];
}

function targetsOf(next: Next, namespace: string): Raw[] {
  return ['t1', 't2', 't3', 't4', 't5', 't6']
    .slice(0, Math.floor(next() * (namespace === 'out' ? 2 : 7)))
    .map((name): Raw => {
      const sources = [0, 1].slice(0, likely(next, 0.7, 1, 2)).map(() => ({
        kind: 'ServiceAccount',
        name: pick(next, accounts),
        namespace: pick(next, ['in', 'in', 'also', 'also', 'out']),
      }));
      const rules = [0, 1].slice(0, likely(next, 0.7, 1, 2)).map(() => ruleOf(next));
      const destination = { kind: 'ServiceAccount', name: pick(next, accounts), namespace };
      return { kind: 'TrafficTarget', metadata: { namespace, name }, spec: { destination, sources, rules } };
    });
}

function ruleOf(next: Next) {
  if (next() < 0.25) return { kind: 'TCPRoute', name: pick(next, ['all', 'one']) };
  const name = pick(next, groups);
  return { kind: 'HTTPRouteGroup', name, ...(name === 'books' && next() < 0.5 && { matches: ['exact'] }) };
}

function splitsOf(next: Next, namespace: string): Raw[] {
  return ['s1', 's2'].slice(0, Math.floor(next() * 2.5)).map(name => {
    const weights = Object.fromEntries(
      [...services, 'missing'].filter(() => next() < 0.5).map(service => [service, Math.floor(next() * 3)]),
    );
    const backends = Object.keys(weights).length === 0 ? { shop: 1 } : weights;
    return make.split(namespace, name, pick(next, services), backends, ...(next() < 0.4 ? [pick(next, groups)] : []));
  });
}

/** A request that may be made in a mesh; undefined where it has no service. */
export function requestOf(seed: number, raws: readonly Raw[]): Question | undefined {
  const next = random(seed);
  const named = (kind: string) =>
    raws.filter(raw => raw.kind === kind).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const all = named('Service');
  if (all.length === 0) return undefined;
  const { client, service } = next() < 0.7 ? sourceAndService(next, raws, all) : { client: '', service: '' };
  const port = pick(next, [0, 0, 80, 80, 80, 80, 8080, 9000, 9000, 53, 81]);
  return {
    client: client || pick(next, named('Pod')),
    service: service || pick(next, all),
    ...(port > 0 && { port }),
    method: pick(next, ['GET', 'GET', 'POST']),
    path: pick(next, [...paths, ...paths, '/books/../admin']),
    headers: next() < 0.3 ? { 'x-user': pick(next, ['jo', 'ann']) } : {},
  };
}

/** A pod that some TrafficTarget names, and a service where its destination is: else hardly any request would arrive. */
function sourceAndService(next: Next, raws: readonly Raw[], all: readonly string[]) {
  const targets = raws.filter(({ kind }) => kind === 'TrafficTarget');
  if (targets.length === 0) return { client: '', service: '' };
  const { metadata, spec } = pick(next, targets);
  const { sources } = spec as { sources: { namespace: string; name: string }[] };
  const clients = raws.filter(
    raw =>
      raw.kind === 'Pod' &&
      sources.some(source => source.namespace === raw.metadata.namespace && isOf(raw, source.name)),
  );
  const near = all.filter(key => key.startsWith(`${metadata.namespace}/`));
  const client = clients.length === 0 ? undefined : pick(next, clients).metadata;
  return {
    client: client === undefined ? '' : `${client.namespace}/${client.name}`,
    service: near.length === 0 ? '' : pick(next, near),
  };
}

const isOf = ({ spec }: Raw, account: string): boolean =>
  (spec as { serviceAccountName: string }).serviceAccountName === account;
