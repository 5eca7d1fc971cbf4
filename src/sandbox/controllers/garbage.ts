/** Garbage collection: what belonged to a deleted object, and to no other, goes too. */
import { dependentsOf, disown } from '../api/dependents.ts';
import type { Store } from '../api/store.ts';
import { queueFor, type Start } from './controller.ts';

/** Deletes the dependents of a uid that is gone; one with other owners only loses the reference. */
function collect(store: Store, uid: string) {
  for (const dependent of dependentsOf(store, uid)) {
    const { namespace = '', name, ownerReferences } = dependent.object.metadata;
    const others = ownerReferences?.some(ref => ref.uid !== uid);
    if (others) disown(store, dependent, uid);
    else store.delete(dependent.resource, namespace, name);
  }
}

/** Runs until the result is called. */
export const startGarbageCollector: Start = context => {
  const queue = queueFor(context, 'dependents of', uid => collect(context.store, uid));
  const stop = context.store.log.onChange('*', ({ type, object }) => {
    if (type === 'DELETED' && object.metadata.uid) queue.add(object.metadata.uid);
  });
  return () => {
    stop();
    queue.stop();
  };
};
