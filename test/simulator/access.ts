/**
 * Who may do what, told twice: by the policy that a proxy runs, and by the words of the SMI read anew. The second knows
 * nothing of indexes, fragments or compiled tables, so a mistake in those shows as a difference.
 */

import type { CompiledTables } from '../../src/dataplane/policy/compiled.ts';
import { admitConnection, admitRequest } from '../../src/dataplane/policy/policy.js';
import type { Tables } from '../../src/dataplane/policy/types.ts';
import { meshConfigKey } from '../../src/engine/derive/rules/mesh.ts';
import type {
  HTTPRouteGroupObject,
  Kind,
  MeshSnapshot,
  Objects,
  PodObject,
  TrafficTargetObject,
} from '../../src/engine/model.ts';
import { eachEntry, objectOf } from '../../src/engine/snapshot.ts';
import { vocabulary } from './world.ts';

/** Something that a caller may try; without a request it is a TCP connection. */
interface Attempt {
  readonly principal: string;
  readonly port: number;
  readonly request?: { readonly method: string; readonly path: string; readonly headers: Record<string, string> };
}

const requests = vocabulary.methods.flatMap(method =>
  vocabulary.paths.flatMap(path => [{}, { 'x-test': 'yes' }].map(headers => ({ method, path, headers }))),
);

const callers = [...vocabulary.accounts.map(principalOf), ''];

const attempts: readonly Attempt[] = callers.flatMap(principal =>
  vocabulary.ports.flatMap(port => [{ principal, port }, ...requests.map(request => ({ principal, port, request }))]),
);

/** Whom an account may call, and where. */
const calls = vocabulary.accounts.flatMap(account => vocabulary.ports.map(port => ({ account, port })));

function principalOf(account: string): string {
  const [namespace, name] = account.split('/');
  return `${name}.${namespace}.cluster.local`;
}

/** One character for each attempt, then for each account that may be called: what the tables that a proxy runs say. */
export function admittedBy(tables: Tables): string {
  const admitted = attempts.map(({ principal, port, request }) => mark(decide(tables, principal, port, request)));
  return [...admitted, ...calls.map(({ account, port }) => mark(mayCall(tables, principalOf(account), port)))].join('');
}

function mayCall(tables: Tables, principal: string, port: number): boolean {
  const { callable } = tables as CompiledTables;
  if (callable === null) return true;
  const ports = callable.get(principal);
  return ports !== undefined && (ports === null || ports.includes(port));
}

function decide(tables: Tables, principal: string, port: number, request: Attempt['request']): boolean {
  const decision =
    request === undefined
      ? admitConnection(tables, port, principal)
      : admitRequest(tables, port, principal, { ...request, host: 'simulated' });
  return decision.action === 'forward';
}

/** The same from the objects of a snapshot, for the pod of a proxy. */
export function allowedBy(snapshot: MeshSnapshot, podKey: string): string {
  const pod = objectOf(snapshot, 'Pod', podKey);
  if (pod?.proxy === undefined || !takesPart(snapshot, pod.namespace))
    return mark(false).repeat(attempts.length + calls.length);
  const served = servedPorts(snapshot, pod);
  const permissive = objectOf(snapshot, 'MeshConfig', meshConfigKey)?.permissive ?? false;
  const targets = objectsOf(snapshot, 'TrafficTarget').filter(({ destination }) => isAccount(destination, pod));
  const allows = ({ principal, port, request }: Attempt): boolean => {
    if (!served.has(port) || principal === '') return false;
    if (!takesPart(snapshot, namespaceOf(principal))) return false;
    return (
      permissive || targets.some(target => grants(snapshot, target, { principal, port, ...(request && { request }) }))
    );
  };
  const mayBeCalled = (account: string, port: number) => permissive || isOpen(snapshot, pod, account, port);
  return [
    ...attempts.map(attempt => mark(allows(attempt))),
    ...calls.map(({ account, port }) => mark(mayBeCalled(account, port))),
  ].join('');
}

/** Whether some TrafficTarget lets the pod's account call this one, and both take part. */
function isOpen(snapshot: MeshSnapshot, pod: PodObject, account: string, port: number): boolean {
  const [namespace = '', name = ''] = account.split('/');
  return (
    takesPart(snapshot, namespace) &&
    objectsOf(snapshot, 'TrafficTarget').some(
      target =>
        target.destination.namespace === namespace &&
        target.destination.name === name &&
        target.sources.some(ref => isAccount(ref, pod)) &&
        opensPort(snapshot, target, port),
    )
  );
}

