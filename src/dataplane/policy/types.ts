/**
 * What the policy is asked and what it answers. The policy itself is JavaScript in the subset that PipyJS and Node
 * share; these types check it and the Node shell, and document it for the Pipy shell.
 */
import type { Hash } from '../../engine/canonical.ts';
import type { AnyNode, Endpoint, Protocol, SettingsNode } from '../../engine/config.ts';
import type { Resolved, Verdict } from './compiled.ts';

/** The few things a policy may not make itself. */
export interface Host {
  /** Uniform in [0, 1). */
  random(): number;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Stable 32-bit hash of a text. */
  hash(text: string): number;
}

/** Headers as the shells hold them: lower-case name → value (repeated ones joined by `, `). */
export type Headers = Readonly<Record<string, string | undefined>>;

export interface RequestDescription {
  readonly method: string;
  /** Request target's path without the query. */
  readonly path: string;
  /** Host header or `:authority`, as received. */
  readonly host: string;
  readonly headers: Headers;
}

/** An outbound request or connection. `port` is the intercepted destination port, absent when explicit. */
export interface OutboundDestination {
  readonly address?: string;
  readonly port?: number;
}

export type Refusal = {
  readonly action: 'refuse';
  /** HTTP status for the client; connections are reset. */
  readonly status: number;
  /** Stable word for logs and tests: see `reasons` in the policy. */
  readonly reason: string;
  /** One sentence for people. */
  readonly detail: string;
};

export type OutboundDecision =
  | {
      readonly action: 'forward';
      readonly endpoint: Endpoint;
      /** `address:port`, ready to be dialled and used as pool key. */
      readonly target: string;
      /** `namespace/name:port` of the service that was asked for. */
      readonly service: string;
      /** `namespace/name:port` of the backend chosen. */
      readonly backend: string;
      readonly protocol: Protocol;
    }
  /** Not of the mesh, and egress is on: dial the destination as it is. */
  | { readonly action: 'passthrough'; readonly target: string }
  | Refusal;

export type InboundDecision =
  | { readonly action: 'forward'; readonly port: number; readonly protocol: Protocol }
  | Refusal;

/** Parts of a node that a decision comes from. */
export interface Because {
  readonly node: 'service' | 'access' | 'inbound' | 'outbound' | 'settings';
  readonly hash: Hash;
  /** `namespace/name` of a service; empty where the proxy has one node of the kind. */
  readonly key: string;
  /** RFC 6901, into the node's data. */
  readonly pointers: readonly string[];
}

/** One backend that may be chosen. */
export interface RouteChoice {
  /** `namespace/name:port`. */
  readonly backend: string;
  /** Of all requests, above 0 and up to 1. */
  readonly share: number;
  /** One for each endpoint, in turn; a refusal stands alone where there is none. */
  readonly decisions: readonly OutboundDecision[];
}

/** Everything that may become of an outbound request or connection. */
export interface RouteExplanation {
  /** What the host stands for; null where it names no port of a service that is known here. */
  readonly port: { readonly service: string; readonly port: number; readonly protocol: Protocol } | null;
  /** The decision for all; null where one of the choices is made. */
  readonly decision: Exclude<OutboundDecision, { action: 'forward' }> | null;
  readonly because: readonly Because[];
  readonly choices: readonly RouteChoice[];
}

/** An inbound decision with the rules that led to it. */
export interface Admission {
  readonly decision: InboundDecision;
  readonly because: readonly Because[];
}

/** Lookup structures made from a configuration tree; opaque to the shells but for `settings`, `self`, `inboundPorts`, `roots`. */
export interface Tables {
  readonly root: Hash;
  readonly self: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly principal: string;
    /** Whether the pod takes part in the mesh: if not, everything is refused. */
    readonly member: boolean;
  };
  readonly settings: SettingsNode['data'];
  readonly roots: readonly string[];
  /** What to listen on, on the pod's address. */
  readonly inboundPorts: readonly { readonly port: number; readonly protocol: Protocol }[];
}

/**
 * The functions that `policy/policy.js` exports.
 *
 * - `compile(nodes, root, host, previous)`: `nodes` is a Map of hash → node that holds the whole tree under `root`.
 *   Parts whose hash is in `previous` are reused, so cost follows the change. Throws `Error('missing <hash>')` when a
 *   node is not there.
 * - `reachable(nodes, root)`: hashes under a root, for dropping nodes that nothing needs and for `need`.
 * - Round-robin positions, and later breakers and limits, live in `host`-independent state keyed by name, carried over
 *   from `previous`.
 */
export interface Policy {
  compile(nodes: Map<Hash, AnyNode>, root: Hash, host: Host, previous: Tables | null): Tables;
  missing(nodes: Map<Hash, AnyNode>, root: Hash): Hash[];
  reachable(nodes: Map<Hash, AnyNode>, root: Hash): Hash[];
  /** HTTP request from the app of this pod. */
  routeRequest(tables: Tables, request: RequestDescription, destination: OutboundDestination): OutboundDecision;
  /** TCP connection from the app: by host and port (CONNECT), or by address and port (intercepted). */
  routeConnection(tables: Tables, host: string, port: number): OutboundDecision;
  /** HTTP request for the app of this pod, from a peer whose certificate was verified. */
  admitRequest(tables: Tables, port: number, principal: string, request: RequestDescription): InboundDecision;
  admitConnection(tables: Tables, port: number, principal: string): InboundDecision;
  /**
   * `routeRequest` and `admitRequest` in two steps, the first of which holds for a connection while the tables stay.
   * `targetFault` goes before both.
   */
  resolveHost(tables: Tables, host: string, destination: OutboundDestination): Resolved;
  routeResolved(tables: Tables, resolved: Resolved, request: RequestDescription): OutboundDecision;
  verdictOf(tables: Tables, port: number, principal: string): Verdict;
  admitVerdict(verdict: Verdict, request: RequestDescription): InboundDecision;
  /** The path of a request target, and why nobody may act on the target: shells ask both before anything else. */
  pathOf(target: string): string;
  targetFault(method: string, target: string): Refusal | null;
  /** Whether requests are looked at on a port of this protocol; on any other one connections are. */
  speaksHTTP(protocol: Protocol): boolean;
  /**
   * The principal that DNS names of a verified certificate speak of, written as `engine/principals.ts` says; empty
   * when there is none, or more than one. Read from the right: a namespace has no dots, a ServiceAccount name may.
   */
  principalOf(dnsNames: readonly string[], trustDomain: string): string;
}

/** The functions that `policy/because.js` exports, for people who ask why. */
export interface Explaining {
  /** Everything that `routeRequest`, or `routeConnection` where the port speaks no HTTP, may decide; for people. */
  explainRoute(tables: Tables, request: RequestDescription, destination: OutboundDestination): RouteExplanation;
  /** What `admitRequest`, or `admitConnection` where `request` is null, decides, and by which rules; for people. */
  explainAdmission(tables: Tables, port: number, principal: string, request: RequestDescription | null): Admission;
}
