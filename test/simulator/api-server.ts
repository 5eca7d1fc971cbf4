/** The Kubernetes API of the simulated cluster, as a `KubeClient` sees it: late, sometimes refusing, its streams cut at any byte. */
import type { Kind } from '../../src/engine/model.ts';
import type { KubeClient, ListPage, ListQuery, ObjectPath, RequestOptions, WatchQuery } from '../../src/kube/client.ts';
import { refused, unreachable } from '../../src/kube/errors.ts';
import { type KubeObject, keyOfObject, type StoredObject } from '../../src/kube/object.ts';
import type { ResourceInfo } from '../../src/kube/resource.ts';
import type { Raw } from '../engine/kit.ts';
import { Cluster, status } from './cluster.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';
import { WatchStream } from './watch-stream.ts';

/** What is wrong with the API at the moment, for everybody. */
export interface ApiFaults {
  /** No answer to anything. */
  down: boolean;
  /** Share of requests that are refused with 429, 500 or 503. */
  refusing: number;
  /** Milliseconds that events of a kind come later than they could. */
  readonly slowMs: Map<Kind, number>;
  /** Longest way of a request or its answer, milliseconds. */
  longestWayMs: number;
  /** Share of events that are sent twice. */
  repeating: number;
}

/** Longest way of a request or its answer when nothing is wrong, milliseconds. */
export const longestWayMs = 40;

/** The server, and the streams that are open to it. */
export class ApiServer {
  readonly cluster = new Cluster();
  readonly faults: ApiFaults = { down: false, refusing: 0, slowMs: new Map(), longestWayMs, repeating: 0 };
  readonly streams = new Set<WatchStream>();
  readonly time: VirtualTime;
  readonly random: Random;

  constructor(time: VirtualTime, random: Random) {
    this.time = time;
    this.random = random;
    this.cluster.onChange(change => {
      for (const stream of this.streams) if (stream.kind === change.kind) stream.more();
    });
  }

  /** A client of its own for each control plane. */
  clientFor(name: string): KubeClient {
    return new Client(this, name, this.random.fork(name));
  }

  /** Forgets history: streams go on, but a new one from before this place is answered with 410. */
  compact(): void {
    this.cluster.compacted = this.cluster.revision;
  }
}

class Client implements KubeClient {
  readonly server: string;
  readonly #api: ApiServer;
  readonly #random: Random;
  readonly #name: string;
  #life = 0;

  constructor(api: ApiServer, name: string, random: Random) {
    this.#api = api;
    this.#name = name;
    this.#random = random;
    this.server = 'https://simulated';
  }

  async get(resource: ResourceInfo, path: ObjectPath): Promise<KubeObject> {
    return this.#call('get', resource, () => this.#found(resource, path));
  }

  list(resource: ResourceInfo, query: ListQuery = {}, { signal }: RequestOptions = {}): Promise<ListPage> {
    return this.#call('list', resource, () => this.#page(resource, query), signal);
  }

  watch(resource: ResourceInfo, query: WatchQuery, { signal }: RequestOptions = {}) {
    const open = () => {
      const gone = Number(query.resourceVersion) < this.#api.cluster.compacted;
      if (gone && this.#random.chance(0.5)) throw refused({ verb: 'watch', of: resource.plural }, 410, status(410));
      return new WatchStream(this.#api, this.#name, resource.kind as Kind, query, gone);
    };
    return this.#call('watch', resource, open, signal).then(({ body }) => {
      // Cut before the answer was here: then there was none.
      if (!body.destroyed) return body;
      throw unreachable({ verb: 'watch', of: resource.plural }, this.server, new Error('ECONNRESET'));
    });
  }

  patch(resource: ResourceInfo, path: ObjectPath, _type: string, body: unknown): Promise<KubeObject> {
    return this.#call('patch', resource, () => {
      const before = this.#found(resource, path);
      const patch = body as { metadata: { resourceVersion: string }; status: unknown };
      if (patch.metadata.resourceVersion !== before.metadata.resourceVersion)
        throw refused({ verb: 'patch', of: resource.plural }, 409, status(409));
      const { object } = this.#api.cluster.put({ ...before, status: patch.status } as unknown as Raw);
      return object;
    });
  }

  create(): Promise<KubeObject> {
    throw new Error('nobody creates anything: every kind with conditions keeps them in its status');
  }

  replace(): Promise<KubeObject> {
    throw new Error('nobody replaces anything');
  }

  async delete(): Promise<void> {
    throw new Error('nobody deletes anything');
  }

  request(): Promise<unknown> {
    throw new Error('nobody sends other requests');
  }

  /** What is on its way still arrives; nobody hears of what becomes of it. */
  close(): void {
    this.#life++;
    for (const stream of this.#api.streams) if (stream.client === this.#name) stream.body.destroy();
  }

  /** The way there, the work, the way back. What the server did stays done when the answer gets lost. */
  async #call<T>(verb: string, resource: ResourceInfo, work: () => T, signal?: AbortSignal): Promise<T> {
    const subject = { verb, of: resource.plural };
    const life = this.#life;
    const lost = () => unreachable(subject, this.server, new Error('ECONNRESET'));
    const what = `${this.#name} ${verb} ${resource.plural}`;
    await this.#api.time.pass(this.#wayMs(), what);
    if (this.#api.faults.down || signal?.aborted) throw lost();
    if (this.#random.chance(this.#api.faults.refusing)) {
      const code = this.#random.pick([429, 500, 503]);
      throw refused(subject, code, status(code));
    }
    const done = work();
    await this.#api.time.pass(this.#wayMs(), `${what} answered`);
    if (this.#api.faults.down || signal?.aborted || life !== this.#life) throw lost();
    return done;
  }

  #wayMs(): number {
    return this.#random.between(1, this.#api.faults.longestWayMs);
  }

  #found(resource: ResourceInfo, { namespace, name }: ObjectPath): StoredObject {
    const { cluster } = this.#api;
    const system = { metadata: { name: 'kube-system', uid: cluster.uid, resourceVersion: '1' } };
    if (resource.kind === 'Namespace' && name === 'kube-system') return system;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const found = cluster.get(resource.kind as Kind, key);
    if (found === undefined) throw refused({ verb: 'get', of: resource.plural }, 404, status(404));
    return found;
  }

  /** All pages of a list are of one moment, which a compaction makes unknown. */
  #page(resource: ResourceInfo, { limit, continue: token }: ListQuery): ListPage {
    const { cluster } = this.#api;
    const place = token === undefined ? { revision: cluster.revision, after: '' } : placeOf(token);
    if (place.revision < cluster.compacted) throw refused({ verb: 'list', of: resource.plural }, 410, status(410));
    const rest = cluster
      .allAt(resource.kind as Kind, place.revision)
      .filter(object => keyOfObject(object) > place.after);
    const items = limit === undefined ? rest : rest.slice(0, limit);
    const last = items.at(-1);
    const more = last !== undefined && items.length < rest.length;
    return {
      items: structuredClone(items.map(withoutType)),
      resourceVersion: String(place.revision),
      ...(more && { continue: JSON.stringify({ revision: place.revision, after: keyOfObject(last) }) }),
    };
  }
}

function placeOf(token: string): { revision: number; after: string } {
  return JSON.parse(token) as { revision: number; after: string };
}

/** Members of a list lack apiVersion and kind. */
function withoutType(object: StoredObject): KubeObject {
  const { apiVersion: _, kind: __, ...rest } = object;
  return rest as KubeObject;
}
