/** What somebody does about an object that *why* names: the change that its rule speaks of. */
import type { ExplainedStep, Question } from '../../src/admin/why/explanation.ts';
import { keyOf } from '../../src/engine/snapshot.ts';
import { keyOfRaw, type Raw } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';

type Named = ExplainedStep['origins'][number];

/** The mesh after the change; undefined where the object may only be taken away. */
export function changed(raws: readonly Raw[], question: Question, named: Named): Raw[] | undefined {
  const [{ kind }, key] = [named.object, keyOf(named.object)];
  const account = accountOf(raws, question.client);
  const put = (change: (raw: Raw) => Raw) =>
    raws.map(raw => (raw.kind === kind && keyOfRaw(raw) === key ? change(raw) : raw));
  switch (kind) {
    case 'Namespace':
      return put(() => make.namespace(key));
    case 'Pod':
      return mended(raws, key);
    case 'Service':
      return served(raws, question, named, key);
    case 'EndpointSlice':
      return undefined;
    case 'TrafficTarget':
      return [...put(raw => opened(raw, account)), ...openRoutes(named.object.namespace)];
    case 'HTTPRouteGroup':
      return put(raw => ({ ...raw, spec: { matches: [{ name: 'any', pathRegex: '.*', methods: ['*'] }] } }));
    case 'TCPRoute':
      return put(raw => ({ ...raw, spec: {} }));
    case 'TrafficSplit':
      return put(raw => ({ ...raw, spec: { ...(raw.spec as object), backends: [{ service: 'shop', weight: 1 }] } }));
    default:
      return undefined;
  }
}

/** The mesh without the object. */
export function without(raws: readonly Raw[], { object }: Named): Raw[] {
  return raws.filter(raw => raw.kind !== object.kind || keyOfRaw(raw) !== keyOf(object));
}

/** The mesh with the TrafficTarget that a fix says to write; undefined for another fix. */
export function written(raws: readonly Raw[], fix: string): Raw[] | undefined {
  const [, from, to] =
    /^write a TrafficTarget with source ServiceAccount (\S+) and destination ([^\s,]+)/.exec(fix) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const [namespace = '', name = ''] = to.split('/');
  const target = make.target(namespace, 'fresh', name, [], 'open');
  const [sourceNamespace, sourceName] = from.split('/');
  const source = { kind: 'ServiceAccount', name: sourceName, namespace: sourceNamespace };
  return [...raws, opened(target, source), ...openRoutes(namespace)];
}

function accountOf(raws: readonly Raw[], podKey: string) {
  const pod = raws.find(raw => raw.kind === 'Pod' && keyOfRaw(raw) === podKey);
  const spec = pod?.spec as { serviceAccountName: string } | undefined;
  return { kind: 'ServiceAccount', name: spec?.serviceAccountName, namespace: pod?.metadata.namespace };
}

/** The client is a source, and every rule that there may be is there. */
function opened(raw: Raw, account: object): Raw {
  const spec = raw.spec as { sources: object[]; rules: object[] };
  const rules = [...spec.rules, { kind: 'HTTPRouteGroup', name: 'open' }, { kind: 'TCPRoute', name: 'open' }];
  return { ...raw, spec: { ...spec, sources: [...spec.sources, account], rules } };
}

function openRoutes(namespace: string): Raw[] {
  const matches = [{ name: 'open', pathRegex: '.*', methods: ['*'] }];
  return [
    { kind: 'HTTPRouteGroup', metadata: { namespace, name: 'open' }, spec: { matches } },
    { kind: 'TCPRoute', metadata: { namespace, name: 'open' }, spec: {} },
  ];
}

/** The pod has a sidecar and is ready wherever it serves. */
function mended(raws: readonly Raw[], key: string): Raw[] {
  const slash = key.indexOf('/');
  const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
  return raws.map(raw => {
    if (raw.kind === 'Pod' && keyOfRaw(raw) === key)
      return { ...raw, metadata: { ...raw.metadata, labels: { 'fsm-proxy-uuid': 'made again' } } };
    if (raw.kind !== 'EndpointSlice' || raw.metadata.namespace !== namespace) return raw;
    const endpoints = (raw.endpoints as { targetRef: { name: string } }[]).map(endpoint =>
      endpoint.targetRef.name === name ? { ...endpoint, conditions: { ready: true } } : endpoint,
    );
    return { ...raw, endpoints };
  });
}

/** The service has the port that was asked for, or pods behind it that serve every port it has. */
function served(raws: readonly Raw[], question: Question, { rule }: Named, key: string): Raw[] {
  const service = raws.find(raw => raw.kind === 'Service' && keyOfRaw(raw) === key) as Raw;
  const { namespace = '', name } = service.metadata;
  if (rule === 'the service itself') {
    const ports = [{ name: 'http-a', port: question.port ?? 80, targetPort: 7000 }];
    return raws.map(raw => (raw === service ? { ...raw, spec: { ...(raw.spec as object), ports } } : raw));
  }
  const { ports } = service.spec as { ports: { name: string; targetPort: number; protocol?: string }[] };
  const all = ports.map(({ name, targetPort }) => ({ name, port: targetPort, protocol: 'TCP' }));
  if (rule !== 'its selector finds no pod')
    return raws.map(raw => (isSliceOf(raw, namespace, name) ? { ...raw, ports: all } : raw));
  const fresh = ['ann', 'bob'].map((account, at) => ({
    ...make.pod(namespace, `fresh-${account}`, account, `uid-${namespace}-fresh-${account}`),
    status: { podIP: `10.0.9.${at}`, phase: 'Running' },
  }));
  const behind = Object.fromEntries(fresh.map(({ metadata, status }) => [metadata.name, status.podIP]));
  const slice = make.slice(namespace, name, behind);
  return [...raws, ...fresh, { ...slice, metadata: { ...slice.metadata, name: `${name}-fresh` }, ports: all }];
}

function isSliceOf({ kind, metadata }: Raw, namespace: string, service: string): boolean {
  const isHere = kind === 'EndpointSlice' && metadata.namespace === namespace;
  return isHere && metadata.labels?.['kubernetes.io/service-name'] === service;
}
