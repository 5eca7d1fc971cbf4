/** What a valid object must keep beyond its schema, kind by kind. References to other objects are derive's. */
import type { Static } from 'typebox';
import { below, fieldName, shown } from './describe.ts';
import { parseDurationMs } from './duration.ts';
import type { MeshConfig } from './mesh-config.ts';
import type { Problem } from './problem.ts';
import type { ProblemCode } from './problem-codes.ts';
import { regexFault } from './regex.ts';
import type { ResourceKind, schemas } from './resources.ts';
import type { SchemaNode } from './schema.ts';
import type { TrafficTarget } from './smi-access.ts';
import type { HTTPRouteGroup } from './smi-specs.ts';
import { serviceNamed, type TrafficSplit } from './smi-split.ts';

/** A problem before it is tied to an object; the code is FSM1001 unless said. */
export type Finding = Pick<Problem, 'path' | 'what' | 'why' | 'fix'> & { readonly code?: ProblemCode };

type Rules = { readonly [K in ResourceKind]?: (object: Static<(typeof schemas)[K]>) => Finding[] };

const rules: Rules = {
  MeshConfig: meshConfig,
  TrafficTarget: trafficTarget,
  HTTPRouteGroup: routeGroup,
  TrafficSplit: split,
};

/** The findings for an object that already matches the schema of its kind. */
export function rulesOf(kind: ResourceKind, schema: SchemaNode, valid: unknown): Finding[] {
  const rule = rules[kind] as ((object: unknown) => Finding[]) | undefined;
  const own = rule?.(valid) ?? [];
  return hasDuration(schema) ? [...durations(schema, valid, ''), ...own] : own;
}

function meshConfig({ spec }: MeshConfig): Finding[] {
  const warmup = spec?.warmup;
  const [least, most] = [warmup?.minWeight ?? 10, warmup?.maxWeight ?? 100];
  if (least <= most) return [];
  return [
    {
      path: '/spec/warmup/minWeight',
      what: `minWeight is ${least}, maxWeight ${most}`,
      why: 'a weight rises from the one to the other',
      fix: 'write a minWeight of at most maxWeight',
    },
  ];
}

const withDuration = new WeakMap<SchemaNode, boolean>();

/** Whether there is a duration in a schema: most have none, and objects of theirs come by the thousand. */
function hasDuration(node: SchemaNode): boolean {
  const known = withDuration.get(node);
  if (known !== undefined) return known;
  const below = [...Object.values(node.properties ?? {}), ...(node.items ? [node.items] : [])];
  const has = node['x-fsm-duration'] !== undefined || below.some(hasDuration);
  withDuration.set(node, has);
  return has;
}

/** Durations beyond their bounds, wherever they stand: a schema has no words for them. */
function durations(node: SchemaNode, value: unknown, path: string): Finding[] {
  const bounds = node['x-fsm-duration'];
  if (bounds !== undefined) return typeof value === 'string' ? duration(node, value, path) : [];
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? [] : value.flatMap((item, at) => durations(items, item, below(path, at)));
  }
  if (typeof value !== 'object' || value === null || node.properties === undefined) return [];
  return Object.entries(node.properties).flatMap(([name, field]) =>
    Object.hasOwn(value, name) ? durations(field, Reflect.get(value, name), below(path, name)) : [],
  );
}

function duration(node: SchemaNode, text: string, path: string): Finding[] {
  const { least, most, why } = node['x-fsm-duration'] ?? { least: '', most: '', why: '' };
  const ms = parseDurationMs(text) ?? Number.NaN;
  if (ms >= (parseDurationMs(least) ?? 0) && ms <= (parseDurationMs(most) ?? 0)) return [];
  const fix = typeof node.default === 'string' ? node.default : `${least} or more, up to ${most}`;
  return [
    {
      path,
      what: `${fieldName(path)} is ${shown(text)}`,
      why: `it lasts from ${least} to ${most}: ${why}`,
      fix: `write ${fix}`,
    },
  ];
}

/**
 * A TrafficTarget opens services of its own namespace only; otherwise whoever may write in one namespace could open
 * another (the reference checks it with `smi.validateTrafficTarget`, which its chart sets; osm#4056).
 */
function trafficTarget({ metadata, spec }: TrafficTarget): Finding[] {
  const { namespace } = spec.destination;
  if (namespace === undefined || metadata.namespace === undefined || namespace === metadata.namespace) return [];
  return [
    {
      path: '/spec/destination/namespace',
      what: `the destination is in namespace ${namespace}, the TrafficTarget in ${metadata.namespace}`,
      why: 'a TrafficTarget opens workloads of its own namespace only',
      fix: `move the TrafficTarget to namespace ${namespace}`,
    },
  ];
}

