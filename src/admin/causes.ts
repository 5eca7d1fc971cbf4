/**
 * Why a proxy knows no way: what in the state of the mesh keeps it from being told one. Every object that is named is one
 * that changes the answer when it is changed as the rule says.
 */

import { serviceKey } from '../engine/derive/names.ts';
import type { Origin } from '../engine/derive/rule.ts';
import { enrolledNamespace, meshName, permissive, workload } from '../engine/derive/rules/mesh.ts';
import { accounts } from '../engine/derive/rules/service.ts';
import type { Kind, PodObject, ServiceObject, TrafficTargetObject } from '../engine/model.ts';
import { keyOf, splitKey } from '../engine/snapshot.ts';
import type { Derived } from './derived.ts';
import { accountOf, serviceOf } from './world.ts';

/** What is missing, in a word and a sentence; the objects that lack it, and what to do. */
export interface Cause {
  readonly reason: string;
  readonly detail: string;
  readonly origins: readonly Origin[];
  readonly fix: string;
}

/** Objects of one sort that an answer names. */
const namedMax = 10;

/** Why a pod has no configuration, and so no part in the mesh; undefined when it has. */
export function whyNotMeshed(state: Derived, podKey: string): Cause | undefined {
  const { namespace } = splitKey(podKey);
  const outside = whyOutside(state, namespace);
  if (outside !== undefined) return outside;
  if (state.object('Pod', podKey)?.proxy !== undefined) return undefined;
  return {
    reason: 'not-meshed',
    detail: `${podKey} has no sidecar: it was made before its namespace was enrolled, or injection left it out`,
    origins: [originOf('Pod', podKey, 'has no sidecar')],
    fix: `make the pod again, with a sidecar`,
  };
}

function whyOutside(state: Derived, namespace: string): Cause | undefined {
  if (state.value(enrolledNamespace, namespace)) return undefined;
  const ignored = state.object('Namespace', namespace)?.ignored === true;
  const label = ignored ? 'flomesh.io/ignore=true takes it out' : `it has no label flomesh.io/monitored-by=${meshName}`;
  return {
    reason: 'namespace-not-in-mesh',
    detail: `namespace ${namespace} takes no part in the mesh: ${label}`,
    origins: [originOf('Namespace', namespace, ignored ? 'is ignored' : 'is not enrolled')],
    fix: ignored
      ? `take the label flomesh.io/ignore from namespace ${namespace}`
      : `label namespace ${namespace} with flomesh.io/monitored-by=${meshName}`,
  };
}

/** Why a client's proxy does not know a service that exists; undefined when it does not follow from this state. */
export function whyUnknown(state: Derived, podKey: string, service: string): Cause | undefined {
  const object = state.object('Service', service);
  if (object === undefined) return undefined;
  const outside = whyOutside(state, object.namespace);
  if (outside !== undefined || state.value(permissive, '')) return outside;
  const served = [service, ...backendsOf(state, service)];
  const identities = [...new Set(served.flatMap(key => state.value(accounts, key)))].sort();
  if (identities.length === 0) return whyNobody(state, served);
  return whyNoTarget(state, podKey, service, identities);
}

/** Services that the splits of an apex name. */
function backendsOf(state: Derived, apex: string): string[] {
  const splits = state.objects('TrafficSplit', split => serviceKey(split.service, split.namespace) === apex);
  return splits.flatMap(split => split.backends.map(backend => serviceKey(backend.service, split.namespace)));
}

function whyNoTarget(
  state: Derived,
  podKey: string,
  service: string,
  identities: readonly string[],
): Cause | undefined {
  const client = accountOf(state, podKey);
  const principal = state.value(workload, podKey)?.principal ?? client;
  const targets = targetsOf(state, identities);
  if (targets.some(target => isSource(target, client))) return undefined;
  const named = targets.map(keyOf).slice(0, namedMax);
  return {
    reason: 'no-traffic-target',
    detail: `no TrafficTarget lets ${principal} call ${service}, which runs as ${identities.join(', ')}`,
    origins: named.map(key => originOf('TrafficTarget', key, 'its sources do not name the client')),
    fix: targetFix(client, identities, named),
  };
}

