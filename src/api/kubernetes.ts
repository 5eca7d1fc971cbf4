/**
 * Built-in kinds of Kubernetes: only the fields that the mesh reads. The API server has validated the rest; a field
 * that is not here can change without any proxy hearing of it.
 */
import Type, { type Static } from 'typebox';
import { dictionary, flag, list, metadata, nullable, object, optional, port, reads, text } from './schema.ts';

/** core/v1 Namespace, cluster-scoped. */
export const Namespace = object('A namespace, enrolled in a mesh by its label.', {
  metadata: metadata({
    labels: nullable(
      dictionary(
        '`flomesh.io/monitored-by=<mesh>` enrols the namespace, `flomesh.io/ignore=true` keeps it out; the same keys under `openservicemesh.io/` mean the same.',
        reads,
      ),
    ),
  }),
});
export type Namespace = Static<typeof Namespace>;

/** core/v1 Pod. */
export const Pod = object('A pod. It is part of the mesh when it has a sidecar.', {
  metadata: metadata({
    uid: optional(text('Tells two pods of one name apart; workload certificates carry it.', reads)),
    labels: nullable(
      dictionary(
        'What Services select by. `fsm-proxy-uuid` (or `osm-proxy-uuid`) says that there is a sidecar.',
        reads,
      ),
    ),
    deletionTimestamp: nullable(text('Set once deletion has begun.', reads)),
  }),
  spec: nullable(
    object('How the pod runs.', {
      serviceAccountName: nullable(text('The identity of the workload; `default` when absent.', reads)),
    }),
  ),
  status: nullable(
    object('How the pod is.', {
      podIP: nullable(text('Address of the pod.', reads)),
      phase: nullable(text('The address of a pod that `Succeeded` or `Failed` is no longer its own.', reads)),
    }),
  ),
});
export type Pod = Static<typeof Pod>;

const intOrText = (description: string) =>
  Type.Unsafe<number | string>({ type: ['integer', 'string'], description, ...reads });

/** core/v1 Service. */
export const Service = object('A service: the name that clients call.', {
  metadata: metadata({}),
  spec: nullable(
    object('What the service stands for.', {
      clusterIP: nullable(text('Virtual address, or `None` for a headless service.', reads)),
      clusterIPs: nullable(list('Virtual addresses, one for each IP family.', text('An address.'), reads)),
      selector: nullable(dictionary('Labels of the pods that serve it.', reads)),
      ports: nullable(
        list(
          'Ports of the service.',
          object('A port.', {
            name: nullable(text('Name; tells ports apart when there are several.', reads)),
            port: port('Port that clients call.', reads),
            targetPort: nullable(intOrText('Port of the pod, by number or by name; `port` when absent.')),
            protocol: nullable(text('TCP, UDP or SCTP; TCP when absent.', reads)),
            appProtocol: nullable(text('What is spoken there: http, http2, grpc, tcp, https and more.', reads)),
          }),
        ),
      ),
    }),
  ),
});
export type Service = Static<typeof Service>;

/** discovery.k8s.io/v1 EndpointSlice. */
export const EndpointSlice = object('Addresses behind a service.', {
  metadata: metadata({
    labels: nullable(dictionary('`kubernetes.io/service-name` names the service.', reads)),
  }),
  addressType: optional(text('IPv4, IPv6 or FQDN.', reads)),
  ports: nullable(
    list(
      'Ports that every endpoint of the slice serves.',
      object('A port.', {
        name: nullable(text('Name of the service port.', reads)),
        port: nullable(port('Port of the pods; a port without number is left out.', reads)),
        protocol: nullable(text('TCP, UDP or SCTP; TCP when absent.', reads)),
      }),
    ),
  ),
  endpoints: nullable(
    list(
      'Endpoints.',
      object('An endpoint.', {
        addresses: nullable(
          list('Addresses of one endpoint; they stand for the same thing.', text('An address.'), reads),
        ),
        conditions: nullable(
          object('State of the endpoint.', {
            ready: nullable(flag('Whether it serves; absent counts as ready.', reads)),
          }),
        ),
        hostname: nullable(
          text('First label of the name that the pod has below a headless service (`db-0` of a StatefulSet).', reads),
        ),
        targetRef: nullable(
          object('The object behind the address.', {
            kind: nullable(text('Only `Pod` is followed.', reads)),
            name: nullable(text('Name of the pod.', reads)),
          }),
        ),
      }),
    ),
  ),
});
export type EndpointSlice = Static<typeof EndpointSlice>;

/** core/v1 ServiceAccount. */
export const ServiceAccount = object('The identity of workloads. Only its name is read.', { metadata: metadata({}) });
export type ServiceAccount = Static<typeof ServiceAccount>;
