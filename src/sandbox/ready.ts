/** When a sandbox has come up. */
import type { Store } from './api/store.ts';
import { type Deployment, isReady, type Pod } from './controllers/types.ts';

/** Resolves when every Deployment has the pods that it wants and every pod is ready, or when the signal aborts. */
export function whenReady(store: Store, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const stop = store.subscribe('pods', check);
    const done = () => {
      stop();
      signal.removeEventListener('abort', done);
      resolve();
    };
    function check(): void {
      if (isComplete(store)) done();
    }
    if (signal.aborted) done();
    signal.addEventListener('abort', done, { once: true });
    check();
  });
}

/** The pods that others wait for, `namespace/name` each. */
export function unreadyPods(store: Store): readonly string[] {
  const unready = store.list<Pod>('pods').filter(pod => !isReady(pod));
  return unready.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

function isComplete(store: Store): boolean {
  const pods = store.list<Pod>('pods');
  const wanted = store.list<Deployment>('deployments.apps').reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0);
  return pods.length >= wanted && pods.every(isReady);
}
