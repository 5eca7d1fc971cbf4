/**
 * What is wrong with an object in the company of the others: references to what does not exist, contradictions.
 * Normalised lists are sorted, so a path names the list and the sentence names the member.
 */
import type { Problem } from '../../../api/problem.ts';
import { unseenHeaders } from '../../../api/smi-specs.ts';
import type { Kind, TrafficSplitObject, TrafficTargetObject } from '../../model.ts';
import { keyOf, splitKey } from '../../snapshot.ts';
import { serviceKey } from '../names.ts';
import type { Reader, Rule } from '../rule.ts';

/** Kinds whose objects get a condition. */
export const conditionKinds = ['MeshConfig', 'TrafficTarget', 'HTTPRouteGroup', 'TCPRoute', 'TrafficSplit'] as const;

export type ConditionKind = (typeof conditionKinds)[number];

export function hasConditions(kind: Kind): kind is ConditionKind {
  return (conditionKinds as readonly Kind[]).includes(kind);
}

/** Everything that is wrong with an object; key is `<kind> <object key>`. Empty when it is in force as written. */
export const condition: Rule<readonly Problem[]> = {
  name: 'condition',
  layer: 5,
  compute: (read, key) => {
    const space = key.indexOf(' ');
    const [kind, objectKey] = [key.slice(0, space) as ConditionKind, key.slice(space + 1)];
    const own = read.problems(kind, objectKey);
    if (own.length > 0) return own;
    return referenceProblems(read, kind, objectKey);
  },
};

function referenceProblems(read: Reader, kind: ConditionKind, key: string): Problem[] {
  if (kind === 'TrafficTarget') {
    const target = read.get('TrafficTarget', key);
    return target === undefined ? [] : [...identityProblems(read, target), ...ruleProblems(read, target)];
  }
  if (kind === 'TrafficSplit') {
    const split = read.get('TrafficSplit', key);
    return split === undefined ? [] : [...serviceProblems(read, split), ...rivalProblems(read, split)];
  }
  return kind === 'HTTPRouteGroup' ? headerProblems(read, key) : [];
}

/** Matches that name a header which no proxy shows them. */
function headerProblems(read: Reader, key: string): Problem[] {
  const group = read.get('HTTPRouteGroup', key);
  if (group === undefined) return [];
  return group.matches.flatMap(({ name, headers = {} }) =>
    Object.keys(headers)
      .filter(header => isUnseen(header.toLowerCase()))
      .map(header => ({
        code: 'FSM1004' as const,
        object: refOf('HTTPRouteGroup', group),
        path: '/spec/matches',
        what: `match ${name} never holds`,
        why: `header ${header} concerns one connection or claims who calls, and rules do not see it`,
        fix: `take header ${header} away`,
      })),
  );
}

function isUnseen(header: string): boolean {
  return (unseenHeaders as readonly string[]).includes(header) || header.startsWith('fsm-stats');
}

function identityProblems(read: Reader, target: TrafficTargetObject): Problem[] {
  const named = [
    { ref: target.destination, path: '/spec/destination' },
    ...target.sources.map(ref => ({ ref, path: '/spec/sources' })),
  ];
  return named
    .filter(({ ref }) => ref.kind === 'ServiceAccount' && read.get('ServiceAccount', keyOf(ref)) === undefined)
    .map(({ ref, path }) =>
      missing('TrafficTarget', target, path, `ServiceAccount ${keyOf(ref)}`, 'nobody has this identity'),
    );
}

function ruleProblems(read: Reader, target: TrafficTargetObject): Problem[] {
  return target.rules.flatMap(rule => {
    if (rule.kind === 'UDPRoute') return [uncarried(target, rule.name)];
    const route = `${rule.kind} ${target.namespace}/${rule.name}`;
    const known = matchesOf(read, rule.kind, `${target.namespace}/${rule.name}`);
    if (known === undefined) return [missing('TrafficTarget', target, '/spec/rules', route, 'the rule allows nothing')];
    const unknown = rule.kind === 'HTTPRouteGroup' ? (rule.matches ?? []).filter(match => !known.has(match)) : [];
    return unknown.map(match =>
      missing('TrafficTarget', target, '/spec/rules', `match ${match} of ${route}`, 'that match allows nothing'),
    );
  });
}

/** Names of the matches of a route object; undefined when it does not exist. */
function matchesOf(read: Reader, kind: string, key: string): ReadonlySet<string> | undefined {
  if (kind === 'TCPRoute') return read.get('TCPRoute', key) && new Set();
  const group = read.get('HTTPRouteGroup', key);
  return group && new Set(group.matches.map(({ name }) => name));
}

function uncarried(target: TrafficTargetObject, name: string): Problem {
  return {
    code: 'FSM1004',
    object: refOf('TrafficTarget', target),
    path: '/spec/rules',
    what: `the rule UDPRoute ${target.namespace}/${name} allows nothing`,
    why: 'the mesh carries no UDP',
    fix: 'take the rule away',
  };
}

function serviceProblems(read: Reader, split: TrafficSplitObject): Problem[] {
  const named = [
    { written: split.service, path: '/spec/service', why: 'there is nothing to split' },
    ...split.backends.map(({ service }) => ({
      written: service,
      path: '/spec/backends',
      why: 'this backend gets no traffic',
    })),
  ];
  const services = named
    .filter(({ written }) => read.get('Service', serviceKey(written, split.namespace)) === undefined)
    .map(({ written, path, why }) =>
      missing('TrafficSplit', split, path, `Service ${serviceKey(written, split.namespace)}`, why),
    );
  const groups = (split.matches ?? [])
    .map(({ name }) => ({ key: `${split.namespace}/${name}`, path: '/spec/matches' }))
    .filter(({ key }) => read.get('HTTPRouteGroup', key) === undefined)
    .map(({ key, path }) => missing('TrafficSplit', split, path, `HTTPRouteGroup ${key}`, 'no request is split by it'));
  return [...services, ...groups];
}

/** Of several splits of one apex without matches, the first by key is in force. */
function rivalProblems(read: Reader, split: TrafficSplitObject): Problem[] {
  if (split.matches !== undefined && split.matches.length > 0) return [];
  const rivals = read.bucket('splitsByApex', serviceKey(split.service, split.namespace)).filter(key => {
    const other = read.get('TrafficSplit', key);
    return other !== undefined && (other.matches ?? []).length === 0;
  });
  const [first] = rivals;
  if (first === undefined || first === keyOf(split)) return [];
  return [
    {
      code: 'FSM1005',
      object: refOf('TrafficSplit', split),
      path: '/spec/service',
      what: `TrafficSplit ${first} already splits all requests to ${split.service}`,
      why: 'a request can follow only one of them, and the first by name is in force',
      fix: 'delete one of the two, or give this one matches',
    },
  ];
}

function refOf(kind: Kind, meta: { readonly namespace: string; readonly name: string }): Problem['object'] & object {
  return { kind, ...splitKey(keyOf(meta)) };
}

function missing(
  kind: Kind,
  meta: { readonly namespace: string; readonly name: string },
  path: string,
  thing: string,
  why: string,
): Problem {
  return {
    code: 'FSM1002',
    object: refOf(kind, meta),
    path,
    what: `${thing} does not exist`,
    why,
    fix: `create ${thing}, or correct the name`,
  };
}
