/** Normalisation of the kinds that people write policies in. */
import { parseDurationMs } from '../../api/duration.ts';
import { type MeshConfig, meshConfigDefaults } from '../../api/mesh-config.ts';
import { sidecarDefaults } from '../../api/mesh-config-sidecar.ts';
import type { TrafficTarget } from '../../api/smi-access.ts';
import type { HTTPRouteGroup, TCPRoute } from '../../api/smi-specs.ts';
import type { TrafficSplit } from '../../api/smi-split.ts';
import type {
  HTTPRouteGroupObject,
  IdentityRef,
  MeshConfigObject,
  TCPRouteObject,
  TrafficSplitObject,
  TrafficTargetObject,
} from '../model.ts';
import { meta } from './kubernetes.ts';
import { byText, present, sortedRecords, sortedSet } from './sets.ts';

export function meshConfig(raw: MeshConfig): MeshConfigObject {
  const { sidecar, traffic, certificate } = { ...raw.spec };
  const { enableEgress, enablePermissiveTrafficPolicyMode, serviceCertValidityDuration } = meshConfigDefaults;
  return {
    ...meta(raw),
    permissive: traffic?.enablePermissiveTrafficPolicyMode ?? enablePermissiveTrafficPolicyMode,
    egress: traffic?.enableEgress ?? enableEgress,
    sidecarTimeoutSeconds: sidecar?.sidecarTimeout || sidecarDefaults.sidecarTimeout,
    sidecarLogLevel: logLevel(sidecar?.logLevel ?? sidecarDefaults.logLevel),
    certValidityMs: parseDurationMs(certificate?.serviceCertValidityDuration ?? serviceCertValidityDuration) ?? 0,
  };
}

function logLevel(written: string): string {
  return written === 'warning' ? 'warn' : written;
}

export function trafficTarget(raw: TrafficTarget): TrafficTargetObject {
  const at = meta(raw);
  const identity = ({ kind, name, namespace }: IdentityLike): IdentityRef => ({
    kind: oneText(kind),
    name,
    namespace: namespace ?? at.namespace,
  });
  return {
    ...at,
    destination: { ...identity(raw.spec.destination), ...present({ port: raw.spec.destination.port }) },
    sources: sortedRecords(raw.spec.sources.map(identity)),
    rules: sortedRecords(raw.spec.rules.map(rule)),
  };
}

const texts = new Map<string, string>();

/** One text for all that say the same, for JSON gives every object its own: of the kinds, which validation has seen to are few. */
function oneText(kind: string): string {
  const known = texts.get(kind) ?? kind;
  texts.set(known, known);
  return known;
}

type IdentityLike = TrafficTarget['spec']['sources'][number];

/** No matches mean the whole group, and an empty list is what Go writes for none. */
function rule({ kind, name, matches }: TrafficTarget['spec']['rules'][number]): TrafficTargetObject['rules'][number] {
  return { kind: oneText(kind), name, ...present({ matches: matches?.length ? sortedSet(matches) : undefined }) };
}

export function routeGroup(raw: HTTPRouteGroup): HTTPRouteGroupObject {
  return { ...meta(raw), matches: raw.spec.matches.map(routeMatch).sort((a, b) => byText(a.name, b.name)) };
}

type RawMatch = HTTPRouteGroup['spec']['matches'][number];

function routeMatch({ name, methods, pathRegex, headers }: RawMatch): HTTPRouteGroupObject['matches'][number] {
  const some = methods?.length && !methods.includes('*') ? sortedSet(methods) : undefined;
  return { name, ...present({ methods: some, pathRegex: pathRegex || undefined, headers: headerMap(headers) }) };
}

/** Names in lower case; validation has seen to it that none is there twice with different expressions. */
function headerMap(headers: RawMatch['headers']): Readonly<Record<string, string>> | undefined {
  const maps = (Array.isArray(headers) ? headers : [headers ?? {}]) as readonly Readonly<Record<string, string>>[];
  const entries = maps.flatMap(map => Object.entries(map));
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
}

export function tcpRoute(raw: TCPRoute): TCPRouteObject {
  const ports = raw.spec?.matches?.ports;
  return { ...meta(raw), ...present({ ports: ports?.length ? sortedSet(ports) : undefined }) };
}

export function trafficSplit(raw: TrafficSplit): TrafficSplitObject {
  const { service, backends, matches } = raw.spec;
  const groups = matches?.map(({ kind, name }) => ({ kind: oneText(kind), name }));
  return {
    ...meta(raw),
    service,
    backends: sortedRecords(backends.map(({ service, weight }) => ({ service, weight }))),
    ...present({ matches: groups?.length ? sortedRecords(groups) : undefined }),
  };
}
