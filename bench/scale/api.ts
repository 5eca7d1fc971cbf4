/** The API server of a bench: the sandbox's, in a process of its own, which does to its objects what it is told. */
import type { KubeObject } from '../../src/sandbox/api/objects.ts';
import type { ApiServer } from '../../src/sandbox/api/server.ts';
import { startApi } from '../api-server.ts';
import { basics, pod, podStatus, type Size, serviceObjects } from './mesh.ts';
import { answer, clockMs } from './messages.ts';

/** One write. */
export type Write =
  | { readonly put: KubeObject }
  | { readonly status: object; readonly of: { readonly namespace: string; readonly name: string } }
  | { readonly remove: string; readonly of: { readonly namespace: string; readonly name: string } };

/** What the bench is told about a started server. */
export interface Started {
  readonly port: number;
  /** PEM. */
  readonly ca: string;
}

let server: ApiServer;

async function start({ token }: { readonly token: string }): Promise<Started> {
  // The window of a real one, which keeps changes of some minutes.
  const api = await startApi(token, 100_000);
  server = api.server;
  return { port: server.port, ca: api.ca };
}

/** @returns uid of each pod, service by service */
function load(size: Size): string[] {
  for (const object of basics(size)) server.store.put(object);
  const uids: string[] = [];
  for (let service = 0; service < size.services; service++) {
    for (const object of serviceObjects(service, size)) server.store.put(object);
    for (let index = 0; index < size.podsPerService; index++) uids.push(addPod(service, index));
  }
  return uids;
}

function addPod(service: number, index: number): string {
  const made = server.store.put(pod(service, index));
  setStatus(made.metadata.namespace ?? '', made.metadata.name, podStatus(service, index, 0, 0));
  return made.metadata.uid ?? '';
}

function setStatus(namespace: string, name: string, status: object): void {
  const resource = server.store.catalog.byId('pods');
  if (resource === undefined) throw new Error('no pods');
  server.store.update(resource, namespace, name, draft => ({ ...draft, status }), { status: true });
}

/** @returns when the first of the writes began, and the uid that each object now has */
function write(writes: readonly Write[]): { at: number; uids: string[] } {
  const at = clockMs();
  return { at, uids: writes.map(one) };
}

function one(given: Write): string {
  if ('put' in given) return server.store.put(given.put).metadata.uid ?? '';
  const { namespace, name } = given.of;
  if ('status' in given) setStatus(namespace, name, given.status);
  else {
    const resource = server.store.catalog.byId(given.remove);
    if (resource === undefined) throw new Error(`no ${given.remove}`);
    server.store.delete(resource, namespace, name, { gracePeriodSeconds: 0 });
  }
  return '';
}

answer({ start, load, write });
