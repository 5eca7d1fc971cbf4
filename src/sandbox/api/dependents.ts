/** Objects that belong to others, by `ownerReferences`. */
import type { KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import type { Store } from './store.ts';

export interface Dependent {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** Every object that names a uid as an owner. */
export function dependentsOf(store: Store, uid: string): readonly Dependent[] {
  const resources = new Map(store.catalog.all().map(resource => [resource.id, resource]));
  const owned = ({ metadata }: KubeObject) => metadata.ownerReferences?.some(ref => ref.uid === uid) ?? false;
  return [...resources.values()].flatMap(resource => {
    const objects = [...store.log.all(resource.id).values()].filter(owned);
    return objects.map(object => ({ resource, object }));
  });
}

/** Takes an owner out of an object's references. */
export function disown(store: Store, { resource, object: { metadata } }: Dependent, uid: string): void {
  store.update(resource, metadata.namespace ?? '', metadata.name, draft => {
    const { ownerReferences = [], ...rest } = draft.metadata;
    const others = ownerReferences.filter(ref => ref.uid !== uid);
    return { ...draft, metadata: { ...rest, ...(others.length > 0 && { ownerReferences: others }) } };
  });
}
