/** Why something is not so: what the causes have in common. */
import type { Origin } from '../../engine/derive/rule.ts';
import { enrolledNamespace, meshName } from '../../engine/derive/rules/mesh.ts';
import type { Kind, TrafficTargetObject } from '../../engine/model.ts';
import { keyOf, splitKey } from '../../engine/snapshot.ts';
import type { Derived } from './derived.ts';

/** What is missing, in a word and a sentence; the objects that lack it, and what to do. */
export interface Cause {
  readonly reason: string;
  readonly detail: string;
  readonly origins: readonly Origin[];
  readonly fix: string;
}

/** Objects of one sort that an answer names. */
export const namedMax = 10;

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

export function targetFix(client: string, identities: readonly string[], named: readonly string[]): string {
  const [first, ...others] = named;
  const account = `ServiceAccount ${client}`;
  if (first === undefined) return `write a TrafficTarget with source ${account} and destination ${identities[0]}`;
  return `add ${account} to the sources of TrafficTarget ${first}${others.length > 0 ? ' or another of these' : ''}`;
}

export function targetsOf(state: Derived, identities: readonly string[]): TrafficTargetObject[] {
  return state.objects(
    'TrafficTarget',
    ({ destination }) => destination.kind === 'ServiceAccount' && identities.includes(keyOf(destination)),
  );
}

export function isSource({ sources }: TrafficTargetObject, client: string): boolean {
  return sources.some(source => source.kind === 'ServiceAccount' && keyOf(source) === client);
}
