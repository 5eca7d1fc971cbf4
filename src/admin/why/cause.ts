/** Why something is not so: what the causes have in common. */
import type { Origin } from '../../engine/derive/rule.ts';
import { openPorts, sortedPorts } from '../../engine/derive/rules/access.ts';
import { enrolledNamespace, meshName, workload } from '../../engine/derive/rules/mesh.ts';
import type { Kind, TrafficTargetObject } from '../../engine/model.ts';
import { keyOf, splitKey } from '../../engine/snapshot.ts';
import { accountOf, type Derived } from './derived.ts';

/** What is missing, in a word and a sentence; the objects that lack it, and what to do. */
export interface Cause {
  readonly reason: string;
  readonly detail: string;
  readonly origins: readonly Origin[];
  readonly fix: string;
}

/** Objects of one sort that an answer names. */
export const namedMax = 10;

/** Some names of many, for a sentence. */
export function listOf(names: readonly string[]): string {
  const more = names.length - namedMax;
  return `${names.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** An object of the state, and what it lacks. */
export function originOf(kind: Kind, key: string, rule: string): Origin {
  return { pointer: '', object: { kind, ...splitKey(key) }, rule };
}

/** Why a namespace takes no part; undefined when it does. */
export function whyOutside(state: Derived, namespace: string): Cause | undefined {
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

/** How a client may be let call one of some identities: by one of the TrafficTargets, or by a new one. */
export function targetFix(client: string, identities: readonly string[], named: readonly string[]): string {
  const [first, ...others] = named;
  const account = `ServiceAccount ${client}`;
  if (first === undefined) return `write a TrafficTarget with source ${account} and destination ${identities[0]}`;
  const which = others.length > 0 ? `${first} or another of these` : first;
  return `add ${account} to the sources of TrafficTarget ${which}, or write one with destination ${identities[0]}`;
}

/** TrafficTargets whose destination is one of some identities (`namespace/serviceaccount`), sorted. */
export function targetsOf(state: Derived, identities: readonly string[]): TrafficTargetObject[] {
  return state.objects(
    'TrafficTarget',
    ({ destination }) => destination.kind === 'ServiceAccount' && identities.includes(keyOf(destination)),
  );
}

/** Whether a TrafficTarget names a client (`namespace/serviceaccount`) as a source. */
export function isSource({ sources }: TrafficTargetObject, client: string): boolean {
  return sources.some(source => source.kind === 'ServiceAccount' && keyOf(source) === client);
}

/**
 * Why a client may call none of the identities that some pods have, on these ports of theirs or, when none is given, on any;
 * undefined when it may.
 */
export function whyNoTarget(
  state: Derived,
  podKey: string,
  service: string,
  identities: readonly string[],
  ports: readonly number[] = [],
): Cause | undefined {
  const client = accountOf(state, podKey);
  const principal = state.value(workload, podKey)?.principal ?? client;
  const targets = targetsOf(state, identities);
  const mine = targets.filter(target => isSource(target, client));
  if (mine.length > 0) return whyNoPort(state, principal, mine, ports);
  const named = targets.map(keyOf).slice(0, namedMax);
  return {
    reason: 'no-traffic-target',
    detail: `no TrafficTarget lets ${principal} call ${service}, which runs as ${listOf(identities)}`,
    origins: named.map(key => originOf('TrafficTarget', key, 'its sources do not name the client')),
    fix: targetFix(client, identities, named),
  };
}

/** The TrafficTargets that name the client open other ports than these. */
function whyNoPort(
  state: Derived,
  principal: string,
  targets: readonly TrafficTargetObject[],
  ports: readonly number[],
): Cause | undefined {
  const keys = targets.map(keyOf);
  const open = keys.map(key => state.value(openPorts, key));
  if (ports.length === 0 || open.some(list => list === null || ports.some(port => list.includes(port))))
    return undefined;
  const opened = sortedPorts(open.flatMap(list => list ?? []));
  const wanted = ports.length === 1 ? `port ${ports[0]}` : `ports ${ports.join(', ')}`;
  const others = opened.length === 0 ? 'no port' : `port ${opened.join(', ')}`;
  const named = keys.slice(0, namedMax);
  const routes = targets.flatMap(({ namespace, rules }) =>
    rules.flatMap(({ kind, name }) => (kind === 'TCPRoute' ? [`${namespace}/${name}`] : [])),
  );
  return {
    reason: 'no-traffic-target',
    detail: `no TrafficTarget lets ${principal} call ${wanted} of these pods: ${listOf(named)} opens ${others}`,
    origins: [
      ...named.map(key => originOf('TrafficTarget', key, 'opens other ports')),
      ...routes.slice(0, namedMax).map(key => originOf('TCPRoute', key, 'its ports')),
    ],
    fix: portFixOf(targets, routes, wanted),
  };
}

/** A target may be held to some ports by itself, by its TCPRoutes, or by both. */
function portFixOf([target]: readonly TrafficTargetObject[], routes: readonly string[], wanted: string): string {
  const isHeld = target?.destination.port !== undefined;
  const out = `take destination.port out of TrafficTarget ${target === undefined ? '' : keyOf(target)}`;
  const named = `let TCPRoute ${routes[0]} name ${wanted}`;
  const isByRoutes = target?.rules.every(({ kind }) => kind === 'TCPRoute') && routes.length > 0;
  const first = isByRoutes ? (isHeld ? `${out}, and ${named}` : named) : out;
  return `${first}, or write a TrafficTarget for ${wanted}`;
}
