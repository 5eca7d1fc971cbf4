/** The columns of `kubectl get` for the built-in kinds (kubernetes `pkg/printers/internalversion`), in short. */
import { isObject, type JsonObject, type KubeObject, objectAt } from './objects.ts';
import type { Column } from './resources.ts';

/** Cells of one object; `nowMs` is for ages. */
export type Cells = (object: KubeObject, nowMs: number) => readonly unknown[];

export interface Printer {
  readonly columns: readonly Column[];
  readonly cells: Cells;
}

const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
};
const column = (name: string, type = 'string', priority = 0): Column => ({ name, type, priority });

const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const orNone = (text: string) => text || '<none>';
const pairs = (value: unknown) =>
  orNone(
    Object.entries(objectAt(value))
      .map(([key, one]) => `${key}=${one}`)
      .join(','),
  );

/** Age as people write it: the two largest units below a day, days above. */
export function age(since: unknown, nowMs: number): string {
  if (typeof since !== 'string') return '<unknown>';
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

const created: Cells = (object, nowMs) => [age(object.metadata.creationTimestamp, nowMs)];

function printer(
  columns: readonly Column[],
  cells: Cells,
  wide: readonly Column[] = [],
  wideCells: Cells = () => [],
): Printer {
  return {
    columns: [nameColumn, ...columns, column('Age'), ...wide.map(one => ({ ...one, priority: 1 }))],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...cells(object, nowMs),
      ...created(object, nowMs),
      ...wideCells(object, nowMs),
    ],
  };
}

function podStatus(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  const states = list(objectAt(pod.status).containerStatuses).map(one => objectAt(one.state));
  const reasons = states.flatMap(state => [objectAt(state.waiting).reason, objectAt(state.terminated).reason]);
  return String(reasons.find(Boolean) ?? objectAt(pod.status).reason ?? objectAt(pod.status).phase ?? 'Pending');
}

const podCells: Cells = pod => {
  const statuses = list(objectAt(pod.status).containerStatuses);
  const total = list(objectAt(pod.spec).containers).length;
  const restarts = statuses.reduce((sum, one) => sum + Number(one.restartCount ?? 0), 0);
  return [`${statuses.filter(one => one.ready === true).length}/${total}`, podStatus(pod), String(restarts)];
};

const podWide: Cells = pod => [
  orNone(String(objectAt(pod.status).podIP ?? '')),
  orNone(String(objectAt(pod.spec).nodeName ?? '')),
];

const servicePorts = (service: KubeObject) =>
  orNone(
    list(objectAt(service.spec).ports)
      .map(port => `${port.port}/${port.protocol}`)
      .join(','),
  );

const serviceCells: Cells = service => {
  const spec = objectAt(service.spec);
  return [spec.type ?? 'ClusterIP', spec.clusterIP ?? '<none>', spec.externalName ?? '<none>', servicePorts(service)];
};

const deploymentCells: Cells = deployment => {
  const status = objectAt(deployment.status);
  const wanted = objectAt(deployment.spec).replicas ?? 1;
  return [`${status.readyReplicas ?? 0}/${wanted}`, status.updatedReplicas ?? 0, status.availableReplicas ?? 0];
};

const deploymentWide: Cells = deployment => {
  const containers = list(objectAt(objectAt(objectAt(deployment.spec).template).spec).containers);
  const selector = objectAt(objectAt(deployment.spec).selector).matchLabels;
  const join = (field: string) => orNone(containers.map(one => one[field] ?? '').join(','));
  return [join('name'), join('image'), pairs(selector)];
};

const sliceCells: Cells = slice => {
  const ports = list(slice.ports)
    .map(port => port.port)
    .join(',');
  const addresses = list(slice.endpoints).flatMap(one => (Array.isArray(one.addresses) ? one.addresses : []));
  const shown =
    addresses.length > 3 ? `${addresses.slice(0, 3).join(',')} + ${addresses.length - 3} more...` : addresses.join(',');
  return [slice.addressType ?? '', ports || '<unset>', shown || '<unset>'];
};

const size = (value: unknown) => Object.keys(objectAt(value)).length;

const eventColumns: Printer = {
  columns: [
    column('Last Seen'),
    column('Type'),
    column('Reason'),
    column('Object'),
    column('Message'),
    { ...nameColumn, priority: 1 },
  ],
  cells: (event, nowMs) => {
    const about = objectAt(event.involvedObject);
    const seen = event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
    return [
      age(seen, nowMs),
      event.type,
      event.reason,
      `${String(about.kind ?? '').toLowerCase()}/${about.name}`,
      event.message,
      event.metadata.name,
    ];
  },
};

/** Printers by resource id; what is missing prints name and age. */
export const printers: Readonly<Record<string, Printer>> = {
  namespaces: printer([column('Status')], object => [objectAt(object.status).phase ?? '']),
  pods: printer(
    [column('Ready'), column('Status'), column('Restarts')],
    podCells,
    [column('IP'), column('Node')],
    podWide,
  ),
  services: printer(
    [column('Type'), column('Cluster-IP'), column('External-IP'), column('Port(s)')],
    serviceCells,
    [column('Selector')],
    service => [pairs(objectAt(service.spec).selector)],
  ),
  serviceaccounts: printer([column('Secrets', 'integer')], account => [list(account.secrets).length]),
  configmaps: printer([column('Data', 'integer')], map => [size(map.data) + size(map.binaryData)]),
  secrets: printer([column('Type'), column('Data', 'integer')], secret => [secret.type, size(secret.data)]),
  events: eventColumns,
  'deployments.apps': printer(
    [column('Ready'), column('Up-to-date', 'integer'), column('Available', 'integer')],
    deploymentCells,
    [column('Containers'), column('Images'), column('Selector')],
    deploymentWide,
  ),
  'endpointslices.discovery.k8s.io': printer([column('AddressType'), column('Ports'), column('Endpoints')], sliceCells),
  'leases.coordination.k8s.io': printer([column('Holder')], lease => [objectAt(lease.spec).holderIdentity ?? '']),
  'customresourcedefinitions.apiextensions.k8s.io': {
    columns: [nameColumn, { name: 'Created At', type: 'date' }],
    cells: crd => [crd.metadata.name, crd.metadata.creationTimestamp],
  },
};

/** Name and age. */
export const plainPrinter: Printer = printer([], () => []);
