/**
 * Which lists of the built-in kinds are maps in disguise: by the field that holds them and the one around it, the
 * fields that tell elements apart (`patchMergeKey` and `+listMapKey` in k8s.io/api). Other lists are replaced whole.
 */

const keys: Readonly<Record<string, readonly string[]>> = {
  'metadata/ownerReferences': ['uid'],
  'spec/containers': ['name'],
  'spec/initContainers': ['name'],
  'spec/ephemeralContainers': ['name'],
  'spec/volumes': ['name'],
  'spec/imagePullSecrets': ['name'],
  'spec/hostAliases': ['ip'],
  'spec/topologySpreadConstraints': ['topologyKey', 'whenUnsatisfiable'],
  'spec/ports': ['port', 'protocol'],
  'containers/ports': ['containerPort', 'protocol'],
  'containers/env': ['name'],
  'containers/volumeMounts': ['mountPath'],
  'containers/volumeDevices': ['devicePath'],
  'status/conditions': ['type'],
  'status/podIPs': ['ip'],
  '/secrets': ['name'],
  '/imagePullSecrets': ['name'],
};

/** Lists of plain values that merge as sets. */
const sets: ReadonlySet<string> = new Set(['metadata/finalizers']);

const sameShape = (holder: string) =>
  holder === 'initContainers' || holder === 'ephemeralContainers' ? 'containers' : holder;

/** Key fields of the list in `field` of `holder` (the field around it, '' for the object itself). */
export function listKeys(holder: string, field: string): readonly string[] | undefined {
  return keys[`${sameShape(holder)}/${field}`];
}

export function isSet(holder: string, field: string): boolean {
  return sets.has(`${holder}/${field}`);
}
