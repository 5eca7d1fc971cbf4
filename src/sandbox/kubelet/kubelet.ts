/** The node of the sandbox: runs the pods that the store holds, and says how they are. */
import type { PodLog } from '../api/context.ts';
import type { KubeObject } from '../api/objects.ts';
import { builtinResource } from '../controllers/controller.ts';
import type { Pod } from '../controllers/types.ts';
import { nodeName } from './admission.ts';
import type { KubeletHost } from './host.ts';
import { PodRun } from './pod.ts';
import { createWaitingLine } from './waiting-line.ts';

/** Pods that were deleted without grace still get a moment. */
const forcedGraceMs = 500;

/** When the whole sandbox ends nobody waits for the grace of every pod. */
const closeGraceMs = 1000;

export interface Kubelet {
  /** What `kubectl logs` asks for. */
  readonly podLog: PodLog;
  /** Ends every pod and takes no new ones. */
  close(): Promise<void>;
}

/** Follows the store until it is closed. */
export function startKubelet(host: KubeletHost): Kubelet {
  const { store } = host.server;
  const runs = new Map<string, PodRun>();
  const endings = new Map<string, Promise<void>>();
  const line = createWaitingLine(host, pod => begin(host, runs, pod));
  const end = (run: PodRun, graceMs: number) => {
    const { uid = '', namespace, name } = run.pod.metadata;
    const ending =
      endings.get(uid) ??
      endPod(host, run, graceMs)
        .catch(error => host.onError(error, `pod ${namespace}/${name}`))
        .finally(() => {
          runs.delete(uid);
          endings.delete(uid);
          line.move();
        });
    endings.set(uid, ending);
    return ending;
  };
  const unsubscribe = store.subscribe('pods', ({ type, object }) => {
    const pod = object as Pod;
    const { uid = '', deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
    const run = runs.get(uid);
    if (type === 'DELETED' || deletionTimestamp) line.leave(uid);
    if (type === 'DELETED') return void (run && end(run, forcedGraceMs));
    if (deletionTimestamp && run) return void end(run, 1000 * deletionGracePeriodSeconds);
    if (deletionTimestamp) return remove(host, pod);
    if (run === undefined && pod.spec.nodeName === nodeName) line.enter(pod);
  });
  return {
    podLog: podLogOf(runs),
    async close() {
      unsubscribe();
      line.close();
      await Promise.all([...runs.values()].map(run => end(run, closeGraceMs)));
    },
  };
}

/** False when every address is taken. */
function begin(host: KubeletHost, runs: Map<string, PodRun>, pod: Pod): boolean {
  const { uid = '', namespace, name } = pod.metadata;
  const addresses = host.addresses.take(uid);
  if (addresses === undefined) return false;
  const run = new PodRun(host, pod, addresses);
  runs.set(uid, run);
  run.start().catch(error => host.onError(error, `pod ${namespace}/${name}`));
  return true;
}

async function endPod(host: KubeletHost, run: PodRun, graceMs: number): Promise<void> {
  try {
    await run.stop(graceMs);
  } finally {
    host.addresses.give(run.pod.metadata.uid ?? '');
    remove(host, run.pod);
  }
}

/** Says that nothing of the pod is left. Its name may belong to a newer one by now. */
function remove({ server: { store } }: KubeletHost, pod: KubeObject): void {
  const { namespace = '', name, uid } = pod.metadata;
  if (store.get('pods', namespace, name)?.metadata.uid !== uid) return;
  store.delete(builtinResource(store, 'pods'), namespace, name, { gracePeriodSeconds: 0, uid });
}

function podLogOf(runs: ReadonlyMap<string, PodRun>): PodLog {
  return async (pod, { container, ...options }) => {
    const log = runs.get(pod.metadata.uid ?? '')?.log(container);
    return options.previous && !log?.hasPrevious() ? undefined : log?.read(options);
  };
}
