/** Why a proxy knows no way to a service: what in the state of the mesh keeps it from being told one. */
import { serviceKey } from '../../engine/derive/names.ts';
import { permissive } from '../../engine/derive/rules/mesh.ts';
import { accounts } from '../../engine/derive/rules/service.ts';
import type { ServiceObject } from '../../engine/model.ts';
import { splitKey } from '../../engine/snapshot.ts';
import { type Cause, originOf, whyNoTarget, whyOutside } from './cause.ts';
import type { Derived } from './derived.ts';
import { whyNobody } from './members.ts';

/** Why a pod has no configuration, and so no part in the mesh; undefined when it has. */
export function whyNotMeshed(state: Derived, podKey: string): Cause | undefined {
  const { namespace } = splitKey(podKey);
  const outside = whyOutside(state, namespace);
  if (outside !== undefined) return outside;
  if (state.object('Pod', podKey)?.proxy !== undefined) return undefined;
  return {
    reason: 'not-meshed',
    detail: `${podKey} has no sidecar: it was made before its namespace was enrolled, or injection left it out`,
    origins: [originOf('Pod', podKey, 'has no sidecar')],
    fix: `make the pod again, with a sidecar`,
  };
}

/** Why a client's proxy does not know a service (empty: there is none of that name); undefined when it does not follow from this state. */
export function whyUnknown(state: Derived, podKey: string, service: string): Cause | undefined {
  if (service === '') return noSuchService;
  const object = state.object('Service', service);
  if (object === undefined) return undefined;
  const outside = whyOutside(state, object.namespace);
  if (outside !== undefined || state.value(permissive, '')) return outside;
  const served = [service, ...backendsOf(state, service)];
  const identities = [...new Set(served.flatMap(key => state.value(accounts, key)))].sort();
  if (identities.length === 0) return whyNobody(state, served);
  return whyNoTarget(state, podKey, service, identities);
}

const noSuchService: Cause = {
  reason: 'no-such-service',
  detail: 'no Service of the cluster has this name or address, and no pod of one',
  origins: [],
  fix: 'look at "fsm get services -A"; for a destination beyond the mesh set enableEgress of the MeshConfig to true',
};

/** Services that the splits of an apex name. */
function backendsOf(state: Derived, apex: string): string[] {
  const splits = state.objects('TrafficSplit', split => serviceKey(split.service, split.namespace) === apex);
  return splits.flatMap(split => split.backends.map(backend => serviceKey(backend.service, split.namespace)));
}

/** What may be done about a port that a service does not have, or has to be asked for. */
export function portFix({ ports }: ServiceObject): string {
  const tcp = ports
    .filter(({ protocol }) => protocol === 'TCP')
    .map(({ port, name }) => `${port}${name ? ` (${name})` : ''}`);
  return tcp.length === 0 ? 'give the service a TCP port' : `name one of its ports with --port: ${tcp.join(', ')}`;
}
