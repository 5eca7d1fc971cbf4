/** Pods for which there is no address yet: each is told why it waits, and starts when another one has ended. */
import { podsMax } from '../addresses.ts';
import { timestamp } from '../api/objects.ts';
import { builtinResource } from '../controllers/controller.ts';
import type { Condition, Pod } from '../controllers/types.ts';
import { tellEvent } from './events.ts';
import type { KubeletHost } from './host.ts';

/** First come, first served. */
export interface WaitingLine {
  /** Starts a pod, or has it wait behind those that wait already. */
  enter(pod: Pod): void;
  leave(uid: string): void;
  /** Something may have become free. */
  move(): void;
  /** Nobody is started any more. */
  close(): void;
}

/** @param begin starts a pod; false when there is no address for it */
export function createWaitingLine(host: KubeletHost, begin: (pod: Pod) => boolean): WaitingLine {
  const waiting = new Map<string, Pod>();
  let closed = false;
  const move = () => {
    for (const [uid, pod] of waiting) {
      if (closed || !begin(pod)) return;
      waiting.delete(uid);
      if (waiting.size === 0) host.onNotice('Pods: every one of them has an address again');
    }
  };
  return {
    enter(pod) {
      const { uid = '', namespace, name } = pod.metadata;
      if (closed || waiting.has(uid) || (waiting.size === 0 && begin(pod))) return;
      if (waiting.size === 0) host.onNotice(`Pods: ${namespace}/${name} waits, for ${reason}`);
      waiting.set(uid, pod);
      markWaiting(host, pod);
    },
    leave: uid => void waiting.delete(uid),
    move,
    close() {
      closed = true;
    },
  };
}

const reason = `each of the ${podsMax} addresses of this sandbox is taken; it starts when another pod has ended`;

/** What the scheduler of a real cluster says of a pod for which no node has room (core/v1 PodCondition). */
function markWaiting(host: KubeletHost, pod: Pod): void {
  const { store } = host.server;
  const { namespace = '', name, uid } = pod.metadata;
  if (store.get('pods', namespace, name)?.metadata.uid !== uid) return;
  const message = `0/1 nodes are available: 1 Too many pods (${reason}).`;
  const condition: Condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime: timestamp(Date.now()),
  };
  const change = (draft: unknown) => {
    const { status, ...rest } = draft as Pod;
    const others = status?.conditions?.filter(({ type }) => type !== condition.type) ?? [];
    return { ...rest, status: { ...status, phase: 'Pending', conditions: [...others, condition] } } as Pod;
  };
  store.update(builtinResource(store, 'pods'), namespace, name, change, { status: true });
  tellEvent(store, pod, { type: 'Warning', reason: 'FailedScheduling', message, component: 'default-scheduler' });
}