function targetFix(client: string, identities: readonly string[], named: readonly string[]): string {
  const [first, ...others] = named;
  const account = `ServiceAccount ${client}`;
  if (first === undefined) return `write a TrafficTarget with source ${account} and destination ${identities[0]}`;
  return `add ${account} to the sources of TrafficTarget ${first}${others.length > 0 ? ' or another of these' : ''}`;
}

function targetsOf(state: Derived, identities: readonly string[]): TrafficTargetObject[] {
  return state.objects(
    'TrafficTarget',
    ({ destination }) => destination.kind === 'ServiceAccount' && identities.includes(keyOf(destination)),
  );
}

function isSource({ sources }: TrafficTargetObject, client: string): boolean {
  return sources.some(source => source.kind === 'ServiceAccount' && keyOf(source) === client);
}

/** Why no pod behind some services has an identity. */
function whyNobody(state: Derived, services: readonly string[]): Cause {
  for (const service of services) {
    const behind = membersOf(state, service);
    if (behind.length > 0) return whyNoSidecar(state, service, behind);
  }
  return whyNoPods(state, services[0] ?? '');
}

/** A pod that an EndpointSlice puts behind a service. */
interface Member {
  readonly key: string;
  readonly ready: boolean;
  readonly port: boolean;
  readonly slice: string;
  /** Undefined for one that is not there. */
  readonly pod: PodObject | undefined;
}

/** Every pod behind a service; `portName` tells which serve that port. */
function membersOf(state: Derived, service: string, portName = ''): Member[] {
  const { namespace, name } = splitKey(service);
  const slices = state.objects('EndpointSlice', slice => slice.namespace === namespace && slice.service === name);
  return slices.flatMap(slice =>
    slice.endpoints.map(({ pod: podName = '', ready }): Member => {
      const key = `${namespace}/${podName}`;
      const port = slice.ports.some(candidate => candidate.name === portName);
      return { key, ready, port, slice: keyOf(slice), pod: state.object('Pod', key) };
    }),
  );
}

