/** What a table shows of an object: the columns of the kinds that the mesh is about; of others name and age. */
import { isRecord, type KubeObject } from '../../kube/object.ts';
import { age } from '../output.ts';

type Row = Readonly<Record<string, string>>;
type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : {});
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
const pairs = (value: unknown): string =>
  Object.entries(fieldsOf(value))
    .map(([key, one]) => `${key}=${one}`)
    .join(',');

interface View {
  readonly row: (spec: Fields, status: Fields, object: KubeObject) => Row;
  readonly wide?: (spec: Fields, status: Fields, object: KubeObject) => Row;
}

const identity = (value: unknown): string => {
  const { namespace, name } = fieldsOf(value);
  return `${text(namespace)}/${text(name)}`;
};

/** What keeps a container from running says more than the phase of its pod. */
function stateOf(status: Fields, containers: readonly Fields[]): string {
  const reasons = containers.map(({ state }) => fieldsOf(fieldsOf(state).waiting).reason);
  return text(reasons.find(Boolean) ?? status.reason ?? status.phase);
}

const views: Readonly<Record<string, View>> = {
  Pod: {
    row: (spec, status, { metadata }) => {
      const states = listOf(status.containerStatuses);
      return {
        READY: `${states.filter(({ ready }) => ready).length}/${listOf(spec.containers).length}`,
        STATUS: metadata.deletionTimestamp ? 'Terminating' : stateOf(status, states),
        RESTARTS: text(states.reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0)),
      };
    },
    wide: (spec, status) => ({ IP: text(status.podIP), NODE: text(spec.nodeName) }),
  },
  Deployment: {
    row: (spec, status) => ({ READY: `${text(status.readyReplicas ?? 0)}/${text(spec.replicas)}` }),
    wide: spec => ({ SELECTOR: pairs(fieldsOf(spec.selector).matchLabels) }),
  },
  Service: {
    row: spec => ({
      'CLUSTER-IP': text(spec.clusterIP),
      PORTS: listOf(spec.ports)
        .map(({ port, protocol }) => `${port}/${protocol}`)
        .join(','),
    }),
    wide: spec => ({ SELECTOR: pairs(spec.selector) }),
  },
  Namespace: {
    row: (_, status, { metadata }) => ({
      STATUS: text(status.phase),
      MESH: text(fieldsOf(metadata.labels)['flomesh.io/monitored-by']),
    }),
  },
  TrafficSplit: {
    row: spec => ({
      SERVICE: text(spec.service),
      BACKENDS: listOf(spec.backends)
        .map(({ service, weight }) => `${service} ${weight}`)
        .join(', '),
    }),
  },
  TrafficTarget: {
    row: (spec, _, object) => ({
      FROM: listOf(spec.sources ?? object.sources)
        .map(identity)
        .join(', '),
      TO: identity(spec.destination ?? object.destination),
    }),
    wide: spec => ({
      RULES: listOf(spec.rules)
        .map(({ name, matches }) => `${name}${Array.isArray(matches) ? `: ${matches.join(', ')}` : ''}`)
        .join('; '),
    }),
  },
  HTTPRouteGroup: {
    row: spec => ({
      MATCHES: listOf(spec.matches)
        .map(({ name }) => text(name))
        .join(', '),
    }),
  },
};

/** Condition `Accepted`, which the mesh writes to its own kinds. */
function accepted(status: Fields): Row {
  const condition = listOf(status.conditions).find(({ type }) => type === 'Accepted');
  return condition === undefined ? {} : { ACCEPTED: text(condition.status) };
}

/** A row of named cells; `wide` adds more. */
export function rowOf(kind: string, object: KubeObject, wide: boolean, nowMs: number): Row {
  const { name, creationTimestamp } = object.metadata;
  const [spec, status] = [fieldsOf(object.spec), fieldsOf(object.status)];
  const view = views[kind];
  return {
    NAME: name,
    ...view?.row(spec, status, object),
    ...accepted(status),
    AGE: age(Date.parse(text(creationTimestamp)), nowMs),
    ...(wide && view?.wide?.(spec, status, object)),
  };
}
