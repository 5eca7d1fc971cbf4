/** What the sandbox refuses in built-in objects: the mistakes that a person would otherwise search for elsewhere. */
import type { KubeObject } from '../objects.ts';
import type { Resource } from '../resources.ts';
import type { Cause } from '../status.ts';
import { oneOf, required } from './causes.ts';
import { checkConfigMap, checkSecret } from './data.ts';
import { checkPod } from './pods.ts';
import { checkService } from './services.ts';
import { checkDeployment } from './workloads.ts';

type Check = (object: KubeObject, old: KubeObject | undefined) => readonly Cause[];

const addressTypes = ['IPv4', 'IPv6', 'FQDN'];

const checkSlice: Check = ({ addressType }) =>
  addressType === undefined ? [required('addressType')] : oneOf('addressType', addressType, addressTypes);

const checks: Readonly<Record<string, Check>> = {
  pods: checkPod,
  services: checkService,
  configmaps: checkConfigMap,
  secrets: checkSecret,
  'deployments.apps': checkDeployment,
  'endpointslices.discovery.k8s.io': checkSlice,
};

/** What is wrong with an object of a built-in kind, but for its metadata. `old` is what it replaces. */
export function checkBuiltin(resource: Resource, object: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  return checks[resource.id]?.(object, old) ?? [];
}
