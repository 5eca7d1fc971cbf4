import { hash } from 'node:crypto';
import type { Problem } from '../../api/problem.ts';
import type { KubeObject } from '../object.ts';
import { apiVersionOf, type ResourceInfo } from '../resource.ts';
import { cut, judgement, timestamp } from './conditions.ts';

export const events: ResourceInfo = { kind: 'Event', group: '', version: 'v1', plural: 'events', namespaced: true };

/** Longest message that events.k8s.io/v1 takes. */
const mostMessage = 1024;

/**
 * A Kubernetes Event (core/v1) that says what a condition would, for objects that can have none. Its name follows
 * from the object and the words, so that the same is never said twice, whoever says it.
 */
export function eventFor(
  resource: ResourceInfo,
  object: KubeObject,
  problems: readonly Problem[],
  nowMs: number,
): KubeObject {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const [accepted, warned] = judgement(problems);
  const { status, reason, message } = accepted.status === 'True' && warned ? warned : accepted;
  const isWarning = problems.length > 0;
  const words = `${resource.kind} ${uid} ${status} ${reason} ${message}`;
  const at = timestamp(nowMs);
  return {
    // Events about objects of the whole cluster live in `default` (Event validation, core/v1).
    metadata: {
      name: `${name.slice(0, 200)}.${hash('sha256', words).slice(0, 16)}`,
      namespace: namespace ?? 'default',
    },
    involvedObject: { apiVersion: apiVersionOf(resource), kind: resource.kind, name, namespace, uid, resourceVersion },
    type: isWarning ? 'Warning' : 'Normal',
    reason,
    message: cut(message === '' ? 'the mesh does what it says' : message, mostMessage),
    source: { component: 'fsm' },
    reportingComponent: 'fsm',
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  };
}
