/** Who may do what: the inbound side, one fragment for each ServiceAccount. */
import type { HTTPAccessRule, TCPAccessRule } from '../../config.ts';
import { type Fragment, fragmentOf } from '../../config.ts';
import type { IdentityRef, TCPRouteObject, TrafficTargetObject } from '../../model.ts';
import { keyOf } from '../../snapshot.ts';
import { httpConditions } from '../match.ts';
import { principalOf } from '../names.ts';
import type { Reader, Rule } from '../rule.ts';
import { enrolledNamespace, meshName, nobody, permissive, trustDomain } from './mesh.ts';

/**
 * Key is `namespace/serviceaccount` of the server, or `nobody`. Denies everything that no TrafficTarget allows; in
 * permissive mode everybody whose namespace does not take part, for certificates outlive a membership.
 */
export const access: Rule<Fragment> = {
  name: 'access',
  layer: 3,
  compute: (read, account) => {
    const none = { http: [], tcp: [] };
    if (account === nobody) return fragmentOf({ kind: 'access', data: { anyone: false, ...none }, refs: {} });
    if (read.node(permissive, '')) {
      const namespaces = read.bucket('namespacesByMesh', meshName);
      return fragmentOf({ kind: 'access', data: { ...none, anyone: true, namespaces }, refs: {} });
    }
    const rules = read.bucket('targetsByDestination', account).flatMap(key => {
      const target = read.get('TrafficTarget', key);
      return target === undefined ? [] : rulesOf(read, key, target);
    });
    const http = inOrder(rules.filter(rule => rule.type === 'http'));
    const tcp = inOrder(rules.filter(rule => rule.type === 'tcp'));
    explain(read, '/http', http);
    explain(read, '/tcp', tcp);
    const data = { anyone: false, http: http.map(({ rule }) => rule), tcp: tcp.map(({ rule }) => rule) };
    return fragmentOf({ kind: 'access', data, refs: {} });
  },
};

interface Origins {
  readonly target: string;
  readonly route: { readonly kind: 'HTTPRouteGroup' | 'TCPRoute'; readonly key: string; readonly match: string };
}

type AccessRule =
  | ({ readonly type: 'http'; readonly rule: HTTPAccessRule } & Origins)
  | ({ readonly type: 'tcp'; readonly rule: TCPAccessRule } & Origins);

function rulesOf(read: Reader, key: string, target: TrafficTargetObject): AccessRule[] {
  const principals = principalsOf(read, target.sources);
  if (principals.length === 0) return [];
  return target.rules.flatMap(({ kind, name, matches }): AccessRule[] => {
    const route = `${target.namespace}/${name}`;
    if (kind === 'TCPRoute') return tcpRules(read, key, route, { target, principals });
    if (kind !== 'HTTPRouteGroup') return [];
    return httpConditions(read.get('HTTPRouteGroup', route), matches).map(({ name: match, match: condition }) => ({
      type: 'http' as const,
      rule: { ...condition, ...portsOf(target), principals },
      target: key,
      route: { kind: 'HTTPRouteGroup' as const, key: route, match },
    }));
  });
}

/** `destination.port`: the one port of the pods that the target opens. */
function portsOf({ destination }: TrafficTargetObject): { ports?: readonly number[] } {
  return destination.port === undefined ? {} : { ports: [destination.port] };
}

function tcpRules(
  read: Reader,
  key: string,
  route: string,
  { target, principals }: { readonly target: TrafficTargetObject; readonly principals: readonly string[] },
): AccessRule[] {
  const object = read.get('TCPRoute', route);
  if (object === undefined) return [];
  const ports = tcpPorts(object, target);
  if (ports.ports?.length === 0) return [];
  const origin = { kind: 'TCPRoute' as const, key: route, match: '' };
  return [{ type: 'tcp', rule: { ...ports, principals }, target: key, route: origin }];
}

/** Target ports that a TrafficTarget opens, sorted; null: every port, as nearly every one does. */
export function portsOpenedBy(read: Reader, target: TrafficTargetObject): readonly number[] | null {
  const isLimited = target.destination.port !== undefined || target.rules.some(({ kind }) => kind === 'TCPRoute');
  return isLimited ? read.node(openPorts, keyOf(target)) : null;
}

/** The same by key, `namespace/name`. What does not exist closes nothing here. */
export const openPorts: Rule<readonly number[] | null> = {
  name: 'openPorts',
  layer: 1,
  compute: (read, key) => {
    const target = read.get('TrafficTarget', key);
    if (target === undefined) return [];
    const each = target.rules.map(({ kind, name }) => {
      const route = kind === 'TCPRoute' ? read.get('TCPRoute', `${target.namespace}/${name}`) : undefined;
      return (route === undefined ? portsOf(target) : tcpPorts(route, target)).ports;
    });
    const lists = each.length === 0 ? [portsOf(target).ports] : each;
    return lists.includes(undefined) ? null : sortedPorts(lists.flatMap((ports = []) => ports));
  },
};

/** Each port once, in order. */
export function sortedPorts(ports: readonly number[]): readonly number[] {
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** Ports that both the route and the target open; none named means every port. */
export function tcpPorts(route: TCPRouteObject, target: TrafficTargetObject): { ports?: readonly number[] } {
  const own = portsOf(target);
  if (route.ports === undefined || route.ports.length === 0) return own;
  const both = route.ports.filter(port => own.ports?.includes(port) ?? true);
  return { ports: both.sort((a, b) => a - b) };
}

/** Only ServiceAccounts of namespaces that take part are identities of the mesh; any other source admits nobody. */
function principalsOf(read: Reader, sources: readonly IdentityRef[]): string[] {
  const domain = read.node(trustDomain, '');
  const found = new Set<string>();
  for (const source of sources)
    if (source.kind === 'ServiceAccount' && read.node(enrolledNamespace, source.namespace))
      found.add(principalOf(keyOf(source), domain));
  return [...found].sort();
}

/** Any rule may admit a request, so their order has no meaning: sort by content, for equal bytes. */
function inOrder<R extends AccessRule>(rules: readonly R[]): R[] {
  return rules
    .map(rule => ({ rule, text: JSON.stringify(rule.rule) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ rule }) => rule);
}

function explain(read: Reader, pointer: string, rules: readonly AccessRule[]): void {
  rules.forEach(({ target, route }, index) => {
    read.because(`${pointer}/${index}`, 'TrafficTarget', target, 'sources and rules');
    read.because(`${pointer}/${index}`, route.kind, route.key, route.match === '' ? 'ports' : `match ${route.match}`);
  });
}
