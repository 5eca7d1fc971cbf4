/** What users do to the mesh, by chance: workloads come and go, policies change, objects are wrong, updates mean nothing. */
import type { Kind } from '../../src/engine/model.ts';
import { keyOfObject, type StoredObject } from '../../src/kube/object.ts';
import { keyOfRaw, type Raw } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';
import type { Cluster } from './cluster.ts';
import type { Random } from './random.ts';
import type { Workloads } from './workloads.ts';

const spaces = ['a', 'b'] as const;
const apps = ['x', 'y', 'z'] as const;
const groups = ['g', 'h'] as const;
const patterns = ['/a', '/a.*', '/a|/b', '.*', '/[0-9]+', '/b/[a-c]+'] as const;
const methods = [{}, { methods: ['GET'] }, { methods: ['GET', 'POST'] }, { methods: ['*'] }] as const;

/** Kinds that people write, which may be touched, broken and deleted. */
const written: readonly Kind[] = ['MeshConfig', 'TrafficTarget', 'HTTPRouteGroup', 'TCPRoute', 'TrafficSplit'];

/** What a request can look like, for everybody who asks whether it is allowed. */
export const vocabulary = {
  accounts: spaces.flatMap(space => apps.map(app => `${space}/${app}`)),
  methods: ['GET', 'POST'],
  paths: ['/', '/a', '/ab', '/b', '/b/a', '/7'],
  ports: [8080, 9090, 1],
} as const;

/** The users: `begin` makes a mesh, each `act` changes something. */
export class World {
  readonly #cluster: Cluster;
  readonly #workloads: Workloads;
  readonly #random: Random;
  #serial = 0;

  constructor(cluster: Cluster, workloads: Workloads, random: Random) {
    this.#cluster = cluster;
    this.#workloads = workloads;
    this.#random = random;
  }

  /** A mesh that works, to begin with. */
  begin(): void {
    for (const space of spaces) this.#cluster.put(make.namespace(space));
    this.#cluster.put(make.namespace('fsm-system', {}));
    this.#cluster.put(make.meshConfig(this.#random.chance(0.3)));
    for (const account of vocabulary.accounts) {
      const [space = '', name = ''] = account.split('/');
      this.#cluster.put(make.account(space, name));
      if (this.#random.chance(0.8)) this.#cluster.put(this.#service(space, name));
      if (this.#random.chance(0.7)) this.#cluster.put(this.#pod(space, name, 1));
    }
    for (const space of spaces) for (const name of groups) this.#cluster.put(this.#group(space, name));
    for (let count = this.#random.between(1, 4); count > 0; count--) this.#cluster.put(this.#target());
  }

  /** Does something. @returns what, in words */
  act(): string {
    const random = this.#random;
    const dice = random.next();
    if (dice < 0.24) return this.#policy();
    if (dice < 0.34) return this.#delete(random.pick(written));
    if (dice < 0.48) return this.#newPod();
    if (dice < 0.6) return this.#endPod();
    if (dice < 0.66) return this.#flipReady();
    if (dice < 0.74) return this.#put(this.#service(random.pick(spaces), random.pick(apps)));
    if (dice < 0.77) return this.#delete('Service');
    if (dice < 0.82) return this.#put(make.meshConfig(random.chance(0.4)));
    if (dice < 0.85) return this.#relabel();
    if (dice < 0.88) return this.#account();
    if (dice < 0.92) return this.#invalid();
    return this.touch();
  }

  /** An update that means nothing to the mesh. */
  touch(): string {
    const kind = this.#random.pick([...written, 'Pod', 'Service', 'Namespace', 'EndpointSlice'] as const);
    const object = this.#anyOf(kind);
    if (object === undefined) return 'nothing to touch';
    const annotations = { at: String(this.#serial++) };
    this.#cluster.put({ ...object, metadata: { ...object.metadata, annotations } });
    return `touch ${kind} ${keyOfRaw(object)}`;
  }

  #anyOf(kind: Kind): Raw | undefined {
    const all = this.#cluster.all(kind).filter(object => object.metadata.deletionTimestamp === undefined);
    return all.length === 0 ? undefined : (this.#random.pick(all) as unknown as Raw);
  }

  #put(raw: Raw): string {
    const { type } = this.#cluster.put(raw);
    return `${type === 'ADDED' ? 'create' : 'change'} ${raw.kind} ${keyOfRaw(raw)}`;
  }

  #delete(kind: Kind): string {
    const object = this.#anyOf(kind);
    if (object === undefined) return `no ${kind} to delete`;
    this.#cluster.remove(kind, keyOfRaw(object));
    return `delete ${kind} ${keyOfRaw(object)}`;
  }

  #policy(): string {
    const random = this.#random;
    const make = random.pick([
      () => this.#target(),
      () => this.#target(),
      () => this.#group(random.pick(spaces), random.pick(groups)),
      () => this.#tcpRoute(),
      () => this.#split(),
    ]);
    return this.#put(make());
  }

  #pod(space: string, app: string, number: number): Raw {
    const raw = make.pod(space, `${app}-${number}`, app, `pod-${this.#serial++}`);
    const labels = { ...raw.metadata.labels, app };
    const { status: _, ...unscheduled } = { ...raw, metadata: { ...raw.metadata, labels } };
    return unscheduled;
  }

  /** Also under the name of a pod that is there: that one goes, and another of its name comes. */
  #newPod(): string {
    const raw = this.#pod(this.#random.pick(spaces), this.#random.pick(apps), this.#random.between(1, 2));
    const key = keyOfRaw(raw);
    const there = this.#cluster.remove('Pod', key) !== undefined;
    this.#cluster.put(raw);
    return `${there ? 'make again' : 'create'} Pod ${key} (${raw.metadata.uid})`;
  }

