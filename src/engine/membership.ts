/** Who takes part in the mesh: one function of the snapshot, asked at enrolment, at renewal and for what people see. */
import type { Problem } from '../api/problem.ts';
import type { MeshSnapshot, NamespaceObject } from './model.ts';
import { objectOf, splitKey } from './snapshot.ts';

/** Label value of the namespaces that take part (`flomesh.io/monitored-by`). */
export const meshName = 'fsm';

/** Whether a namespace takes part: its label names this mesh, and it is not ignored. */
export function isMember(namespace: NamespaceObject | undefined): boolean {
  return namespace?.mesh === meshName && namespace.ignored === undefined;
}

/** Why a pod takes no part in the mesh, as far as the snapshot knows it; undefined when it does, or is not known. */
export function outsiderProblem(snapshot: MeshSnapshot, podKey: string): Problem | undefined {
  const { namespace, name } = splitKey(podKey);
  const [space, pod] = [objectOf(snapshot, 'Namespace', namespace), objectOf(snapshot, 'Pod', podKey)];
  const labelled = pod === undefined || pod.proxy !== undefined;
  if (space === undefined || (isMember(space) && labelled)) return undefined;
  return {
    code: 'FSM3005',
    object: { kind: 'Pod', namespace, name },
    path: '/metadata',
    what: 'the pod takes no part in the mesh, and has a sidecar',
    why: `${reasonOf(space)}; its sidecar refuses everything, and nobody of the mesh lets it in`,
    fix: isMember(space)
      ? 'start the pod anew'
      : `label namespace ${namespace} with flomesh.io/monitored-by=${meshName}, or start the pod anew, without a sidecar`,
  };
}

function reasonOf({ name, mesh, ignored }: NamespaceObject): string {
  if (ignored) return `namespace ${name} is to be ignored`;
  if (mesh === meshName) return 'its label fsm-proxy-uuid is gone';
  return mesh === undefined ? `namespace ${name} is in no mesh` : `namespace ${name} is in mesh ${mesh}`;
}
