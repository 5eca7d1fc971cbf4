/**
 * Deployment → Pods, without ReplicaSets between them: pods belong to the Deployment and carry the hash of their
 * template. A changed template replaces them a few at a time: new ones first, old ones as new ones become ready.
 */
import { createHash } from 'node:crypto';
import { timestamp } from '../api/objects.ts';
import { ApiFailure } from '../api/status.ts';
import type { Store } from '../api/store.ts';
import {
  builtinResource,
  type ControllerContext,
  inNamespace,
  keyFor,
  queueFor,
  type Start,
  splitKey,
} from './controller.ts';
import { deploymentStatus } from './deployment-status.ts';
import { controlledBy, type Deployment, isActive, isControlledBy, isReady, type Pod } from './types.ts';

/** Label that tells the pods of one template from those of another. */
const hashLabel = 'pod-template-hash';

function templateHash(deployment: Deployment): string {
  const text = JSON.stringify(deployment.spec.template);
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}

/** A number or a percentage of `total`; surges are rounded up, unavailability down (apps/v1 RollingUpdateDeployment). */
function share(value: number | string | undefined, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number.parseFloat(value ?? '25%') / 100) * total);
}

/** How many pods may be there and how many must be ready while a template is replaced. */
function limits({ spec }: Deployment): { readonly most: number; readonly ready: number } {
  const wanted = spec.replicas ?? 1;
  const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, wanted, Math.ceil);
  const unavailable = share(maxUnavailable, wanted, Math.floor);
  // Both zero would never move.
  return { most: wanted + (surge + unavailable === 0 ? 1 : surge), ready: wanted - unavailable };
}

export interface Plan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/** Not ready before ready, young before old: the pods whose loss costs least come first. */
const cheapestFirst = (a: Pod, b: Pod) =>
  Number(isReady(a)) - Number(isReady(b)) || Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion);

/** What brings the pods nearer to the Deployment. `pods` are its own, those that are ending included. */
export function planRollout(deployment: Deployment, pods: readonly Pod[], hash: string): Plan {
  const wanted = deployment.spec.replicas ?? 1;
  const active = pods.filter(isActive).sort(cheapestFirst);
  const current = active.filter(pod => pod.metadata.labels?.[hashLabel] === hash);
  const old = active.filter(pod => pod.metadata.labels?.[hashLabel] !== hash);
  const surplus = current.slice(0, Math.max(0, current.length - wanted));
  const missing = Math.max(0, wanted - current.length);
  if (deployment.spec.strategy?.type === 'Recreate') {
    const free = old.length === 0 && pods.length === active.length;
    return { create: free ? missing : 0, remove: [...old, ...surplus] };
  }
  const { most, ready } = limits(deployment);
  const create = Math.max(0, Math.min(missing, most - active.length));
  const readyNow = active.filter(isReady).length;
  const spare = Math.max(0, readyNow - ready);
  const unready = old.filter(pod => !isReady(pod));
  const replaceable = old.filter(isReady).slice(0, spare);
  return { create, remove: [...unready, ...replaceable, ...surplus] };
}

function podOf(deployment: Deployment, hash: string): Pod {
  const { template } = deployment.spec;
  const { name, namespace } = deployment.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: `${name}-${hash}-`,
      ...(namespace && { namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
      ownerReferences: [controlledBy(deployment)],
    },
    spec: template.spec,
  };
}

/** Why not every pod could be made, in the words of the API; undefined when all were. */
function createPods(store: Store, pod: Pod, count: number): string | undefined {
  try {
    for (let i = 0; i < count; i += 1) store.create(builtinResource(store, 'pods'), pod);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    // The name is another one each time; a status that says it would change for ever.
    const { generateName = '' } = pod.metadata;
    return error.message.replaceAll(new RegExp(`(${generateName.replaceAll('.', '[.]')})[0-9a-z]+`, 'g'), '$1');
  }
}

function reconcile({ store, now }: ControllerContext, key: string) {
  const { namespace, name } = splitKey(key);
  const deployment = store.get<Deployment>('deployments.apps', namespace, name);
  if (!deployment || deployment.metadata.deletionTimestamp) return;
  const hash = templateHash(deployment);
  const own = () => inNamespace<Pod>(store, 'pods', namespace).filter(pod => isControlledBy(pod, deployment));
  const { create, remove } = planRollout(deployment, own(), hash);
  const pods = builtinResource(store, 'pods');
  for (const pod of remove) store.delete(pods, namespace, pod.metadata.name);
  const failure = createPods(store, podOf(deployment, hash), create);
  const updated = (pod: Pod) => pod.metadata.labels?.[hashLabel] === hash;
  const status = deploymentStatus(deployment, own().filter(isActive), updated, timestamp(now()), failure);
  const resource = builtinResource(store, 'deployments.apps');
  store.update(resource, namespace, name, draft => ({ ...draft, status }), { status: true });
}

/** Runs until the result is called. */
export const startDeployments: Start = context => {
  const queue = queueFor(context, 'Deployment', key => reconcile(context, key));
  const ownerOf = (pod: Pod) => pod.metadata.ownerReferences?.find(ref => ref.controller && ref.kind === 'Deployment');
  const stops = [
    context.store.subscribe('deployments.apps', ({ object }) => queue.add(keyFor(object))),
    context.store.subscribe('pods', ({ object }) => {
      const owner = ownerOf(object as Pod);
      if (owner) queue.add(`${object.metadata.namespace}/${owner.name}`);
    }),
    // Pods that were refused for want of an account can be made once it is there.
    context.store.log.onChange('serviceaccounts', ({ type, object }) => {
      const { namespace = '' } = object.metadata;
      if (type === 'ADDED')
        for (const one of inNamespace(context.store, 'deployments.apps', namespace)) queue.add(keyFor(one));
    }),
    queue.stop,
  ];
  return () => stops.forEach(stop => void stop());
};