  #endPod(): string {
    const pod = this.#anyOf('Pod');
    if (pod === undefined) return 'no Pod to end';
    const key = keyOfRaw(pod);
    if (this.#random.chance(0.3)) {
      this.#cluster.remove('Pod', key);
      return `delete Pod ${key} by force`;
    }
    this.#workloads.terminate(key);
    return `delete Pod ${key}`;
  }

  #flipReady(): string {
    const pod = this.#anyOf('Pod');
    const status = pod?.status as { podIP?: string; ready?: boolean } | undefined;
    if (pod === undefined || status?.podIP === undefined) return 'no Pod to flip';
    this.#cluster.put({ ...pod, status: { ...status, ready: !status.ready } });
    return `Pod ${keyOfRaw(pod)} is ${status.ready ? 'not ' : ''}ready`;
  }

  #service(space: string, name: string): Raw {
    const both = this.#random.chance(0.3);
    const first = { name: 'http', port: 80, targetPort: 8080 };
    const ports = both ? [first, { name: this.#random.pick(['tcp', 'http-b']), port: 90, targetPort: 9090 }] : [first];
    const spec = { clusterIP: `10.96.0.${name.charCodeAt(0)}`, selector: { app: name }, ports };
    return { kind: 'Service', metadata: { namespace: space, name }, spec };
  }

  #group(space: string, name: string): Raw {
    const random = this.#random;
    const matches = Array.from({ length: random.between(1, 2) }, (_, at) => ({
      name: `m${at}`,
      pathRegex: random.pick(patterns),
      ...random.pick(methods),
      ...(random.chance(0.15) && { headers: { 'x-test': 'yes' } }),
    }));
    return { kind: 'HTTPRouteGroup', metadata: { namespace: space, name }, spec: { matches } };
  }

  #target(): Raw {
    const random = this.#random;
    const [space, to] = [random.pick(spaces), random.pick(apps)];
    const raw = make.target(space, `to-${to}`, to, random.some(vocabulary.accounts, 0.4), random.pick(groups));
    const rules = [
      { kind: 'HTTPRouteGroup', name: random.pick(groups), ...(random.chance(0.4) && { matches: ['m0'] }) },
      ...(random.chance(0.3) ? [{ kind: 'TCPRoute', name: 't' }] : []),
    ];
    const sources = (raw.spec as { sources: unknown[] }).sources;
    const account = { kind: 'ServiceAccount', name: to, namespace: space };
    const destination = { ...account, ...(random.chance(0.2) && { port: random.pick(vocabulary.ports) }) };
    return { ...raw, spec: { destination, sources: sources.length > 0 ? sources : [account], rules } };
  }

  #tcpRoute(): Raw {
    const ports = this.#random.pick([undefined, [9090], [8080, 9090]]);
    const spec = { matches: { name: 'tcp', ...(ports && { ports }) } };
    return { kind: 'TCPRoute', metadata: { namespace: this.#random.pick(spaces), name: 't' }, spec };
  }

  #split(): Raw {
    const random = this.#random;
    const backends = random.some(apps, 0.6).map(app => [app, random.between(0, 3)] as const);
    const weights = Object.fromEntries(backends.length > 0 ? backends : [['x', 1]]);
    const matches = random.chance(0.4) ? [random.pick(groups)] : [];
    return make.split(random.pick(spaces), random.pick(['s', 't']), random.pick(apps), weights, ...matches);
  }

  #relabel(): string {
    const pod = this.#random.chance(0.3) && this.#random.pick(this.#cluster.all('Pod'));
    if (pod) return this.#unlabel(pod);
    const space = this.#random.pick(spaces);
    const taking = this.#cluster.get('Namespace', space)?.metadata.labels !== undefined;
    const member = { 'flomesh.io/monitored-by': 'fsm' };
    const out = this.#random.pick([{}, { ...member, 'flomesh.io/ignore': 'true' }]);
    const labels = taking && this.#random.chance(0.5) ? out : member;
    return `${this.#put(make.namespace(space, labels))} ${JSON.stringify(labels)}`;
  }

  /** Takes the label of its sidecar from a pod, or gives it back. */
  #unlabel({ metadata, ...pod }: StoredObject): string {
    const { 'fsm-proxy-uuid': proxy, ...labels } = (metadata.labels ?? {}) as Record<string, string>;
    const now = proxy === undefined ? { ...labels, 'fsm-proxy-uuid': metadata.name } : labels;
    return `${this.#put({ ...pod, metadata: { ...metadata, labels: now } } as unknown as Raw)} ${JSON.stringify(now)}`;
  }

  #account(): string {
    const account = this.#random.pick(vocabulary.accounts);
    const [space = '', name = ''] = account.split('/');
    const there = this.#cluster.get('ServiceAccount', account);
    if (there === undefined) return this.#put(make.account(space, name));
    this.#cluster.remove('ServiceAccount', keyOfObject(there));
    return `delete ServiceAccount ${account}`;
  }

  /** What the schema of a CRD may let through and the mesh does not. */
  #invalid(): string {
    const random = this.#random;
    const space = random.pick(spaces);
    const raw = random.pick<Raw>([
      make.group(space, random.pick(groups), '('),
      make.split(space, 's', random.pick(apps), { x: -1 }),
      { kind: 'TrafficTarget', metadata: { namespace: space, name: `to-${random.pick(apps)}` }, spec: {} },
      { ...make.meshConfig(false), spec: { traffic: { enablePermissiveTrafficPolicyMode: 'maybe' } } },
    ]);
    return `${this.#put(raw)}, invalid`;
  }
}
