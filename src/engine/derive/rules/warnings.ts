/** What is in force, but not as a reader may think: fields that do nothing, services that are open in part, strangers. */
import type { Problem } from '../../../api/problem.ts';
import type {
  IdentityRef,
  Kind,
  Meta,
  ServiceObject,
  TrafficSplitObject,
  TrafficTargetObject,
  Written,
} from '../../model.ts';
import { keyOf, splitKey } from '../../snapshot.ts';
import { serviceKey } from '../names.ts';
import { combined, isHTTP, protocolOf } from '../protocols.ts';
import type { Reader } from '../rule.ts';
import { portsOpenedBy, sortedPorts } from './access.ts';
import { enrolledNamespace, meshConfigKey, permissive } from './mesh.ts';
import { servedPorts, servicesBehind } from './proxy.ts';
import { accounts } from './service.ts';

/** Everything of this sort about an object of a kind that people write. */
export function warningsOf(read: Reader, kind: Kind, key: string): Problem[] {
  const object = read.get(kind, key) as Written | undefined;
  if (object === undefined) return [];
  const idle = idleProblems(kind, object);
  if (kind === 'MeshConfig') return [...idle, ...misplaced(object)];
  if (kind === 'TrafficSplit') return [...idle, ...partlyShared(read, object as TrafficSplitObject)];
  if (kind !== 'TrafficTarget') return idle;
  const target = object as TrafficTargetObject;
  const told = [...idle, ...namedMatches(target), ...strangers(read, target)];
  return [...told, ...unservedPort(read, target), ...partlyOpen(read, target)];
}

type Told = Pick<Problem, 'code' | 'path' | 'what' | 'why' | 'fix'>;

function warning(kind: Kind, object: Meta, told: Told): Problem {
  return { severity: 'warning', object: { kind, ...splitKey(keyOf(object)) }, ...told };
}

/** One for all of them: an object of the reference sets dozens. */
function idleProblems(kind: Kind, object: Written): Problem[] {
  const { idle = [] } = object;
  const [first] = idle;
  if (first === undefined) return [];
  const pointer = idle.length === 1 ? `/${first.replaceAll('[]', '').replaceAll('.', '/')}` : '/spec';
  return [
    warning(kind, object, {
      code: 'FSM1006',
      path: pointer,
      what: `${idle.join(', ')} ${idle.length === 1 ? 'is' : 'are'} accepted and not in force`,
      why: 'the mesh does not do that yet, or does not need to be told',
      fix: `see the reference page of ${kind} for what is in force`,
    }),
  ];
}

function misplaced(object: Meta): Problem[] {
  if (keyOf(object) === meshConfigKey) return [];
  return [
    warning('MeshConfig', object, {
      code: 'FSM1006',
      path: '/metadata/name',
      what: 'no setting of this MeshConfig is in force',
      why: `the one that the mesh goes by is ${meshConfigKey}`,
      fix: `write the settings into ${meshConfigKey}`,
    }),
  ];
}

function namedMatches(target: TrafficTargetObject): Problem[] {
  const named = target.rules.filter(({ kind, matches }) => kind === 'TCPRoute' && matches !== undefined);
  return named.map(({ name }) =>
    warning('TrafficTarget', target, {
      code: 'FSM1006',
      path: '/spec/rules',
      what: `matches of the rule TCPRoute ${name} are not in force`,
      why: 'a TCPRoute has one match, and the rule stands for it',
      fix: 'leave matches out',
    }),
  );
}

/** Identities of namespaces that do not take part, or that left. Most targets name none, and this runs for thousands. */
function strangers(read: Reader, target: TrafficTargetObject): Problem[] {
  const found: Problem[] = [];
  const { destination } = target;
  if (!read.node(enrolledNamespace, destination.namespace))
    found.push(stranger(target, destination, '/spec/destination'));
  for (const source of target.sources)
    if (!read.node(enrolledNamespace, source.namespace)) found.push(stranger(target, source, '/spec/sources'));
  return found;
}

function stranger(target: TrafficTargetObject, ref: IdentityRef, path: string): Problem {
  return warning('TrafficTarget', target, {
    code: 'FSM1006',
    path,
    what: `ServiceAccount ${keyOf(ref)} takes no part in the mesh, since namespace ${ref.namespace} does not`,
    why: 'its pods may call nobody of the mesh, and nobody calls them',
    fix: `label namespace ${ref.namespace} with flomesh.io/monitored-by=fsm, or take the ServiceAccount out`,
  });
}

/** `destination.port` is a port of the pods, and some write that of a Service. */
function unservedPort(read: Reader, target: TrafficTargetObject): Problem[] {
  const { port } = target.destination;
  const services = port === undefined ? [] : read.node(servicesBehind, keyOf(target.destination));
  const served = sortedPorts(services.flatMap(service => targetPorts(read, service)));
  if (port === undefined || served.length === 0 || served.includes(port)) return [];
  return [
    warning('TrafficTarget', target, {
      code: 'FSM1006',
      path: '/spec/destination/port',
      what: `no Service in front of ServiceAccount ${keyOf(target.destination)} has target port ${port}`,
      why: 'the port is one of the pods, and the target opens no other',
      fix: `write a target port (${served.join(', ')}), or leave the port out`,
    }),
  ];
}

/**
 * A service whose pods have several identities, of which a source may call this one and not another. The source's proxy calls
 * those that it may; the others get nothing from it.
 */
