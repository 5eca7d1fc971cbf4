/**
 * What a proxy is told: a tree of content-addressed nodes. A node holds data of its own and names its children by
 * the hash of their content, so two proxies that need the same thing hold the same node and a change costs what
 * it changes. Provenance and resourceVersions are never part of a node.
 *
 * ```
 * root ─┬─ self ────── callable               who this proxy is, and whom it may call
 *       ├─ settings    mesh-wide switches
 *       ├─ trust       the certificates of the mesh's roots
 *       ├─ inbound ─── access                 which ports are served; who may do what there
 *       └─ outbound ── services (index) ─── service ─── endpoints     what may be called, and where it is
 * ```
 */
import { canonical, type Hash, hashBytes, type Json } from './canonical.ts';

/** The format that this version writes; a proxy says in its hello which ones it reads. */
export const configFormat = 2;

export type Refs = Readonly<Record<string, Hash>>;

/** Any node, as it is stored, sent and staged. */
export interface ConfigNode<Kind extends string = string, Data = Json> {
  readonly kind: Kind;
  readonly data: Data;
  readonly refs: Refs;
}

export type Protocol = 'http' | 'http2' | 'grpc' | 'tcp' | 'tcp-server-first' | 'https';

/** refs: `self`, `settings`, `trust`, `inbound`, `outbound`. */
export type RootNode = ConfigNode<'root', { readonly format: number }>;

/** refs: `callable`, where not everybody may be called. `principal` is what `principals.ts` makes of account and trust domain. */
export type SelfNode = ConfigNode<
  'self',
  {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly principal: string;
    /** Whether the pod takes part in the mesh; the proxy of one that does no more refuses everything, in words. */
    readonly member: boolean;
  }
>;

/**
 * refs: none. Principals that some TrafficTarget lets this workload call, sorted: as many as the TrafficTargets that name
 * it; `ports` has those of which only some target ports may be called. Services are shared by all callers; whom this one may call there stands here, away from what a change of an endpoint touches.
 */
export type CallableNode = ConfigNode<
  'callable',
  { readonly principals: readonly string[]; readonly ports?: Readonly<Record<string, readonly number[]>> }
>;

/** refs: none. */
export type SettingsNode = ConfigNode<
  'settings',
  {
    readonly trustDomain: string;
    /** `permissive`: every workload of the mesh may call every service. `smi`: only what a TrafficTarget allows. */
    readonly mode: 'permissive' | 'smi';
    /** Whether destinations that the mesh does not know may be reached. */
    readonly egress: boolean;
    /** Idle time after which a connection is closed, from `sidecar.sidecarTimeout`. */
    readonly idleTimeoutMs: number;
    readonly logLevel: string;
  }
>;

/** refs: none. PEM certificates; during a root rotation there are two. */
export type TrustNode = ConfigNode<'trust', { readonly roots: readonly string[] }>;

/** refs: `access`. One entry for each target port that the pod serves. */
export type InboundNode = ConfigNode<
  'inbound',
  {
    readonly ports: readonly {
      readonly port: number;
      readonly protocol: Protocol;
      readonly services: readonly string[];
      /** A service carries this port as bytes, too: whom a TCP rule admits may send HTTP there like anything else. */
      readonly opaque?: true;
    }[];
  }
>;

/** How text is compared. A regex matches the whole text, never a part of it. */
export type TextMatch = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string };

/** What a request must look like; every part that is present must hold. */
export interface HTTPMatch {
  readonly path?: TextMatch;
  /** Upper-case methods; absent means every method. */
  readonly methods?: readonly string[];
  /** Header names in lower case, sorted. */
  readonly headers?: readonly { readonly name: string; readonly value: TextMatch }[];
}

export interface HTTPAccessRule extends HTTPMatch {
  /** Who may: principals, sorted. */
  readonly principals: readonly string[];
  /** Target ports; absent means every port. */
  readonly ports?: readonly number[];
}

export interface TCPAccessRule {
  readonly principals: readonly string[];
  /** Target ports; absent means every port. */
  readonly ports?: readonly number[];
}

/** refs: none. */
export type AccessNode = ConfigNode<
  'access',
  {
    /** Permissive mode: every workload of `namespaces` is admitted. */
    readonly anyone: boolean;
    /** Namespaces that take part, sorted; absent where rules decide, for those name nobody of another one. */
    readonly namespaces?: readonly string[];
    readonly http: readonly HTTPAccessRule[];
    readonly tcp: readonly TCPAccessRule[];
  }
>;

/** refs: `services`, an index. */
export type OutboundNode = ConfigNode<'outbound', Record<string, never>>;

/**
 * refs: name → hash for up to 64 names, and data.buckets is absent; more names are spread over 64 indexes by the
 * hash of the name, then refs are `0` … `63` and data.buckets is 64.
 */
export type IndexNode = ConfigNode<'index', { readonly buckets?: 64 }>;

/** Where requests go: by weight among backends. `ref` names a child of the service node, `namespace/name:port`. */
export interface Backend {
  readonly ref: string;
  readonly weight: number;
}

export interface Route {
  /** Absent: every request of the port. Routes of a port stand in order of precedence; the first that matches wins. */
  readonly match?: HTTPMatch;
  readonly backends: readonly Backend[];
}

export interface ServicePort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly routes: readonly Route[];
}

/** refs: `namespace/name:port` → endpoints, for every backend that a route names; of a headless service for its own pods too. */
export type ServiceNode = ConfigNode<
  'service',
  {
    readonly namespace: string;
    readonly name: string;
    /** Cluster IPs, for connections that come by address; a headless service has none, and its pods have names. */
    readonly addresses: readonly string[];
    readonly ports: readonly ServicePort[];
  }
>;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Who must answer there: the client compares it with the server's certificate. */
  readonly principal: string;
  /** First label of the pod's own name below a headless service (`db-0` of `db-0.db.lab`), where it has one. */
  readonly hostname?: string;
}

/** refs: none. Sorted by address and port. */
export type EndpointsNode = ConfigNode<'endpoints', { readonly endpoints: readonly Endpoint[] }>;

export type AnyNode =
  | RootNode
  | SelfNode
  | CallableNode
  | SettingsNode
  | TrustNode
  | InboundNode
  | AccessNode
  | OutboundNode
  | IndexNode
  | ServiceNode
  | EndpointsNode;

/** A node with its address and its canonical bytes: made once, shared by everybody who needs it. */
export class Fragment {
  readonly hash: Hash;
  /** Canonical JSON of the node: exactly the bytes that were hashed. */
  readonly bytes: string;
  /** The node's children, which are needed often; its data is not, and is read from the bytes. */
  readonly refs: Refs;

  /** @param bytes canonical JSON of a node with these refs */
  constructor(bytes: string, refs: Refs) {
    this.hash = hashBytes(bytes);
    this.bytes = bytes;
    this.refs = refs;
  }

  /** The node, read anew at each call. */
  get node(): AnyNode {
    return JSON.parse(this.bytes) as AnyNode;
  }
}

/** Gives a node its address. */
export function fragmentOf(node: AnyNode): Fragment {
  return new Fragment(canonical(node as unknown as Json), node.refs);
}