function whyNoPods(state: Derived, service: string): Cause {
  const { selector } = state.object('Service', service) ?? {};
  const text = Object.entries(selector ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  return {
    reason: 'no-pods',
    detail: `no pod is behind ${service}: ${text === '' ? 'it has no selector' : `its selector is ${text}`}`,
    origins: [originOf('Service', service, 'its selector finds no pod')],
    fix: 'start a pod with these labels, or correct the selector',
  };
}

function whyNoSidecar(state: Derived, service: string, members: readonly Member[]): Cause {
  const there = members.filter(({ pod }) => pod !== undefined);
  const outside = there.some(({ pod }) => pod?.proxy !== undefined) && whyOutside(state, splitKey(service).namespace);
  if (outside) return outside;
  const [member] = members;
  if (there.length === 0 && member !== undefined)
    return {
      reason: 'no-pods',
      detail: `no pod is behind ${service}: its EndpointSlices name none that exists`,
      origins: [originOf('EndpointSlice', member.slice, 'names no pod')],
      fix: 'let the addresses be those of pods with a sidecar',
    };
  return {
    reason: 'no-sidecar',
    detail: `no pod behind ${service} has a sidecar, so none has an identity`,
    origins: there.slice(0, namedMax).map(({ key }) => originOf('Pod', key, 'has no sidecar')),
    fix: 'make these pods again, with a sidecar',
  };
}

/** Why a backend has nobody to send to. Its own reason stands; this says what the pods behind it lack. */
export function whyNoEndpoints(state: Derived, backend: string): Cause | undefined {
  const service = serviceOf(backend);
  const object = state.object('Service', service);
  const port = object?.ports.find(each => `${service}:${each.port}` === backend && each.protocol === 'TCP');
  if (object === undefined || port === undefined) return undefined;
  const members = membersOf(state, service, port.name);
  const lacking = members.filter(member => !serves(state, member));
  if (members.length > 0 && lacking.length === 0) return undefined;
  if (members.length === 0) return { ...whyNoPods(state, service), reason: 'no-endpoints' };
  const outside = whyOutside(state, object.namespace);
  if (outside !== undefined) return outside;
  return whyNotServing(state, service, lacking);
}

function serves(state: Derived, { key, ready, port }: Member): boolean {
  return ready && port && state.value(workload, key) !== null;
}

function whyNotServing(state: Derived, service: string, lacking: readonly Member[]): Cause {
  const nearest = Math.min(...lacking.map(member => lacks(member).length));
  const named = lacking.filter(member => lacks(member).length === nearest);
  const words = [...new Set(named.map(member => lacks(member).join(' and ')))];
  return {
    reason: 'no-endpoints',
    detail: `of ${lacking.length} pods behind ${service} none serves: ${words.join('; ')}`,
    origins: named.slice(0, namedMax).map(member => lackOrigin(state, service, member)),
    fix: 'look at these pods with "fsm get pods" and at what they log',
  };
}

function lacks({ ready, port, pod }: Member): string[] {
  if (pod === undefined) return ['names no pod that exists'];
  return [
    ...(ready ? [] : ['is not ready']),
    ...(pod.proxy === undefined ? ['has no sidecar'] : []),
    ...(port ? [] : ['does not have the target port']),
  ];
}

/** A port that no slice has is a matter of the Service, whatever the pod is like. */
function lackOrigin(_state: Derived, service: string, member: Member): Origin {
  const rule = lacks(member).join(' and ');
  if (member.pod === undefined) return originOf('EndpointSlice', member.slice, rule);
  return member.port ? originOf('Pod', member.key, rule) : originOf('Service', service, `its pods: ${rule}`);
}

/** Why no access rule of a server speaks of a client. */
export function whyNoRule(state: Derived, client: string, server: string, isConnection: boolean): Cause {
  const targets = targetsOf(state, [server]);
  const told = targets.map(target => ({ target, why: whyItGivesNothing(state, target, client, isConnection) }));
  const [near, far] = [told.filter(({ why }) => why.length === 1), told.filter(({ why }) => why.length > 1)];
  const named = (near.length > 0 ? near : far).slice(0, namedMax);
  const [first] = named;
  return {
    reason: 'no-rule-for-principal',
    detail: `no TrafficTarget of destination ${server} gives ${client} a rule for ${isConnection ? 'connections' : 'requests'}`,
    origins: named.map(({ target, why }) => originOf('TrafficTarget', keyOf(target), why.join(', and '))),
    fix:
      first?.why.length === 1 && first.why[0] !== notSource ? routeFix(first.target) : sourceFix(client, server, first),
  };
}

const notSource = 'its sources do not name the client';

function routeFix(target: TrafficTargetObject): string {
  return `give TrafficTarget ${keyOf(target)} a rule whose route object exists and has matches`;
}

function sourceFix(client: string, server: string, first: { readonly target: TrafficTargetObject } | undefined) {
  return targetFix(client, [server], first === undefined ? [] : [keyOf(first.target)]);
}

/** What a TrafficTarget lacks to give a client a rule. */
function whyItGivesNothing(
  state: Derived,
  target: TrafficTargetObject,
  client: string,
  isConnection: boolean,
): string[] {
  const kind = isConnection ? 'TCPRoute' : 'HTTPRouteGroup';
  const rules = target.rules.filter(rule => rule.kind === kind);
  const gives = rules.some(({ name, matches = [] }) => {
    const key = `${target.namespace}/${name}`;
    if (isConnection) return state.object('TCPRoute', key) !== undefined;
    const group = state.object('HTTPRouteGroup', key);
    return group?.matches.some(match => matches.length === 0 || matches.includes(match.name)) ?? false;
  });
  const missing = rules.length === 0 ? `it has no rule of kind ${kind}` : `its ${kind}s say nothing, or do not exist`;
  return [...(isSource(target, client) ? [] : [notSource]), ...(gives ? [] : [missing])];
}

/** What may be done about a port that a service does not have, or has to be asked for. */
export function portFix({ ports }: ServiceObject): string {
  const tcp = ports
    .filter(({ protocol }) => protocol === 'TCP')
    .map(({ port, name }) => `${port}${name ? ` (${name})` : ''}`);
  return tcp.length === 0 ? 'give the service a TCP port' : `name one of its ports with --port: ${tcp.join(', ')}`;
}

function originOf(kind: Kind, key: string, rule: string): Origin {
  return { pointer: '', object: { kind, ...splitKey(key) }, rule };
}