/** A target opens what its destination says and, where it has rules for TCP only, what these say too. */
function opensPort(
  snapshot: MeshSnapshot,
  { destination, namespace, rules }: TrafficTargetObject,
  port: number,
): boolean {
  if (destination.port !== undefined && destination.port !== port) return false;
  const routes = rules.map(({ kind, name }) =>
    kind === 'TCPRoute' ? objectOf(snapshot, 'TCPRoute', `${namespace}/${name}`) : undefined,
  );
  return routes.length === 0 || routes.some(route => !route?.ports?.length || route.ports.includes(port));
}

/** Principals of the simulation are `<account>.<namespace>.cluster.local`, and no account has a dot. */
const namespaceOf = (principal: string): string => principal.split('.')[1] ?? '';

function takesPart(snapshot: MeshSnapshot, namespace: string): boolean {
  const object = objectOf(snapshot, 'Namespace', namespace);
  return object?.mesh === 'fsm' && object.ignored === undefined;
}

const mark = (allowed: boolean): string => (allowed ? '+' : '-');

/** The first attempts that two answers differ in, for people. */
export function differences(expected: string, found: string): string {
  const all = [...attempts.map(wordsOf), ...calls.map(({ account, port }) => `to call ${account} on ${port}`)];
  const differing = all.flatMap((words, at) =>
    expected[at] === found[at]
      ? []
      : [`${words}: ${found[at] === '+' ? 'allowed and must not be' : 'refused and must not be'}`],
  );
  return `${differing.length} of ${all.length} differ: ${differing.slice(0, 3).join('; ')}`;
}

function wordsOf({ principal, port, request }: Attempt): string {
  const caller = principal === '' ? 'somebody' : principal;
  return request === undefined
    ? `${caller} to TCP port ${port}`
    : `${caller} ${request.method} ${request.path} ${JSON.stringify(request.headers)} on ${port}`;
}

function objectsOf<K extends Kind>(snapshot: MeshSnapshot, kind: K): Objects[K][] {
  const found: Objects[K][] = [];
  eachEntry(snapshot, kind, (_, { object }) => {
    if (object !== undefined) found.push(object);
  });
  return found;
}

function isAccount(ref: TrafficTargetObject['destination'], pod: PodObject): boolean {
  return ref.namespace === pod.namespace && ref.name === pod.serviceAccount;
}

/** Target ports of the services that have the pod among their endpoints. */
function servedPorts(snapshot: MeshSnapshot, pod: PodObject): Set<number> {
  const ports = new Set<number>();
  for (const slice of objectsOf(snapshot, 'EndpointSlice')) {
    if (slice.namespace !== pod.namespace || !slice.endpoints.some(endpoint => endpoint.pod === pod.name)) continue;
    const service = objectOf(snapshot, 'Service', `${slice.namespace}/${slice.service}`);
    for (const { name, port } of slice.ports)
      if (service?.ports.some(spec => (spec.name ?? '') === name && spec.protocol === 'TCP')) ports.add(port);
  }
  return ports;
}

function grants(snapshot: MeshSnapshot, target: TrafficTargetObject, { principal, port, request }: Attempt): boolean {
  const named = target.sources.some(
    source => source.kind === 'ServiceAccount' && `${source.name}.${source.namespace}.cluster.local` === principal,
  );
  const { port: only } = target.destination;
  return (
    named &&
    (only === undefined || only === port) &&
    target.rules.some(({ kind, name, matches }) => {
      const key = `${target.namespace}/${name}`;
      if (request === undefined) return kind === 'TCPRoute' && portNamed(objectOf(snapshot, 'TCPRoute', key), port);
      if (kind !== 'HTTPRouteGroup') return false;
      const group = objectOf(snapshot, 'HTTPRouteGroup', key)?.matches ?? [];
      return group.some(match => (matches === undefined || matches.includes(match.name)) && holds(match, request));
    })
  );
}

function portNamed(route: Objects['TCPRoute'] | undefined, port: number): boolean {
  return route !== undefined && (route.ports === undefined || route.ports.includes(port));
}

type RouteMatch = HTTPRouteGroupObject['matches'][number];

function holds({ methods, pathRegex, headers }: RouteMatch, request: NonNullable<Attempt['request']>): boolean {
  const whole = (regex: string, text: string) => new RegExp(`^(?:${regex})$`).test(text);
  if (methods !== undefined && !methods.includes(request.method)) return false;
  if (pathRegex !== undefined && !whole(pathRegex, request.path)) return false;
  return Object.entries(headers ?? {}).every(([name, regex]) => {
    const value = request.headers[name];
    return value !== undefined && whole(regex, value);
  });
}
