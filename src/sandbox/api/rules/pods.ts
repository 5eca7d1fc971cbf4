/** Pods and their containers (kubernetes `pkg/apis/core/validation`), as far as people meet it. */
import { draftOf, isObject, type JsonObject, jsonEqual, type KubeObject, objectAt } from '../objects.ts';
import type { Cause } from '../status.ts';
import {
  duplicates,
  forbiddenValue,
  listOf,
  named,
  oneOf,
  portNumber,
  required,
  unknownName,
  wrong,
} from './causes.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

function checkPorts(ports: readonly JsonObject[], path: string): readonly Cause[] {
  const at = (i: number) => `${path}[${i}]`;
  return [
    ...ports.flatMap((port, i) => [
      ...(port.name === undefined ? [] : named('portName', `${at(i)}.name`, port.name)),
      ...(port.containerPort === undefined
        ? [required(`${at(i)}.containerPort`)]
        : portNumber(`${at(i)}.containerPort`, port.containerPort)),
      ...oneOf(`${at(i)}.protocol`, port.protocol, protocols),
    ]),
    ...duplicates(
      ports,
      port => port.name,
      i => `${at(i)}.name`,
    ),
  ];
}

function checkEnv(env: readonly JsonObject[], path: string): readonly Cause[] {
  return env.flatMap((one, i) => {
    const at = `${path}[${i}]`;
    if (!one.name) return [required(`${at}.name`)];
    const both = one.value && one.valueFrom;
    return [
      ...named('variable', `${at}.name`, one.name),
      ...(both ? [wrong(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty')] : []),
    ];
  });
}

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'];

function checkProbe(probe: unknown, path: string): readonly Cause[] {
  if (!isObject(probe)) return [];
  const given = handlers.filter(name => probe[name] !== undefined);
  const counts = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];
  const negative = counts.filter(name => Number(probe[name] ?? 0) < 0);
  const { port } = objectAt(probe.httpGet ?? probe.tcpSocket);
  const field = `${path}.${given[0]}.port`;
  return [
    ...(given.length === 0 ? [{ ...required(path), message: 'Required value: must specify a handler type' }] : []),
    ...given.slice(1).map(name => forbiddenValue(`${path}.${name}`, 'may not specify more than 1 handler type')),
    ...(typeof port === 'string' ? named('portName', field, port) : portNumber(field, port)),
    ...negative.map(name => wrong(`${path}.${name}`, probe[name], 'must be greater than or equal to 0')),
  ];
}

function checkContainer(container: JsonObject, path: string, volumes: ReadonlySet<unknown>): readonly Cause[] {
  const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'];
  return [
    ...(container.name ? named('label', `${path}.name`, container.name) : [required(`${path}.name`)]),
    ...(container.image ? [] : [required(`${path}.image`)]),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...checkPorts(listOf(container.ports), `${path}.ports`),
    ...checkEnv(listOf(container.env), `${path}.env`),
    ...probes.flatMap(name => checkProbe(container[name], `${path}.${name}`)),
    ...listOf(container.volumeMounts).flatMap((mount, i) =>
      volumes.has(mount.name) ? [] : [unknownName(`${path}.volumeMounts[${i}].name`, mount.name)],
    ),
  ];
}

/** The spec of a pod, or of the template of one. */
export function checkPodSpec(given: unknown, path: string): readonly Cause[] {
  const spec = objectAt(given);
  const lists = { containers: listOf(spec.containers), initContainers: listOf(spec.initContainers) };
  const all = [...lists.containers, ...lists.initContainers];
  const volumes = listOf(spec.volumes);
  const names = new Set(volumes.map(({ name }) => name));
  const fieldOf = (i: number) => {
    const inits = i - lists.containers.length;
    return inits < 0 ? `${path}.containers[${i}].name` : `${path}.initContainers[${inits}].name`;
  };
  return [
    ...(lists.containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...Object.entries(lists).flatMap(([field, list]) =>
      list.flatMap((container, i) => checkContainer(container, `${path}.${field}[${i}]`, names)),
    ),
    ...duplicates(all, ({ name }) => name, fieldOf),
    ...duplicates(
      volumes,
      ({ name }) => name,
      i => `${path}.volumes[${i}].name`,
    ),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']),
    ...(spec.serviceAccountName ? named('subdomain', `${path}.serviceAccountName`, spec.serviceAccountName) : []),
    ...(Number(spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [
          wrong(
            `${path}.terminationGracePeriodSeconds`,
            spec.terminationGracePeriodSeconds,
            'must be greater than or equal to 0',
          ),
        ]
      : []),
  ];
}

/** What of a pod may change once it is there. */
function withoutMutable(given: unknown, bound: unknown): JsonObject {
  const {
    activeDeadlineSeconds: _,
    terminationGracePeriodSeconds: __,
    tolerations: ___,
    ...spec
  } = draftOf(objectAt(given));
  for (const field of ['containers', 'initContainers'])
    for (const container of listOf(spec[field]))
      for (const free of ['image', 'imagePullPolicy']) delete container[free];
  // The kubelet of a test may bind a pod; here there is nobody else who could.
  return { ...spec, nodeName: spec.nodeName ?? bound };
}

/** A pod by itself: what it is, and that it stays so. */
export function checkPod(pod: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const causes = checkPodSpec(pod.spec, 'spec');
  if (old === undefined) return causes;
  const bound = objectAt(pod.spec).nodeName;
  if (jsonEqual(withoutMutable(pod.spec, bound), withoutMutable(old.spec, bound))) return causes;
  const free =
    '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`';
  return [...causes, forbiddenValue('spec', `pod updates may not change fields other than ${free}`)];
}
