/** What happens to pods on their way in: a node, and in enrolled namespaces a sidecar (the injection webhook's part). */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../api/objects.ts';
import { forbidden } from '../api/status.ts';
import type { Admit } from '../api/store.ts';
import type { Pod, PodSpec } from '../controllers/types.ts';

/** The one node. */
export const nodeName = 'sandbox';

/** Label that injection sets: the pod has a sidecar. */
export const proxyLabel = 'fsm-proxy-uuid';

/** Name of the injected container. */
export const sidecarName = 'sidecar';

const meshLabel = 'flomesh.io/monitored-by';
const meshName = 'fsm';
const ignoreLabel = 'flomesh.io/ignore';
const injection = 'flomesh.io/sidecar-injection';

/** An object that is there, by resource id; the namespace is empty for kinds of the whole cluster. */
export type Lookup = (id: string, namespace: string, name: string) => KubeObject | undefined;

/** Admits pods; other objects pass as they are. @throws ApiFailure 403 for a pod whose ServiceAccount is missing */
export function createAdmission(lookup: Lookup, engine: string): Admit {
  return (kind, object) => {
    if (kind !== 'Pod') return object;
    const pod = object as Pod;
    const { namespace = '' } = pod.metadata;
    checkAccount(lookup, pod, namespace);
    const injected = wantsSidecar(lookup('namespaces', '', namespace), pod) ? inject(pod, engine) : pod;
    return { ...injected, spec: { ...injected.spec, nodeName: injected.spec.nodeName ?? nodeName } };
  };
}

/** The words of the ServiceAccount admission plugin of a real API server. */
function checkAccount(lookup: Lookup, { metadata, spec }: Pod, namespace: string): void {
  const account = spec.serviceAccountName ?? 'default';
  if (lookup('serviceaccounts', namespace, account) !== undefined) return;
  const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
  throw forbidden(`pods "${metadata.name}" is forbidden: ${why}`, { group: '', kind: 'pods', name: metadata.name });
}

/** The pod's annotation goes before the namespace's; a namespace that is not enrolled has no sidecars at all. */
export function wantsSidecar(namespace: KubeObject | undefined, pod: Pod): boolean {
  const labels = namespace?.metadata.labels ?? {};
  if (labels[meshLabel] !== meshName || labels[ignoreLabel] === 'true') return false;
  return switchOf(pod) ?? switchOf(namespace) ?? false;
}

function switchOf(object: KubeObject | undefined): boolean | undefined {
  const value = object?.metadata.annotations?.[injection]?.toLowerCase();
  if (value === undefined) return undefined;
  if (['enabled', 'yes', 'true'].includes(value)) return true;
  return ['disabled', 'no', 'false'].includes(value) ? false : undefined;
}

function inject(pod: Pod, engine: string): Pod {
  const sidecar = { name: sidecarName, image: `fsm-sidecar:${engine}` };
  const spec: PodSpec = { ...pod.spec, containers: [...pod.spec.containers, sidecar] };
  const labels = { ...pod.metadata.labels, [proxyLabel]: randomUUID() };
  return { ...pod, metadata: { ...pod.metadata, labels }, spec };
}

/** Whether a pod was given a sidecar. */
export function isMeshed(pod: Pod): boolean {
  return pod.metadata.labels?.[proxyLabel] !== undefined;
}
