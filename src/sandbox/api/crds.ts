/** CustomResourceDefinitions: from the object that people apply to the resources that are served. */
import { type JsonObject, type KubeObject, objectAt, timestamp } from './objects.ts';
import type { Column, Resource } from './resources.ts';
import type { Cause } from './status.ts';

const text = (value: unknown) => (typeof value === 'string' ? value : '');
const texts = (value: unknown) => (Array.isArray(value) ? value.filter(item => typeof item === 'string') : []);
const versionsOf = (crd: KubeObject) => {
  const { versions } = objectAt(crd.spec);
  return Array.isArray(versions) ? versions.map(objectAt) : [];
};

/** What is wrong with a definition: only what would keep it from being served. */
export function validateDefinition(crd: KubeObject): readonly Cause[] {
  const spec = objectAt(crd.spec);
  const names = objectAt(spec.names);
  const causes: Cause[] = [];
  const need = (field: string, value: unknown) => {
    if (!value) causes.push({ reason: 'FieldValueRequired', message: 'Required value', field });
  };
  need('spec.group', spec.group);
  need('spec.scope', spec.scope);
  need('spec.names.plural', names.plural);
  need('spec.names.kind', names.kind);
  need('spec.versions', versionsOf(crd).length > 0);
  if (crd.metadata.name !== `${text(names.plural)}.${text(spec.group)}`) {
    const message = `Invalid value: "${crd.metadata.name}": must be spec.names.plural+"."+spec.group`;
    causes.push({ reason: 'FieldValueInvalid', message, field: 'metadata.name' });
  }
  if (versionsOf(crd).filter(version => version.storage === true).length !== 1) {
    const message = 'Invalid value: must have exactly one version marked as storage version';
    causes.push({ reason: 'FieldValueInvalid', message, field: 'spec.versions' });
  }
  return causes;
}

/** The version in which objects are stored. */
export function storageVersion(crd: KubeObject): string {
  return text(versionsOf(crd).find(version => version.storage === true)?.name);
}

/** Accepts names and storage version in the definition's status, in place: there is nobody to wait for. */
export function establish(crd: KubeObject, nowMs: number): void {
  const names = objectAt(objectAt(crd.spec).names);
  names.singular ??= text(names.kind).toLowerCase();
  names.listKind ??= `${text(names.kind)}List`;
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: timestamp(nowMs),
  });
  const old = objectAt(crd.status);
  crd.status = {
    conditions: old.conditions ?? [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: names,
    storedVersions: [...new Set([...texts(old.storedVersions), storageVersion(crd)])],
  };
}

function columnsOf(version: JsonObject): readonly Column[] | undefined {
  const columns = version.additionalPrinterColumns;
  if (!Array.isArray(columns)) return undefined;
  return columns.map(objectAt).map(column => ({
    name: text(column.name),
    type: text(column.type),
    jsonPath: text(column.jsonPath),
    ...(typeof column.format === 'string' && { format: column.format }),
    ...(typeof column.description === 'string' && { description: column.description }),
    ...(typeof column.priority === 'number' && { priority: column.priority }),
  }));
}

/** The resources that a definition serves, one for each served version, in its order. */
export function resourcesOf(crd: KubeObject): readonly Resource[] {
  const spec = objectAt(crd.spec);
  const names = objectAt(spec.names);
  return versionsOf(crd)
    .filter(version => version.served !== false)
    .map(version => {
      const subresources = objectAt(version.subresources);
      const columns = columnsOf(version);
      return {
        id: crd.metadata.name,
        group: text(spec.group),
        version: text(version.name),
        kind: text(names.kind),
        plural: text(names.plural),
        singular: text(names.singular),
        shortNames: texts(names.shortNames),
        categories: texts(names.categories),
        namespaced: spec.scope === 'Namespaced',
        status: subresources.status !== undefined,
        scale: false,
        generation: true,
        custom: true,
        schema: objectAt(objectAt(version.schema).openAPIV3Schema),
        ...(columns && { columns }),
      };
    });
}
