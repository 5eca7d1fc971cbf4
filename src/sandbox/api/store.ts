/**
 * The rules of the API on top of the log: what create, update and delete mean. HTTP handlers, controllers and the
 * kubelet all go through here; failures are thrown as `ApiFailure`.
 */
import { type Catalog, createCatalog } from './catalog.ts';
import { type Change, type ChangeLog, createLog } from './log.ts';
import { type KubeObject, keyOf, objectAt } from './objects.ts';
import type { Resource } from './resources.ts';
import { createServiceIps } from './service-ips.ts';
import { type Core, createObject, deleteObject, updateObject } from './store-writes.ts';

/** Changes an object on its way in; called for creates only, before defaults and validation. */
export type Admit = (kind: string, object: KubeObject) => KubeObject;

export interface StoreOptions {
  /** Changes that are remembered for each resource. */
  readonly historySize: number;
  readonly admit?: Admit;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface WriteOptions {
  /** Do everything but store it. */
  readonly dryRun?: boolean;
}

export interface UpdateOptions extends WriteOptions {
  /** Write the status and nothing else. */
  readonly status?: boolean;
}

export interface DeleteOptions extends WriteOptions {
  /** Preconditions: the object must have this uid, this version. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  /** 0 deletes a bound pod at once, as the kubelet does when its processes have ended. */
  readonly gracePeriodSeconds?: number | undefined;
}

/** Ids are `pods` or `deployments.apps`; the namespace is empty for cluster-scoped objects. */
export interface Store {
  readonly catalog: Catalog;
  readonly log: ChangeLog;
  get<T extends KubeObject = KubeObject>(id: string, namespace: string, name: string): T | undefined;
  /** Sorted by key; of one namespace, or of all when it is left out. */
  list<T extends KubeObject = KubeObject>(id: string, namespace?: string): readonly T[];
  create(resource: Resource, object: KubeObject, options?: WriteOptions): KubeObject;
  /** `change` gets a draft and returns what is to be written; equal content writes nothing. */
  update(
    resource: Resource,
    namespace: string,
    name: string,
    change: (draft: KubeObject) => KubeObject,
    options?: UpdateOptions,
  ): KubeObject;
  /** The object as it was deleted, or as it waits for finalizers or for the kubelet. */
  delete(resource: Resource, namespace: string, name: string, options?: DeleteOptions): KubeObject;
  /**
   * Creates an object or replaces all but its status, whatever its kind; namespaced objects without a namespace
   * are in `default`.
   */
  put(object: KubeObject): KubeObject;
  /** Every object there is as ADDED, then what changes; called in later turns, in order. Returns the way to stop. */
  subscribe(id: string, listener: (change: Change) => void): () => void;
}

function coreOf({ historySize, admit = (_kind, object) => object, now = Date.now }: StoreOptions): Core {
  const log = createLog(historySize);
  const addresses = () => [...log.all('services').values()].map(service => String(objectAt(service.spec).clusterIP));
  return { log, catalog: createCatalog(), admit, now, assignIp: createServiceIps(() => new Set(addresses())) };
}

function put(core: Core, given: KubeObject): KubeObject {
  const resource = core.catalog.findKind(given.apiVersion, given.kind);
  if (!resource) throw new Error(`${given.apiVersion} ${given.kind} is not in the sandbox`);
  const namespace = resource.namespaced ? (given.metadata.namespace ?? 'default') : '';
  const object = { ...given, metadata: { ...given.metadata, ...(namespace && { namespace }) } };
  const { name } = object.metadata;
  const exists = core.log.get(resource.id, keyOf(namespace, name)) !== undefined;
  return exists ? updateObject(core, resource, namespace, name, () => object) : createObject(core, resource, object);
}

/** An empty store. Without `admit` objects are taken as they come. */
export function createStore(options: StoreOptions): Store {
  const core = coreOf(options);
  const { log, catalog } = core;
  return {
    catalog,
    log,
    get: <T extends KubeObject>(id: string, namespace: string, name: string) =>
      log.get(id, keyOf(namespace, name)) as T | undefined,
    list<T extends KubeObject>(id: string, namespace?: string) {
      const entries = [...log.all(id)].filter(([, object]) => !namespace || object.metadata.namespace === namespace);
      return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object as T);
    },
    create: (resource, object, given) => createObject(core, resource, object, given),
    update: (resource, namespace, name, change, given) => updateObject(core, resource, namespace, name, change, given),
    delete: (resource, namespace, name, given) => deleteObject(core, resource, namespace, name, given),
    put: object => put(core, object),
    subscribe: (id, listener) => subscribe(log, id, listener),
  };
}

function subscribe(log: ChangeLog, id: string, listener: (change: Change) => void): () => void {
  const revision = log.revision();
  const waiting: Change[] = [...log.all(id).values()].map(object => {
    return { revision, type: 'ADDED', object, previous: undefined };
  });
  let stopped = false;
  let woken = false;
  const drain = () => {
    woken = false;
    for (let change = waiting.shift(); change && !stopped; change = waiting.shift()) listener(change);
  };
  const wake = () => {
    if (!woken) queueMicrotask(drain);
    woken = true;
  };
  const stop = log.onChange(id, change => {
    waiting.push(change);
    wake();
  });
  wake();
  return () => {
    stopped = true;
    stop();
  };
}
