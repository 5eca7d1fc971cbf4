/** What every controller of the sandbox is made of. */
import { type KubeObject, keyOf } from '../api/objects.ts';
import type { Resource } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { createQueue, type Queue } from './queue.ts';

export interface ControllerContext {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of what a reconciliation threw; it is not tried again before the next change. */
  readonly onError: (error: unknown, what: string) => void;
}

/** Starts a controller; the result stops it. */
export type Start = (context: ControllerContext) => () => void;

/** `namespace/name` (or `name`) of an object. */
export const keyFor = ({ metadata }: KubeObject): string => keyOf(metadata.namespace, metadata.name);

/** The parts of a key; the namespace is empty for cluster-scoped objects. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return { namespace: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}

/** A built-in resource, which is always there. */
export function builtinResource(store: Store, id: string): Resource {
  const resource = store.catalog.byId(id);
  if (!resource) throw new Error(`no built-in resource ${id}`);
  return resource;
}

/** A queue whose errors name the controller. */
export function queueFor(context: ControllerContext, name: string, reconcile: (key: string) => void): Queue {
  return createQueue(reconcile, (error, key) => context.onError(error, `${name} ${key}`));
}

/** The objects of a resource in one namespace, in no order. */
export function inNamespace<T extends KubeObject>(store: Store, id: string, namespace: string): T[] {
  return [...store.log.all(id).values()].filter(object => object.metadata.namespace === namespace) as T[];
}
