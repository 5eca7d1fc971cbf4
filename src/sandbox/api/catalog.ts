/** Which resources are served at this moment: the built-in ones and those of the CustomResourceDefinitions. */
import { resourcesOf } from './crds.ts';
import type { KubeObject } from './objects.ts';
import { apiVersionOf, builtins, type Resource } from './resources.ts';

export interface Catalog {
  /** In the order of discovery. */
  all(): readonly Resource[];
  find(group: string, version: string, plural: string): Resource | undefined;
  findKind(apiVersion: string, kind: string): Resource | undefined;
  /** Any served version of a stored resource; of built-ins the only one. */
  byId(id: string): Resource | undefined;
  /** Takes in a definition, or with undefined takes it out. */
  define(name: string, crd: KubeObject | undefined): void;
}

/** A catalog that knows the built-in resources. */
export function createCatalog(): Catalog {
  const custom = new Map<string, readonly Resource[]>();
  let everything: readonly Resource[] = builtins;

  return {
    all: () => everything,
    find: (group, version, plural) =>
      everything.find(one => one.plural === plural && one.group === group && one.version === version),
    findKind: (apiVersion, kind) => everything.find(one => one.kind === kind && apiVersionOf(one) === apiVersion),
    byId: id => everything.find(one => one.id === id),
    define(name, crd) {
      if (crd === undefined) custom.delete(name);
      else custom.set(name, resourcesOf(crd));
      everything = [...builtins, ...[...custom.values()].flat()];
    },
  };
}
