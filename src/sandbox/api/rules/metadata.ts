/** What holds for the metadata of every object (apimachinery `api/validation`). */
import { type KubeObject, objectAt } from '../objects.ts';
import type { Cause } from '../status.ts';
import { named, qualifiedName, required, wrong } from './causes.ts';

/** All annotations together, in bytes. */
const annotationsMaxBytes = 256 * 1024;

const nameKinds: Readonly<Record<string, 'label' | 'serviceName'>> = { Namespace: 'label', Service: 'serviceName' };

/** The name of a new object: a DNS subdomain, of Namespaces and Services a label. */
export function checkName({ kind, metadata }: KubeObject): readonly Cause[] {
  return named(nameKinds[kind] ?? 'subdomain', 'metadata.name', metadata.name);
}

/** Labels, wherever an object has them. */
export function checkLabels(labels: unknown, field: string): readonly Cause[] {
  return Object.entries(objectAt(labels)).flatMap(([key, value]) => [
    ...qualifiedName(field, key),
    ...named('labelValue', field, value),
  ]);
}

/** Labels, annotations, finalizers and owners. */
export function checkMetadata({ metadata }: KubeObject): readonly Cause[] {
  const { labels, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  const sizeBytes = Object.entries(annotations).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  return [
    ...checkLabels(labels, 'metadata.labels'),
    ...Object.keys(annotations).flatMap(key => qualifiedName('metadata.annotations', key.toLowerCase())),
    ...(sizeBytes > annotationsMaxBytes
      ? [
          {
            reason: 'FieldValueTooLong' as const,
            message: `Too long: may not be more than ${annotationsMaxBytes} bytes`,
            field: 'metadata.annotations',
          },
        ]
      : []),
    ...finalizers.flatMap((one, i) => qualifiedName(`metadata.finalizers[${i}]`, one)),
    ...ownerReferences.flatMap((owner, i) =>
      (['apiVersion', 'kind', 'name', 'uid'] as const)
        .filter(field => !owner[field])
        .map(field => required(`metadata.ownerReferences[${i}].${field}`)),
    ),
    ...(ownerReferences.filter(({ controller }) => controller).length > 1
      ? [wrong('metadata.ownerReferences', ownerReferences, 'Only one reference can have Controller set to true.')]
      : []),
  ];
}
