/** From what runs to the pod's status (core/v1 PodStatus). */
import { timestamp } from '../api/objects.ts';
import type { Condition, Pod } from '../controllers/types.ts';

/** A container as the kubelet knows it. Times in epoch milliseconds. */
export interface ContainerState {
  readonly name: string;
  readonly image: string;
  state: 'waiting' | 'running';
  /** Why it does not run, or why it ended last time. */
  reason: string;
  /** The same in a sentence, where there is one. */
  message?: string | undefined;
  startedAtMs: number;
  restarts: number;
  ready: boolean;
  lastExit?: { readonly code: number; readonly atMs: number };
}

/** A container that has not been started yet. */
export function newContainer(name: string, image = ''): ContainerState {
  return { name, image, state: 'waiting', reason: 'PodInitializing', startedAtMs: 0, restarts: 0, ready: false };
}

export interface PodFacts {
  readonly ip: string;
  readonly startedAtMs: number;
  readonly containers: readonly ContainerState[];
  /** The init step, if there is one, is done. */
  readonly initialized: boolean;
  readonly stopping: boolean;
}

/** The status to write; conditions keep the time of their last change. */
export function podStatus(pod: Pod, facts: PodFacts, nowMs: number): Record<string, unknown> {
  const started = facts.containers.every(({ state, restarts }) => state === 'running' || restarts > 0);
  const ready = !facts.stopping && facts.containers.every(container => container.ready);
  const holds: Readonly<Record<string, boolean>> = {
    PodScheduled: true,
    Initialized: facts.initialized,
    ContainersReady: ready,
    Ready: ready,
  };
  return {
    ...pod.status,
    phase: started && facts.initialized ? 'Running' : 'Pending',
    hostIP: '127.0.0.1',
    podIP: facts.ip,
    podIPs: [{ ip: facts.ip }],
    startTime: timestamp(facts.startedAtMs),
    conditions: Object.entries(holds).map(([type, holding]) => condition(pod, type, holding, nowMs)),
    containerStatuses: facts.containers.map(containerStatus),
  };
}

function condition(pod: Pod, type: string, holds: boolean, nowMs: number): Condition {
  const status = holds ? 'True' : 'False';
  const old = pod.status?.conditions?.find(one => one.type === type);
  if (old?.status === status) return old;
  return { type, status, lastTransitionTime: timestamp(nowMs) };
}

function containerStatus(container: ContainerState): Record<string, unknown> {
  const { name, image, state, reason, message, startedAtMs, restarts, ready, lastExit } = container;
  const waiting = { reason, ...(message !== undefined && { message }) };
  const last = lastExit && {
    terminated: { exitCode: lastExit.code, reason: 'Error', finishedAt: timestamp(lastExit.atMs) },
  };
  return {
    name,
    image,
    imageID: '',
    ready,
    started: state === 'running',
    restartCount: restarts,
    state: state === 'running' ? { running: { startedAt: timestamp(startedAtMs) } } : { waiting },
    lastState: last ?? {},
  };
}
