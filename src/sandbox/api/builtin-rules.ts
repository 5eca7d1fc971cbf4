/** What the sandbox refuses in built-in objects: the mistakes that a person would otherwise search for elsewhere. */
import { isObject, jsonEqual, type KubeObject, objectAt } from './objects.ts';
import type { Resource } from './resources.ts';
import type { Cause } from './status.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const required = (field: string): Cause => ({ reason: 'FieldValueRequired', message: 'Required value', field });
const wrong = (field: string, value: unknown, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  field,
});

/** Names are DNS subdomains (RFC 1123), those of Namespaces and Services labels. */
export function checkName(object: KubeObject): readonly Cause[] {
  const { name } = object.metadata;
  const strict = object.kind === 'Namespace' || object.kind === 'Service';
  const fits = strict ? name.length <= 63 && dnsLabel.test(name) : name.length <= 253 && subdomain.test(name);
  const why = strict ? 'must be a lowercase RFC 1123 label' : 'must be a lowercase RFC 1123 subdomain';
  return fits ? [] : [wrong('metadata.name', name, why)];
}

function checkContainers(spec: unknown, path: string): readonly Cause[] {
  const { containers } = objectAt(spec);
  if (!Array.isArray(containers) || containers.length === 0) return [required(`${path}.containers`)];
  return containers.flatMap((container, i) =>
    objectAt(container).name ? [] : [required(`${path}.containers[${i}].name`)],
  );
}

function checkDeployment(deployment: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const spec = objectAt(deployment.spec);
  const template = objectAt(spec.template);
  const selector = objectAt(objectAt(spec.selector).matchLabels);
  const labels = objectAt(objectAt(template.metadata).labels);
  const causes = [...checkContainers(template.spec, 'spec.template.spec')];
  if (!isObject(spec.selector)) causes.push(required('spec.selector'));
  if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    causes.push(wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  if (old && !jsonEqual(objectAt(old.spec).selector, spec.selector)) {
    causes.push(wrong('spec.selector', spec.selector, 'field is immutable'));
  }
  return causes;
}

function checkService(service: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const spec = objectAt(service.spec);
  const ports = Array.isArray(spec.ports) ? spec.ports.map(objectAt) : [];
  const causes: Cause[] = [];
  if (ports.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
    causes.push(required('spec.ports'));
  ports.forEach((port, i) => {
    const valid = Number.isInteger(port.port) && Number(port.port) > 0 && Number(port.port) < 65536;
    if (!valid) causes.push(wrong(`spec.ports[${i}].port`, port.port, 'must be between 1 and 65535, inclusive'));
    if (ports.length > 1 && !port.name) causes.push(required(`spec.ports[${i}].name`));
  });
  const before = objectAt(old?.spec).clusterIP;
  if (before && spec.clusterIP !== before) causes.push(wrong('spec.clusterIP', spec.clusterIP, 'field is immutable'));
  return causes;
}

/** What is wrong with an object of a built-in kind, with its name left to `checkName`. `old` is what it replaces. */
export function checkBuiltin(resource: Resource, object: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  if (resource.id === 'pods') return checkContainers(object.spec, 'spec');
  if (resource.id === 'deployments.apps') return checkDeployment(object, old);
  if (resource.id === 'services') return checkService(object, old);
  return [];
}
