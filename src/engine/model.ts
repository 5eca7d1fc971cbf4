/**
 * The words of the engine: the events that decide configuration and the snapshot they fold into.
 * Everything here is plain data that JSON can say.
 */
import type { ObjectRef, Problem } from '../api/problem.ts';

/** Kinds that the mesh reads. The key of an object is `namespace/name`, or `name` when cluster-scoped. */
export const kinds = [
  'Namespace',
  'Pod',
  'Service',
  'EndpointSlice',
  'ServiceAccount',
  'MeshConfig',
  'TrafficTarget',
  'HTTPRouteGroup',
  'TCPRoute',
  'TrafficSplit',
] as const;

export type Kind = (typeof kinds)[number];

/** Metadata that the mesh reads of every object. */
export interface Meta {
  readonly namespace: string;
  readonly name: string;
}

export interface NamespaceObject extends Meta {
  /** Mesh that the namespace is enrolled in (`flomesh.io/monitored-by`), or absent. */
  readonly mesh?: string;
  /** `flomesh.io/ignore=true`. */
  readonly ignored?: true;
}

export interface PodObject extends Meta {
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly ip?: string;
  /** Set by injection (label `fsm-proxy-uuid`): the pod has a sidecar. */
  readonly proxy?: string;
  /** Deletion has begun. */
  readonly terminating?: true;
}

export interface ServicePortSpec {
  readonly name?: string;
  readonly port: number;
  readonly targetPort: number | string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string;
}

export interface ServiceObject extends Meta {
  /** `None` and empty are left out. */
  readonly clusterIPs: readonly string[];
  readonly headless?: true;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePortSpec[];
}

export interface EndpointSliceObject extends Meta {
  /** Name of the Service, from label `kubernetes.io/service-name`. */
  readonly service: string;
  readonly addressType: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    /** Ready to serve; an absent condition counts as ready (EndpointConditions, discovery.k8s.io/v1). */
    readonly ready: boolean;
    /** Name of the pod in the slice's namespace. */
    readonly pod?: string;
    /** First label of the pod's own DNS name below a headless service. */
    readonly hostname?: string;
  }[];
}

export type ServiceAccountObject = Meta;

/** What every kind that people write has. */
export interface Written extends Meta {
  /** Fields that are set, as people write them, and that do nothing yet: a condition names them. */
  readonly idle?: readonly string[];
}

export interface MeshConfigObject extends Written {
  readonly permissive: boolean;
  readonly egress: boolean;
  readonly sidecarTimeoutSeconds: number;
  readonly sidecarLogLevel: string;
  readonly certValidityMs: number;
}

export interface IdentityRef {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

export interface TrafficTargetObject extends Written {
  /** `port`: only this target port is opened; absent: every one that the rules open. */
  readonly destination: IdentityRef & { readonly port?: number };
  readonly sources: readonly IdentityRef[];
  readonly rules: readonly { readonly kind: string; readonly name: string; readonly matches?: readonly string[] }[];
}

export interface HTTPRouteGroupObject extends Written {
  readonly matches: readonly {
    readonly name: string;
    readonly methods?: readonly string[];
    readonly pathRegex?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }[];
}

export interface TCPRouteObject extends Written {
  /** Absent: every port. */
  readonly ports?: readonly number[];
}

export interface TrafficSplitObject extends Written {
  /** Apex service as written: `name`, `name.namespace` or FQDN. */
  readonly service: string;
  /** Backends as written: as above, or `namespace/name`. */
  readonly backends: readonly { readonly service: string; readonly weight: number }[];
  readonly matches?: readonly { readonly kind: string; readonly name: string }[];
}

/** The normalised form of each kind: only fields that the mesh reads, so that equal meaning is equal data. */
export interface Objects {
  Namespace: NamespaceObject;
  Pod: PodObject;
  Service: ServiceObject;
  EndpointSlice: EndpointSliceObject;
  ServiceAccount: ServiceAccountObject;
  MeshConfig: MeshConfigObject;
  TrafficTarget: TrafficTargetObject;
  HTTPRouteGroup: HTTPRouteGroupObject;
  TCPRoute: TCPRouteObject;
  TrafficSplit: TrafficSplitObject;
}

export type AnyObject = Objects[Kind];

/** What normalisation makes of an object: the fields that the mesh reads, or what is wrong with it. */
export type Normalised<K extends Kind = Kind> =
  | { readonly ok: true; readonly object: Objects[K] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

interface EventBase {
  /** Rises by one with each event of this journal; for people and receipts, never compared across journals. */
  readonly revision: number;
  /** Milliseconds since the epoch when the event was recorded. */
  readonly at: number;
}

/** An object of the cluster was created or changed its meaning. */
export interface AppliedEvent extends EventBase {
  readonly type: 'applied';
  readonly kind: Kind;
  readonly key: string;
  readonly resourceVersion: string;
  readonly object: Normalised;
}

export interface DeletedEvent extends EventBase {
  readonly type: 'deleted';
  readonly kind: Kind;
  readonly key: string;
  readonly resourceVersion: string;
}

/** A proxy proved who it is and got a certificate. */
export interface EnrolledEvent extends EventBase {
  readonly type: 'enrolled';
  /** `namespace/name` of the pod. */
  readonly key: string;
  readonly uid: string;
}

/** The certificates that the mesh trusts. */
export interface RootChangedEvent extends EventBase {
  readonly type: 'rootChanged';
  readonly trustDomain: string;
  readonly roots: readonly string[];
}

export type MeshEvent = AppliedEvent | DeletedEvent | EnrolledEvent | RootChangedEvent;

/** An event before the journal has numbered it. */
export type Unnumbered<E extends MeshEvent = MeshEvent> = E extends MeshEvent ? Omit<E, 'revision'> : never;

/** One object in the snapshot. */
export interface Entry<K extends Kind = Kind> {
  /** The last valid version; absent when no valid one was ever seen. Derive reads only this. */
  readonly object?: Objects[K];
  /** resourceVersion of the newest version, valid or not. */
  readonly resourceVersion: string;
  /** resourceVersion of the valid version in `object`. */
  readonly validVersion?: string;
  /** What is wrong with the newest version; absent when it is valid. */
  readonly problems?: readonly Problem[];
}

/** name → entry, at most some hundred of them: what a fold step copies. */
export type Shard<K extends Kind = Kind> = Readonly<Record<string, Entry<K>>>;

/** kind → namespace → bucket of the name → name → entry. */
export type MeshState = { readonly [K in Kind]: Readonly<Record<string, Readonly<Record<string, Shard<K>>>>> };

/**
 * The state of the mesh after a revision. `mesh` and `trust` are equal on every replica that has seen the same
 * objects; `proxies` is who is enrolled here.
 */
export interface MeshSnapshot {
  readonly revision: number;
  readonly mesh: MeshState;
  readonly trust: { readonly trustDomain: string; readonly roots: readonly string[] };
  /** namespace → bucket of the name → name of the pod → uid: in shards, as objects are. */
  readonly proxies: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;
}

export type { ObjectRef };
