/**
 * What the real API server fills in when a built-in object is written, as far as controllers and kubectl look at it
 * (kubernetes `pkg/apis/<group>/v1/defaults.go`). Every function changes its argument, a draft.
 */
import { isObject, type JsonObject, type KubeObject, objectAt } from './objects.ts';

const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

function defaultContainer(container: JsonObject) {
  for (const port of list(container.ports)) port.protocol ??= 'TCP';
  const latest = !/:[^/]+$/.test(String(container.image ?? '')) || String(container.image).endsWith(':latest');
  container.imagePullPolicy ??= latest ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.resources ??= {};
}

function defaultPodSpec(spec: JsonObject) {
  for (const field of ['containers', 'initContainers']) for (const one of list(spec[field])) defaultContainer(one);
  spec.restartPolicy ??= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.securityContext ??= {};
  spec.schedulerName ??= 'default-scheduler';
}

function defaultPod(pod: KubeObject) {
  const spec = objectAt(pod.spec);
  defaultPodSpec(spec);
  const account = spec.serviceAccountName ?? spec.serviceAccount ?? 'default';
  Object.assign(spec, { serviceAccountName: account, serviceAccount: account });
  pod.status ??= {};
  objectAt(pod.status).phase ??= 'Pending';
  objectAt(pod.status).qosClass ??= 'BestEffort';
}

function defaultDeployment(deployment: KubeObject) {
  const spec = objectAt(deployment.spec);
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.strategy ??= { type: 'RollingUpdate' };
  const strategy = objectAt(spec.strategy);
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') strategy.rollingUpdate ??= { maxSurge: '25%', maxUnavailable: '25%' };
  const template = objectAt(spec.template);
  if (isObject(template.spec)) defaultPodSpec(template.spec);
  deployment.status ??= {};
}

function defaultService(service: KubeObject, assignIp: () => string | undefined) {
  const spec = objectAt(service.spec);
  spec.type ??= 'ClusterIP';
  spec.sessionAffinity ??= 'None';
  for (const port of list(spec.ports)) {
    port.protocol ??= 'TCP';
    port.targetPort ??= port.port;
  }
  service.status ??= { loadBalancer: {} };
  if (spec.type === 'ExternalName') return;
  spec.internalTrafficPolicy ??= 'Cluster';
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  spec.clusterIP ??= assignIp();
  spec.clusterIPs ??= [spec.clusterIP];
}

function defaultNamespace(namespace: KubeObject) {
  namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name };
  namespace.status ??= {};
  objectAt(namespace.status).phase ??= 'Active';
}

function defaultSecret(secret: KubeObject) {
  secret.type ??= 'Opaque';
  const { stringData } = secret;
  if (!isObject(stringData)) return;
  const data = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  secret.data = { ...objectAt(secret.data), ...Object.fromEntries(data) };
  delete secret.stringData;
}

function defaultEndpointSlice(slice: KubeObject) {
  for (const port of list(slice.ports)) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
}

/** Fills in an object of a built-in kind; `assignIp` gives a Service its ClusterIP. */
export function defaultBuiltin(object: KubeObject, assignIp: () => string | undefined): void {
  const kinds: Record<string, (object: KubeObject) => void> = {
    Pod: defaultPod,
    Deployment: defaultDeployment,
    Service: service => defaultService(service, assignIp),
    Namespace: defaultNamespace,
    Secret: defaultSecret,
    EndpointSlice: defaultEndpointSlice,
  };
  kinds[object.kind]?.(object);
}