/**
 * A TrafficSplit splits a service of its own namespace only; otherwise whoever may write in one namespace could send
 * the requests of another elsewhere.
 */
function foreignApex(own: string, service: string): Finding[] {
  const { namespace } = serviceNamed(service, own);
  if (namespace === own) return [];
  return [
    {
      path: '/spec/service',
      what: `the service is in namespace ${namespace}, the TrafficSplit in ${own}`,
      why: 'a TrafficSplit redirects services of its own namespace only',
      fix: `move the TrafficSplit to namespace ${namespace}`,
    },
  ];
}

function split({ metadata, spec }: TrafficSplit): Finding[] {
  const findings = foreignApex(metadata.namespace ?? '', spec.service);
  const seen = new Map<string, number>();
  for (const [index, backend] of spec.backends.entries()) {
    const { namespace, name } = serviceNamed(backend.service, metadata.namespace ?? '');
    const first = seen.get(`${namespace}/${name}`);
    if (first === undefined) seen.set(`${namespace}/${name}`, index);
    else findings.push(duplicateBackend(backend.service, index, first));
  }
  if (spec.backends.every(({ weight }) => weight === 0)) findings.push(allZero);
  return findings;
}

const duplicateBackend = (service: string, index: number, first: number): Finding => ({
  code: 'FSM1005',
  path: `/spec/backends/${index}/service`,
  what: `backend ${shown(service)} is the service of backends[${first}] again`,
  why: 'it is not clear which weight it should have',
  fix: 'write it once, with the weight that is meant',
});

const allZero: Finding = {
  path: '/spec/backends',
  what: 'every weight is 0',
  why: 'no request could be sent anywhere',
  fix: 'give a backend a weight above 0, or delete the TrafficSplit to send all to the apex service',
};

function routeGroup({ spec }: HTTPRouteGroup): Finding[] {
  const seen = new Set<string>();
  return spec.matches.flatMap((match, index) => {
    const path = `/spec/matches/${index}`;
    const again = seen.has(match.name) ? [duplicateMatch(match.name, path)] : [];
    seen.add(match.name);
    const regex = match.pathRegex === undefined ? [] : regexFindings('pathRegex', match.pathRegex, `${path}/pathRegex`);
    return [...again, ...regex, ...headerFindings(match.headers, `${path}/headers`)];
  });
}

const duplicateMatch = (name: string, path: string): Finding => ({
  code: 'FSM1005',
  path: `${path}/name`,
  what: `match ${shown(name)} is there twice`,
  why: 'a TrafficTarget that names it could mean either',
  fix: 'give each match a name of its own',
});

function regexFindings(field: string, text: string, path: string): Finding[] {
  const fault = regexFault(text);
  return fault === undefined ? [] : [{ code: 'FSM1003', path, what: `${field} is ${shown(text)}`, ...fault }];
}

/** A field name is a token (RFC 9110 section 5.1). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

type HeaderMatches = HTTPRouteGroup['spec']['matches'][number]['headers'];

function headerFindings(headers: HeaderMatches, path: string): Finding[] {
  const seen = new Map<string, string>();
  return headerEntries(headers, path).flatMap(([name, value, at]): Finding[] => {
    const before = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), value);
    if (!token.test(name)) return [badHeaderName(name, at)];
    if (before !== undefined && before !== value) return [duplicateHeader(name, at)];
    return regexFindings(`header ${name}`, value, at);
  });
}

function headerEntries(headers: HeaderMatches, path: string): [name: string, value: string, path: string][] {
  const entries = (map: Readonly<Record<string, string>>, at: string) =>
    Object.entries(map).map(([name, value]): [string, string, string] => [name, value, below(at, name)]);
  if (Array.isArray(headers)) return headers.flatMap((map, index) => entries(map, `${path}/${index}`));
  return entries((headers ?? {}) as Readonly<Record<string, string>>, path);
}

const badHeaderName = (name: string, path: string): Finding => ({
  path,
  what: `${shown(name)} is given as the name of a header`,
  why: 'no header can have that name',
  fix: name.toLowerCase() === ':authority' ? 'write host' : 'write letters, digits and dashes',
});

const duplicateHeader = (name: string, path: string): Finding => ({
  code: 'FSM1005',
  path,
  what: `header ${shown(name)} is there twice, with different expressions`,
  why: 'a header has one value to compare',
  fix: 'join them into one expression',
});
