/**
 * The types of fields that people get wrong: a number without quotes where Kubernetes wants a text (`value: 8080`). The
 * real server cannot even read such an object, so it answers 400 and not 422.
 */
import type { JsonObject, KubeObject } from '../objects.ts';
import { validate } from '../schema.ts';
import { badRequest } from '../status.ts';

const text: JsonObject = { type: 'string', nullable: true };
const whole: JsonObject = { type: 'integer', nullable: true };
const either: JsonObject = { 'x-kubernetes-int-or-string': true, nullable: true };
const texts: JsonObject = { type: 'object', nullable: true, additionalProperties: text };
const list = (items: JsonObject): JsonObject => ({ type: 'array', nullable: true, items });
const fields = (properties: JsonObject): JsonObject => ({ type: 'object', nullable: true, properties });

const handler = fields({ path: text, port: either });
const probe = fields({ httpGet: handler, tcpSocket: handler, periodSeconds: whole, timeoutSeconds: whole });

const container = fields({
  name: text,
  image: text,
  workingDir: text,
  command: list(text),
  args: list(text),
  env: list(fields({ name: text, value: text })),
  ports: list(fields({ name: text, containerPort: whole, protocol: text })),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
});

const podSpec = fields({
  containers: list(container),
  initContainers: list(container),
  serviceAccountName: text,
  nodeName: text,
  restartPolicy: text,
  terminationGracePeriodSeconds: whole,
});

const metadata = fields({ labels: texts, annotations: texts });

const spec: Readonly<Record<string, JsonObject>> = {
  Pod: podSpec,
  Deployment: fields({
    replicas: whole,
    selector: fields({ matchLabels: texts }),
    template: fields({ metadata, spec: podSpec }),
    strategy: fields({ type: text, rollingUpdate: fields({ maxSurge: either, maxUnavailable: either }) }),
  }),
  Service: fields({
    type: text,
    clusterIP: text,
    externalName: text,
    selector: texts,
    ports: list(fields({ name: text, port: whole, targetPort: either, protocol: text, appProtocol: text })),
  }),
};

/** RFC 4648 with padding, as Go decodes it; line breaks do not count. */
const base64: JsonObject = {
  ...text,
  pattern: '^([A-Za-z0-9+/]{4}|\\n)*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\\n*$',
};
const bytes: JsonObject = { ...texts, additionalProperties: base64 };

const schemas: Readonly<Record<string, JsonObject>> = {
  ...Object.fromEntries(Object.entries(spec).map(([kind, own]) => [kind, fields({ spec: own })])),
  ConfigMap: fields({ data: texts, binaryData: bytes }),
  Secret: fields({ type: text, data: bytes, stringData: texts }),
};

/** @throws ApiFailure 400 that names the first field of a wrong type */
export function checkTypes(object: KubeObject): void {
  const schema = schemas[object.kind];
  const [cause] = schema === undefined ? [] : validate(object, schema);
  if (cause === undefined) return;
  const { kind, apiVersion } = object;
  const version = apiVersion.split('/').at(-1);
  throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${cause.field}: ${cause.message}`);
}
