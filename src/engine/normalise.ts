/**
 * Objects as the Kubernetes API gives them become what the mesh reads of them: checked, with defaults filled in,
 * sets sorted, and nothing else. Two objects that mean the same to the mesh become deeply equal data, so that an
 * unrelated write ends here.
 */
import type { Static } from 'typebox';
import { idleFields } from '../api/in-force.ts';
import type { Problem } from '../api/problem.ts';
import { apiVersionOf, resourceOf, type schemas } from '../api/resources.ts';
import type { SchemaNode } from '../api/schema.ts';
import { validate } from '../api/validate.ts';
import type { Kind, Normalised, Objects } from './model.ts';
import * as builtIn from './normalise/kubernetes.ts';
import * as policy from './normalise/policies.ts';

/** The raw form of a kind: what its schema describes. */
export type Raw<K extends Kind> = Static<(typeof schemas)[K]>;

/** From a valid raw object to what the mesh reads of it, kind by kind. */
export const readers: { readonly [K in Kind]: (raw: Raw<K>) => Objects[K] } = {
  Namespace: builtIn.namespace,
  Pod: builtIn.pod,
  Service: builtIn.service,
  EndpointSlice: builtIn.endpointSlice,
  ServiceAccount: builtIn.serviceAccount,
  MeshConfig: policy.meshConfig,
  TrafficTarget: policy.trafficTarget,
  HTTPRouteGroup: policy.routeGroup,
  TCPRoute: policy.tcpRoute,
  TrafficSplit: policy.trafficSplit,
};

/**
 * The normalised form of an API object (parsed JSON), or what is wrong with it. Total: any value gives one of the
 * two. An object without apiVersion, as lists carry them, is read in the watched version.
 */
export function normalise<K extends Kind>(kind: K, raw: unknown): Normalised<K> {
  const problems = [...validate(kind, apiVersionIn(raw), raw), ...unplaced(kind, raw)];
  if (problems.length > 0) return { ok: false, problems };
  const reader: (raw: Raw<K>) => Objects[K] = readers[kind];
  const object = reader(current(kind, raw as Raw<K>));
  const idle = idleIn(kind, raw);
  return { ok: true, object: idle.length === 0 ? object : { ...object, idle } };
}

const none: readonly string[] = [];

/** Most fields that a condition names. */
const idleMax = 40;

/** Fields that people set and that do nothing, where there are any; those of the built-in kinds are not ours to judge. */
function idleIn(kind: Kind, raw: unknown): readonly string[] {
  const resource = resourceOf(kind);
  if (!resource.custom) return none;
  const version = apiVersionIn(raw).split('/')[1] ?? '';
  const schema = (resource.otherSchemas[version] ?? resource.schema) as SchemaNode;
  return idleFields(kind, schema, raw).slice(0, idleMax);
}

function apiVersionIn(raw: unknown): string {
  if (typeof raw !== 'object' || raw === null || !('apiVersion' in raw)) return '';
  return typeof raw.apiVersion === 'string' ? raw.apiVersion : String(typeof raw.apiVersion);
}

/** An object of a namespaced kind has to say where it is: its key is made of it. */
function unplaced(kind: Kind, raw: unknown): Problem[] {
  const { metadata } = (raw ?? {}) as { metadata?: { namespace?: unknown; name?: unknown } | null };
  if (!resourceOf(kind).namespaced || metadata?.namespace || typeof metadata?.name !== 'string') return [];
  return [
    {
      code: 'FSM1001',
      object: { kind, namespace: '', name: metadata.name.slice(0, 253) },
      path: '/metadata/namespace',
      what: 'namespace is missing',
      why: `a ${kind} lies in a namespace`,
      fix: 'add namespace',
    },
  ];
}

/** Upcasts to the watched version: v1alpha2 of TrafficSplit knows no matches. */
function current<K extends Kind>(kind: K, raw: Raw<K>): Raw<K> {
  if (kind !== 'TrafficSplit' || apiVersionIn(raw) !== apiVersionOf(resourceOf(kind), 'v1alpha2')) return raw;
  const { matches: _, ...spec } = (raw as Raw<'TrafficSplit'>).spec;
  return { ...raw, spec };
}
