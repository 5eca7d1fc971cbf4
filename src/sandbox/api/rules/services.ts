/** Services (kubernetes `pkg/apis/core/validation`, ValidateService), as far as people meet it. */
import { isIP } from 'node:net';
import type { JsonObject, KubeObject } from '../objects.ts';
import { objectAt } from '../objects.ts';
import type { Cause } from '../status.ts';
import { duplicates, listOf, named, oneOf, portNumber, qualifiedName, required, wrong } from './causes.ts';
import { checkLabels } from './metadata.ts';

function checkTarget(field: string, target: unknown): readonly Cause[] {
  return typeof target === 'string' ? named('portName', field, target) : portNumber(field, target);
}

function checkPort(port: JsonObject, at: string, several: boolean): readonly Cause[] {
  return [
    ...(port.name ? named('label', `${at}.name`, port.name) : several ? [required(`${at}.name`)] : []),
    ...(port.port === undefined ? [required(`${at}.port`)] : portNumber(`${at}.port`, port.port)),
    ...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
    ...checkTarget(`${at}.targetPort`, port.targetPort),
    ...(typeof port.appProtocol === 'string' ? qualifiedName(`${at}.appProtocol`, port.appProtocol) : []),
  ];
}

/** Each port has a number and a protocol of its own, and a name of its own where there are several. */
function checkPorts(ports: readonly JsonObject[]): readonly Cause[] {
  const at = (i: number) => `spec.ports[${i}]`;
  return [
    ...ports.flatMap((port, i) => checkPort(port, at(i), ports.length > 1)),
    ...duplicates(
      ports,
      ({ name }) => name,
      i => `${at(i)}.name`,
    ),
    ...duplicates(ports, ({ port, protocol = 'TCP' }) => ({ port, protocol }), at),
  ];
}

function checkClusterIp(ip: unknown, before: unknown): readonly Cause[] {
  const field = 'spec.clusterIP';
  if (before && ip !== before) return [wrong(field, ip, 'field is immutable')];
  if (ip === undefined || ip === '' || ip === 'None' || isIP(String(ip)) !== 0) return [];
  return [wrong(field, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

/** A Service; `old` is what it replaces. */
export function checkService(service: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const spec = objectAt(service.spec);
  const ports = listOf(spec.ports);
  const external = spec.type === 'ExternalName';
  const needsPorts = !external && spec.clusterIP !== 'None';
  return [
    ...oneOf('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
    ...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']),
    ...(needsPorts && ports.length === 0 ? [required('spec.ports')] : []),
    ...(external && !spec.externalName ? [required('spec.externalName')] : []),
    ...(external && spec.externalName ? named('subdomain', 'spec.externalName', spec.externalName) : []),
    ...checkPorts(ports),
    ...checkLabels(spec.selector, 'spec.selector'),
    ...checkClusterIp(spec.clusterIP, objectAt(old?.spec).clusterIP),
  ];
}
