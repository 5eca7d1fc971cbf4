/** Any object of the Kubernetes API, as far as this room looks into it. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** ObjectMeta (apimachinery meta/v1), the fields that this room reads. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly [field: string]: unknown;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object as the server keeps it. */
export type StoredObject = KubeObject & { readonly metadata: { readonly resourceVersion: string } };

/** Whether a value has what every stored object has: a name and a resourceVersion. */
export function isStoredObject(value: unknown): value is StoredObject {
  if (!isRecord(value) || !isRecord(value.metadata)) return false;
  const { name, namespace, resourceVersion } = value.metadata;
  return isText(name) && isText(resourceVersion) && (namespace === undefined || isText(namespace));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** `namespace/name`, or `name` for an object of the whole cluster. */
export function keyOfObject(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
