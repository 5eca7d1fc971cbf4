/** Namespaces: each gets its default ServiceAccount, and one that is deleted is emptied first. */
import type { KubeObject } from '../api/objects.ts';
import { objectAt } from '../api/objects.ts';
import type { Store } from '../api/store.ts';
import { builtinResource, type ControllerContext, inNamespace, queueFor, type Start } from './controller.ts';

function ensureDefaultAccount(store: Store, namespace: string) {
  if (store.get('serviceaccounts', namespace, 'default')) return;
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
  store.create(builtinResource(store, 'serviceaccounts'), account);
}

/** Deletes what is left and returns how much still has to finish. */
function empty(store: Store, namespace: string): number {
  const resources = new Map(
    store.catalog
      .all()
      .filter(one => one.namespaced)
      .map(one => [one.id, one]),
  );
  let left = 0;
  for (const resource of resources.values()) {
    for (const { metadata } of inNamespace(store, resource.id, namespace)) {
      if (!metadata.deletionTimestamp) store.delete(resource, namespace, metadata.name);
      left += Number(store.get(resource.id, namespace, metadata.name) !== undefined);
    }
  }
  return left;
}

function reconcile({ store }: ControllerContext, name: string) {
  const namespace = store.get('namespaces', '', name);
  if (!namespace) return;
  if (!namespace.metadata.deletionTimestamp) return ensureDefaultAccount(store, name);
  if (empty(store, name) > 0) return;
  const finalize = (draft: KubeObject) => ({ ...draft, spec: { ...objectAt(draft.spec), finalizers: [] } });
  store.update(builtinResource(store, 'namespaces'), '', name, finalize);
}

/** Runs until the result is called. */
export const startNamespaces: Start = context => {
  const queue = queueFor(context, 'Namespace', key => reconcile(context, key));
  const stops = [
    context.store.subscribe('namespaces', ({ object }) => queue.add(object.metadata.name)),
    // The last object that goes lets its namespace go, and a default account that is deleted comes back.
    context.store.log.onChange('*', ({ type, object }) => {
      if (type === 'DELETED' && object.metadata.namespace) queue.add(object.metadata.namespace);
    }),
    queue.stop,
  ];
  return () => stops.forEach(stop => void stop());
};
