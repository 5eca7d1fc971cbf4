/** What kubelets and the controllers of Kubernetes do: addresses for pods, endpoints for services, sidecars in pods. */
import type { Kind } from '../../src/engine/model.ts';
import type { StoredObject } from '../../src/kube/object.ts';
import { keyOfObject } from '../../src/kube/object.ts';
import type { Raw } from '../engine/kit.ts';
import type { Cluster } from './cluster.ts';
import { trust } from './control-plane.ts';
import type { Random } from './random.ts';
import type { Owner } from './sidecar.ts';
import type { VirtualTime } from './time.ts';

/** What happens to the process of a pod's sidecar. */
export interface Kubelet {
  starts(owner: Owner): void;
  ends(owner: Owner): void;
}

interface PodView {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>>; readonly deletionTimestamp?: string };
  readonly spec: { readonly serviceAccountName: string };
  readonly status?: { readonly podIP?: string; readonly ready?: boolean };
}

/** Addresses are few, so that a new pod soon has the address of one that is gone. */
const addresses = 24;

/** Follows pods and services, a little later than they change. */
export class Workloads {
  readonly #cluster: Cluster;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #kubelet: Kubelet;
  readonly #due = new Set<string>();

  constructor(cluster: Cluster, time: VirtualTime, random: Random, kubelet: Kubelet) {
    this.#cluster = cluster;
    this.#time = time;
    this.#random = random;
    this.#kubelet = kubelet;
    cluster.onChange(({ kind, type, key, object }) => {
      if (kind === 'Pod' && type === 'ADDED') this.#scheduled(object);
      if (kind === 'Pod' && type === 'DELETED') this.#killed(object);
      if (kind === 'Service') this.#endpointsLater(key);
      if (kind === 'Pod') for (const service of this.#servicesOf(key)) this.#endpointsLater(service);
    });
  }

  /** Who the sidecar of a pod is. */
  static ownerOf(pod: StoredObject): Owner {
    const { namespace, uid } = pod.metadata;
    const account = (pod as unknown as PodView).spec.serviceAccountName;
    return { podKey: keyOfObject(pod), uid: String(uid), principal: `${account}.${namespace}.${trust.trustDomain}` };
  }

  /** Asks a pod to end: it leaves the endpoints, then its processes end, then it is gone. */
  terminate(key: string): void {
    const pod = this.#cluster.get('Pod', key);
    if (pod === undefined) return;
    this.#cluster.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'now' } } as unknown as Raw);
    this.#later(200, 3000, `kubelet ends ${key}`, () => {
      if (this.#cluster.get('Pod', key)?.metadata.uid === pod.metadata.uid) this.#cluster.remove('Pod', key);
    });
  }

  #later(least: number, most: number, what: string, work: () => void): void {
    this.#time.after(this.#random.between(least, most), what, work);
  }

  #scheduled(pod: StoredObject): void {
    const key = keyOfObject(pod);
    this.#later(20, 400, `kubelet starts ${key}`, () => {
      const now = this.#cluster.get('Pod', key);
      if (now?.metadata.uid !== pod.metadata.uid || now === undefined) return;
      const status = { phase: 'Running', podIP: this.#freeAddress(), ready: true };
      this.#cluster.put({ ...now, status } as unknown as Raw);
      this.#kubelet.starts(Workloads.ownerOf(now));
    });
  }

  /** A process may outlive its object for a moment, as after a forced deletion. */
  #killed(pod: StoredObject): void {
    this.#later(0, 2000, `kubelet kills what was ${keyOfObject(pod)}`, () =>
      this.#kubelet.ends(Workloads.ownerOf(pod)),
    );
  }

  #freeAddress(): string {
    const taken = new Set(this.#views('Pod').map(({ view }) => view.status?.podIP));
    const free = Array.from({ length: addresses }, (_, at) => `10.0.0.${at + 1}`).filter(each => !taken.has(each));
    return free[0] === undefined ? '10.0.1.1' : this.#random.pick(free);
  }

  #views(kind: Kind): { key: string; view: PodView }[] {
    return this.#cluster.all(kind).map(object => ({ key: keyOfObject(object), view: object as unknown as PodView }));
  }

  /** Services whose slices may change with a pod: those that select it, and those that have it. */
  #servicesOf(podKey: string): string[] {
    const [namespace = ''] = podKey.split('/');
    return this.#cluster
      .all('Service')
      .map(keyOfObject)
      .filter(key => key.startsWith(`${namespace}/`));
  }

  #endpointsLater(service: string): void {
    if (this.#due.has(service)) return;
    this.#due.add(service);
    this.#later(5, 300, `endpoints of ${service}`, () => {
      this.#due.delete(service);
      this.#writeSlice(service);
    });
  }

  #writeSlice(key: string): void {
    const [namespace = '', name = ''] = key.split('/');
    const sliceKey = `${namespace}/${name}-1`;
    const before = this.#cluster.get('EndpointSlice', sliceKey);
    const service = this.#cluster.get('Service', key);
    if (service === undefined) {
      if (before !== undefined) this.#cluster.remove('EndpointSlice', sliceKey);
      return;
    }
    const slice = this.#sliceOf(service, namespace, name);
    const same = (['endpoints', 'ports'] as const).every(
      field => JSON.stringify(before?.[field]) === JSON.stringify(slice[field]),
    );
    if (!same) this.#cluster.put(slice);
  }

  #sliceOf(service: StoredObject, namespace: string, name: string): Raw {
    const { selector, ports } = service.spec as {
      selector: { app: string };
      ports: { name: string; targetPort: number }[];
    };
    const chosen = this.#views('Pod').filter(
      ({ key, view }) => key.startsWith(`${namespace}/`) && view.metadata.labels?.app === selector.app,
    );
    return {
      kind: 'EndpointSlice',
      metadata: { namespace, name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: ports.map(({ name: port, targetPort }) => ({ name: port, port: targetPort, protocol: 'TCP' })),
      endpoints: chosen.flatMap(({ key, view: { status, metadata } }) =>
        status?.podIP === undefined
          ? []
          : [
              {
                addresses: [status.podIP],
                conditions: { ready: status.ready === true && metadata.deletionTimestamp === undefined },
                targetRef: { kind: 'Pod', name: key.slice(namespace.length + 1) },
              },
            ],
      ),
    };
  }
}
