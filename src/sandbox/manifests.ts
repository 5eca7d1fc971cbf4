/** What a sandbox is filled with when it starts. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { packageFile } from '../api/package.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from './api/objects.ts';
import type { Store } from './api/store.ts';

/** The one who applies, for the sandbox and for the command line, so that either can take back what the other wrote. */
export const fieldManager = 'fsm';

/** The demo's manifests, for people to edit and apply again. */
export const demoFolder = packageFile('src/sandbox/demo/manifests');

const crdFolder = packageFile('charts/fsm/crds');

/** Objects of every YAML file of a directory, in the order of the names. */
export async function readManifests(dir: string): Promise<readonly KubeObject[]> {
  const names = (await readdir(dir)).filter(name => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map(name => readFile(join(dir, name), 'utf8')));
  return texts.flatMap(text => parseAllDocuments(text).map(document => document.toJS() as KubeObject));
}

/** Makes the kinds of the mesh known. */
export async function installCrds(store: Store): Promise<void> {
  for (const crd of await readManifests(crdFolder)) store.put(crd);
}

/** Applies the demo through the API, as a person would. */
export async function applyDemo(client: KubeClient, { catalog }: Store): Promise<void> {
  for (const object of await readManifests(demoFolder)) {
    const resource = catalog.findKind(object.apiVersion, object.kind);
    if (resource === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not in the sandbox`);
    const { namespace, name } = object.metadata;
    await client.patch(resource, { namespace, name }, 'apply', object, { fieldManager, force: true });
  }
}