function partlyOpen(read: Reader, target: TrafficTargetObject): Problem[] {
  if (read.node(permissive, '')) return [];
  const own = keyOf(target.destination);
  const several = read.node(servicesBehind, own).filter(service => read.node(accounts, service).length > 1);
  return several.flatMap(service => {
    const others = read.node(accounts, service).filter(account => account !== own);
    return others.flatMap(other => {
      const [port, barred] = barredAt(read, target, service, other);
      if (barred.length === 0) return [];
      const where = port === undefined ? '' : ` on port ${port}`;
      return [
        warning('TrafficTarget', target, {
          code: 'FSM1006',
          path: '/spec/destination',
          what: `of Service ${service} the pods of ServiceAccount ${other} are not open to ${listed(barred)}${where}, those of ${own} are`,
          why: 'a proxy calls only the identities that a TrafficTarget lets it call',
          fix: `write a TrafficTarget for ${other}, or give the pods one ServiceAccount`,
        }),
      ];
    });
  });
}

/**
 * Sources of a target that may not call another account behind a service: at all, or, where they may, on a target port of the
 * service that this target opens.
 */
function barredAt(
  read: Reader,
  target: TrafficTargetObject,
  service: string,
  other: string,
): [port: number | undefined, sources: string[]] {
  const own = portsOpenedBy(read, target);
  const ports = targetPorts(read, service).filter(port => own?.includes(port) ?? true);
  if (ports.length === 0) return [undefined, []];
  const sources = target.sources.map(keyOf);
  const open = sourcesOf(read, other);
  const barred = sources.filter(source => !open.has(source));
  if (barred.length > 0) return [undefined, barred];
  for (const port of ports) {
    const there = sourcesOf(read, other, [port]);
    const closed = sources.filter(source => !there.has(source));
    if (closed.length > 0) return [port, closed];
  }
  return [undefined, []];
}

/** Ports of the pods behind a service, in order. */
function targetPorts(read: Reader, service: string): readonly number[] {
  const slices = read.bucket('slicesByService', service).flatMap(key => read.get('EndpointSlice', key) ?? []);
  return sortedPorts(slices.flatMap(({ ports }) => ports.map(({ port }) => port)));
}

/** A split of which a caller may call one backend and not another: the share of the other is refused. */
function partlyShared(read: Reader, split: TrafficSplitObject): Problem[] {
  if (read.node(permissive, '')) return [];
  const open = new Map<string, Set<string>>();
  const shares = split.backends.filter(({ weight }) => weight > 0);
  for (const key of shares.map(({ service }) => serviceKey(service, split.namespace)).toSorted())
    for (const account of read.node(accounts, key)) {
      const there = sourcesOf(read, account, targetPorts(read, key));
      // An account behind two shares is open where it is in both.
      const before = open.get(account) ?? there;
      open.set(account, new Set([...there].filter(source => before.has(source))));
    }
  if (open.size < 2) return [];
  const callers = [...new Set([...open.values()].flatMap(sources => [...sources]))].sort();
  return [...open].flatMap(([account, sources]) => {
    const barred = callers.filter(caller => !sources.has(caller));
    if (barred.length === 0) return [];
    return [
      warning('TrafficSplit', split, {
        code: 'FSM1006',
        path: '/spec/backends',
        what: `the share of ServiceAccount ${account} is not open to ${listed(barred)}, another share is`,
        why: 'what the split gives to an identity that a caller may not call is refused',
        fix: `write a TrafficTarget for ${account}`,
      }),
    ];
  });
}

/** Accounts that some TrafficTarget lets call this one, on any port or on one of these. */
function sourcesOf(read: Reader, account: string, ports?: readonly number[]): Set<string> {
  const all = read.bucket('targetsByDestination', account).flatMap(key => read.get('TrafficTarget', key) ?? []);
  const opensOne = (target: TrafficTargetObject) =>
    portsOpenedBy(read, target)?.some(port => ports?.includes(port)) ?? true;
  const targets = ports === undefined ? all : all.filter(opensOne);
  return new Set(targets.flatMap(({ sources }) => sources.map(keyOf)));
}

function listed([first = '', ...more]: readonly string[]): string {
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

/**
 * A Service that says HTTP of a port of its pods where another one says that the server speaks first: nobody can wait there for
 * what a client says, so its bytes are carried as they are, and no rule for HTTP holds.
 */
export function serviceWarnings(read: Reader, key: string): Problem[] {
  const { namespace } = splitKey(key);
  if (read.bucket('serverFirstServices', namespace).length === 0) return [];
  const object = read.get('Service', key);
  if (object === undefined || !object.ports.some(port => isHTTP(protocolOf(port)))) return [];
  return [...rivalsOf(read, object)].map(([port, rival]) =>
    warning('Service', object, {
      code: 'FSM1005',
      path: '/spec/ports',
      what: `port ${port} of its pods is HTTP here, and Service ${rival} says that the server speaks first there`,
      why: 'a sidecar cannot tell the two apart, so the port is carried as TCP: rules for HTTP do not hold, rules for TCP do',
      fix: 'say the same of the port in both Services (appProtocol, or the name of the port)',
    }),
  );
}

/** Port of the pods → the service that says otherwise. */
function rivalsOf(read: Reader, object: ServiceObject): Map<number, string> {
  const [key, found] = [keyOf(object), new Map<number, string>()];
  const slices = read.bucket('slicesByService', key).flatMap(slice => read.get('EndpointSlice', slice) ?? []);
  const pods = new Set(slices.flatMap(({ namespace, endpoints }) => endpoints.map(({ pod }) => `${namespace}/${pod}`)));
  for (const pod of [...pods].sort())
    for (const { port, by } of read.node(servedPorts, pod)) {
      if (!by.some(({ service, protocol }) => service === key && isHTTP(protocol))) continue;
      if (combined(by.map(({ protocol }) => protocol)).protocol !== 'tcp-server-first') continue;
      const rival = by.find(({ protocol }) => protocol === 'tcp-server-first')?.service;
      if (rival !== undefined) found.set(port, rival);
    }
  return found;
}
