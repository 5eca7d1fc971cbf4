import { filter, type Observable } from 'rxjs';
import type { ClusterAccess } from '../../../src/kube/access.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import type { ResourceInfo } from '../../../src/kube/resource.ts';
import type { WatchEvent, WatchOptions } from '../../../src/kube/watch/types.ts';
import { watchResource } from '../../../src/kube/watch/watch.ts';
import { record } from '../recorder.ts';

/** What a case of the contract works with. */
export interface Lab {
  readonly access: ClusterAccess;
  readonly client: KubeClient;
  /** A fresh namespace, deleted after the test. */
  namespace(): Promise<string>;
  /** Runs when the test is over. */
  cleanUp(work: () => Promise<unknown>): void;
}

export interface ContractCase {
  readonly name: string;
  readonly run: (lab: Lab) => Promise<void>;
}

export const namespaces: ResourceInfo = {
  kind: 'Namespace',
  group: '',
  version: 'v1',
  plural: 'namespaces',
  namespaced: false,
};
export const configMaps: ResourceInfo = {
  kind: 'ConfigMap',
  group: '',
  version: 'v1',
  plural: 'configmaps',
  namespaced: true,
};
export const services: ResourceInfo = {
  kind: 'Service',
  group: '',
  version: 'v1',
  plural: 'services',
  namespaced: true,
};
export const accounts: ResourceInfo = {
  kind: 'ServiceAccount',
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  namespaced: true,
};
export const pods: ResourceInfo = { kind: 'Pod', group: '', version: 'v1', plural: 'pods', namespaced: true };
export const kubeEvents: ResourceInfo = { kind: 'Event', group: '', version: 'v1', plural: 'events', namespaced: true };
export const crds: ResourceInfo = {
  kind: 'CustomResourceDefinition',
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

export function put(lab: Lab, namespace: string, name: string, data: object = {}): Promise<KubeObject> {
  return lab.client.create(configMaps, { metadata: { namespace, name }, data });
}

/** The events of one namespace; a real cluster has others. */
export function watchOf(
  lab: Lab,
  resource: ResourceInfo,
  inside: string,
  options: Partial<WatchOptions> = {},
): Observable<WatchEvent> {
  return watchResource(lab.client, resource, { onProblem: () => undefined, ...options }).pipe(
    filter(event => event.type === 'synced' || ('key' in event && event.key.startsWith(`${inside}/`))),
  );
}

/** A kind of its own for each test, so that they do not wait for one another. */
export function widgetsOf(word: string): ResourceInfo {
  return {
    kind: 'Widget',
    group: `${word}${process.pid}.fsm.test`,
    version: 'v1',
    plural: 'widgets',
    namespaced: true,
  };
}

/** Installs the CRD of a kind and waits until it is served. */
export async function install(lab: Lab, resource: ResourceInfo, subresources?: object): Promise<void> {
  await lab.client.create(crds, crdOf(resource, subresources));
  lab.cleanUp(() => lab.client.delete(crds, { name: `${resource.plural}.${resource.group}` }));
  using told = record(watchResource(lab.client, resource, { onProblem: () => undefined, bounds: { absentMs: 50 } }));
  await told.seen(/^synced \d/);
}

function crdOf({ kind, group, version, plural }: ResourceInfo, subresources: object | undefined): KubeObject {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema, ...(subresources && { subresources }) }],
    },
  };
}
