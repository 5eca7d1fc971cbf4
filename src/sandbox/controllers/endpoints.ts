/** Service → EndpointSlices: which pods a Service stands for, at which port numbers, and whether they are ready. */
import { createHash } from 'node:crypto';
import { type JsonObject, type KubeObject, keyOf } from '../api/objects.ts';
import {
  builtinResource,
  type ControllerContext,
  inNamespace,
  keyFor,
  queueFor,
  type Start,
  splitKey,
} from './controller.ts';
import { controlledBy, isControlledBy, isReady, type Pod, type Service, selects } from './types.ts';

/** Most endpoints of one slice, as the real controller has it. */
const maxEndpoints = 100;

interface SlicePort extends JsonObject {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** Target ports as numbers; a named one is looked up in the pod, and left out where the pod has no such port. */
function portsFor(service: Service, pod: Pod): readonly SlicePort[] {
  return (service.spec.ports ?? []).flatMap(({ name = '', port, targetPort = port, protocol = 'TCP', appProtocol }) => {
    const declared = pod.spec.containers.flatMap(container => container.ports ?? []);
    const named = declared.find(one => one.name === targetPort && (one.protocol ?? 'TCP') === protocol);
    const number = typeof targetPort === 'number' ? targetPort : named?.containerPort;
    return number === undefined ? [] : [{ name, port: number, protocol, ...(appProtocol && { appProtocol }) }];
  });
}

function endpointOf(service: Service, pod: Pod): JsonObject {
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { name, namespace, uid } = pod.metadata;
  // A pod has a name below the Service that it names as its subdomain, as the pods of a StatefulSet do.
  const hostname = pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
  return {
    addresses: [pod.status?.podIP],
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname && { hostname }),
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

const isReachable = ({ status }: Pod) =>
  Boolean(status?.podIP) && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';

function sliceOf(service: Service, ports: readonly SlicePort[], pods: readonly Pod[], part: number): KubeObject {
  const { name, namespace } = service.metadata;
  const suffix = createHash('sha256')
    .update(JSON.stringify([ports, part]))
    .digest('hex')
    .slice(0, 5);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${suffix}`,
      ...(namespace && { namespace }),
      labels: {
        ...service.metadata.labels,
        'kubernetes.io/service-name': name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        ...(service.spec.clusterIP === 'None' && { 'service.kubernetes.io/headless': '' }),
      },
      ownerReferences: [controlledBy(service)],
    },
    addressType: 'IPv4',
    endpoints: pods.map(pod => endpointOf(service, pod)),
    ports,
  };
}

/** The slices of a Service: one for each set of port numbers, split at 100 endpoints; an empty one when there is none. */
export function slicesOf(service: Service, pods: readonly Pod[]): readonly KubeObject[] {
  const chosen = pods.filter(pod => selects(service.spec.selector, pod.metadata.labels) && isReachable(pod));
  chosen.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const groups = Map.groupBy(chosen, pod => JSON.stringify(portsFor(service, pod)));
  if (groups.size === 0) return [sliceOf(service, [], [], 0)];
  return [...groups].flatMap(([ports, members]) => {
    const parts = Array.from({ length: Math.ceil(members.length / maxEndpoints) }, (_, part) => part);
    return parts.map(part => {
      const slice = members.slice(part * maxEndpoints, (part + 1) * maxEndpoints);
      return sliceOf(service, JSON.parse(ports), slice, part);
    });
  });
}

function reconcile({ store }: ControllerContext, key: string) {
  const { namespace, name } = splitKey(key);
  const service = store.get<Service>('services', namespace, name);
  // Without a selector the slices are somebody else's; of a deleted Service they are the garbage collector's.
  if (!service?.spec.selector || service.spec.type === 'ExternalName') return;
  const resource = builtinResource(store, 'endpointslices.discovery.k8s.io');
  const wanted = slicesOf(service, inNamespace<Pod>(store, 'pods', namespace));
  for (const slice of wanted) {
    if (!store.get(resource.id, namespace, slice.metadata.name)) store.create(resource, slice);
    else
      store.update(resource, namespace, slice.metadata.name, draft => ({
        ...slice,
        metadata: { ...draft.metadata, ...slice.metadata },
      }));
  }
  const names = new Set(wanted.map(slice => slice.metadata.name));
  const own = inNamespace(store, resource.id, namespace).filter(slice => isControlledBy(slice, service));
  for (const { metadata } of own) if (!names.has(metadata.name)) store.delete(resource, namespace, metadata.name);
}

/** Runs until the result is called. */
export const startEndpoints: Start = context => {
  const { store } = context;
  const queue = queueFor(context, 'EndpointSlices of Service', key => reconcile(context, key));
  const touched = (pod: KubeObject | undefined) => {
    const { namespace = '', labels } = pod?.metadata ?? {};
    for (const { spec, metadata } of inNamespace<Service>(store, 'services', namespace)) {
      if (selects(spec.selector, labels)) queue.add(keyOf(namespace, metadata.name));
    }
  };
  const stops = [
    store.subscribe('services', ({ object }) => queue.add(keyFor(object))),
    store.subscribe('pods', ({ object, previous }) => {
      touched(object);
      touched(previous);
    }),
    store.subscribe('endpointslices.discovery.k8s.io', ({ type, object }) => {
      const service = object.metadata.labels?.['kubernetes.io/service-name'];
      if (type === 'DELETED' && service) queue.add(keyOf(object.metadata.namespace, service));
    }),
    queue.stop,
  ];
  return () => stops.forEach(stop => void stop());
};
