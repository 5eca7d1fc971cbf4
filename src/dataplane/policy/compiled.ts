/** Shapes that the policy compiles a configuration into. Only the policy's own modules look inside. */
import type { Hash } from '../../engine/canonical.ts';
import type { Endpoint, Protocol, Refs } from '../../engine/config.ts';
import type { Host, InboundDecision, OutboundDecision, Refusal, Tables } from './types.ts';

export type TextTest = (text: string) => boolean;

export interface HeaderTest {
  /** Lower case; empty stands for the host. */
  readonly name: string;
  readonly test: TextTest;
}

/** One entry of a path table: what is left to check once its path is known to hold. */
export interface PathEntry<T> {
  readonly value: T;
  readonly path: TextTest | null;
  /** null: every method. */
  readonly methods: Set<string> | null;
  /** null: none has to hold. */
  readonly headers: readonly HeaderTest[] | null;
}

/** Entries in order, looked up by path: exact ones by Map, the rest one after the other, both remembered by `cache`. */
export interface PathTable<T> {
  readonly entries: readonly PathEntry<T>[];
  /** Path → positions in `entries`, ascending. */
  readonly exact: Map<string, number[]>;
  /** Positions of entries that are not exact, ascending. */
  readonly rest: readonly number[];
  readonly cache: Map<string, readonly PathEntry<T>[]>;
  /** Paths that no entry may be asked about. */
  readonly excluded: TextTest;
  /** Whether a regex reads a path or a header, so that lengths have to be checked. */
  readonly hasRegex: boolean;
  readonly hasPathRegex: boolean;
  /** Names of headers that a regex reads; empty stands for the host. */
  readonly regexHeaders: readonly string[];
}

/** Where the round robin of a backend stands; the same object for as long as the backend has this name. */
export interface Cursor {
  at: number;
}

/** A decision for each endpoint, made once when it is compiled; a refusal stands alone where there is none. */
export interface Choice {
  readonly backend: string;
  /** Weights of this choice and those before it. */
  readonly upTo: number;
  readonly decisions: readonly OutboundDecision[];
  readonly cursor: Cursor;
}

export interface Split {
  /** Position of its route among those of the port in the node; -1 where no route was taken. */
  readonly at: number;
  readonly choices: readonly Choice[];
  readonly total: number;
  /** What is answered when there is nothing to choose. */
  readonly refusal: Refusal;
}

export interface PortPart {
  /** `namespace/name:port`. */
  readonly service: string;
  /** `namespace/name`. */
  readonly key: string;
  /** The service node, and the position of the port in it. */
  readonly hash: Hash;
  readonly at: number;
  readonly port: number;
  readonly protocol: Protocol;
  readonly routes: PathTable<Split>;
  /** The first route without conditions: all that a TCP connection can take. */
  readonly plain: Split | null;
  /** The same, when it stands first and takes every request. */
  readonly every: Split | null;
  /** The service's own pods, callable or not, for whom asks for one of them; and their name as a backend. */
  readonly pods: readonly Endpoint[];
}

export interface ServicePart {
  readonly hash: Hash;
  /** `namespace/name`. */
  readonly key: string;
  readonly ports: Map<number, PortPart>;
  /** The port of a service that has one port only. */
  readonly onlyPort: number | null;
  /** The same, in order. */
  readonly portList: readonly PortPart[];
  /** Without an address of its own: its pods have names, and who dials one has chosen it. */
  readonly headless: boolean;
  /** Identities of all its endpoints: the part stays good as long as the same of them may be called. */
  readonly principals: readonly string[];
}

export interface IndexPart {
  readonly hash: Hash;
  /** Indexes below this one; empty where the services stand in this one. */
  readonly buckets: IndexPart[];
  readonly byBucket: Map<string, IndexPart>;
  /** In order of their names. */
  readonly services: ServicePart[];
  /** `namespace/name` → service. */
  readonly byName: Map<string, ServicePart>;
  readonly byAddress: Map<string, ServicePart>;
}

/** What the TCP rules say of a principal; rules are named by their position in the node. */
export interface PortRule {
  readonly rules: readonly number[];
  /** The first rule that admits to every port. */
  readonly everyPort: number | null;
  /** Port → the first rule that names it. */
  readonly ports: Map<number, number>;
}

/** Rules of a principal: positions in the node, and those of rules that speak of a path as it is written alone. */
export interface AccessTable {
  readonly rules: PathTable<number>;
  readonly literals: Set<number>;
}

export interface AccessPart {
  readonly hash: Hash;
  readonly anyone: boolean;
  /** Namespaces whose workloads `anyone` means. */
  readonly namespaces: Set<string>;
  /** Principal → positions of its rules in the node. */
  readonly http: Map<string, AccessTable>;
  /** `<principal> <port>` → every rule that holds there, where rules name ports. */
  readonly httpAt: Map<string, AccessTable>;
  readonly tcp: Map<string, PortRule>;
}

/** What a host (and destination) stands for: a port of a service, or a decision. */
export type Resolved =
  | { readonly port: PortPart; readonly fixed: OutboundDecision | null }
  /** `service` is known where only the port is not. */
  | { readonly port: null; readonly service: ServicePart | null; readonly fixed: OutboundDecision };

/** What the rules say of a principal at a port: a decision for every request, or a table to ask. */
export interface Verdict {
  readonly fixed: InboundDecision | null;
  /** The decision when the table has an entry for the request. */
  readonly admitted: InboundDecision;
  readonly table: AccessTable | null;
  readonly port: number;
  readonly principal: string;
}

/** Principals that this workload may call → the target ports there, null for every one; null: all principals. */
export type Callable = Map<string, readonly number[] | null> | null;

export interface CompiledTables extends Tables {
  readonly host: Host;
  /** Children of the root. */
  readonly refs: Refs;
  readonly trustLabels: readonly string[];
  readonly services: IndexPart;
  readonly access: AccessPart;
  /** Port of the pod → the decision to admit there. */
  readonly served: Map<number, InboundDecision>;
  /** Ports of the pod that some service carries as bytes, beside others that carry HTTP. */
  readonly opaque: Set<number>;
  readonly callable: Callable;
  /** Backend → cursor, carried from one configuration to the next. */
  readonly cursors: Map<string, Cursor>;
  /** Host, or host and destination → what it stands for; bounded, belongs to this configuration. */
  readonly resolved: Map<string, Resolved>;
}
