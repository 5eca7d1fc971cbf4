/** What a Deployment says of itself, as `kubectl rollout status` reads it. */
import type { JsonObject } from '../api/objects.ts';
import { type Condition, type Deployment, isReady, type Pod } from './types.ts';

function condition(
  old: readonly Condition[],
  at: string,
  next: Omit<Condition, 'lastTransitionTime' | 'lastUpdateTime'>,
): Condition {
  const before = old.find(one => one.type === next.type);
  const same = before?.status === next.status && before.reason === next.reason && before.message === next.message;
  if (before && same) return before;
  const since = before?.status === next.status ? before.lastTransitionTime : at;
  return { ...next, lastUpdateTime: at, ...(since && { lastTransitionTime: since }) };
}

/**
 * The status for these active pods; times change only with what they are about. `at` is RFC 3339, `failure` says why a
 * pod could not be made.
 */
export function deploymentStatus(
  deployment: Deployment,
  pods: readonly Pod[],
  isUpdated: (pod: Pod) => boolean,
  at: string,
  failure?: string,
): JsonObject {
  const wanted = deployment.spec.replicas ?? 1;
  const ready = pods.filter(isReady).length;
  const updated = pods.filter(isUpdated);
  const done = updated.length === wanted && pods.length === wanted && ready === wanted;
  const old = deployment.status?.conditions ?? [];
  const { name } = deployment.metadata;
  const available = ready >= wanted;
  const conditions = [
    condition(old, at, {
      type: 'Available',
      status: available ? 'True' : 'False',
      reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: `Deployment ${available ? 'has' : 'does not have'} minimum availability.`,
    }),
    condition(old, at, {
      type: 'Progressing',
      status: 'True',
      reason: done ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
      message: done ? `Deployment "${name}" has successfully progressed.` : `Deployment "${name}" is progressing.`,
    }),
  ];
  if (failure !== undefined) {
    const about = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: failure } as const;
    conditions.push(condition(old, at, about));
  }
  const counts = {
    replicas: pods.length,
    updatedReplicas: updated.length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, wanted - ready),
  };
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return { observedGeneration: deployment.metadata.generation ?? 1, ...Object.fromEntries(shown), conditions };
}
