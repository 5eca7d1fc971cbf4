/** Shapes that the policy compiles a configuration into. Only the policy's own modules look inside. */
import type { Hash } from '../../engine/canonical.ts';
import type { Protocol } from '../../engine/config.ts';
import type { Host, InboundDecision, OutboundDecision, Tables } from './types.ts';

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
  readonly choices: readonly Choice[];
  readonly total: number;
  /** What is answered when no backend has a weight. */
  readonly refusal: OutboundDecision;
}

export interface PortPart {
  /** `namespace/name:port`. */
  readonly service: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly routes: PathTable<Split>;
  /** The first route without conditions: all that a TCP connection can take. */
  readonly plain: Split | null;
  /** The same, when it stands first and takes every request. */
  readonly every: Split | null;
}

export interface ServicePart {
  readonly hash: Hash;
  /** `namespace/name`. */
  readonly key: string;
  readonly ports: Map<number, PortPart>;
  /** The port of a service that has one port only. */
  readonly onlyPort: number | null;
}

export interface IndexPart {
  readonly hash: Hash;
  /** Indexes below this one; empty where the services stand in this one. */
  readonly buckets: IndexPart[];
  readonly byBucket: Map<string, IndexPart>;
  /** `namespace/name` → service. */
  readonly byName: Map<string, ServicePart>;
  readonly byAddress: Map<string, ServicePart>;
}

export interface PortRule {
  readonly everyPort: boolean;
  readonly ports: Set<number>;
}

export interface AccessPart {
  readonly hash: Hash;
  readonly anyone: boolean;
  readonly http: Map<string, PathTable<boolean>>;
  readonly tcp: Map<string, PortRule>;
}

/** What a host (and destination) stands for: a port of a service, or a decision. */
export type Resolved =
  | { readonly port: PortPart; readonly fixed: OutboundDecision | null }
  | { readonly port: null; readonly fixed: OutboundDecision };

/** What the rules say of a principal at a port: a decision for every request, or a table to ask. */
export interface Verdict {
  readonly fixed: InboundDecision | null;
  /** The decision when the table has an entry for the request. */
  readonly admitted: InboundDecision;
  readonly table: PathTable<boolean> | null;
  readonly port: number;
  readonly principal: string;
}

export interface CompiledTables extends Tables {
  readonly host: Host;
  readonly trustLabels: readonly string[];
  readonly services: IndexPart;
  readonly access: AccessPart;
  /** Port of the pod → the decision to admit there. */
  readonly served: Map<number, InboundDecision>;
  /** Backend → cursor, carried from one configuration to the next. */
  readonly cursors: Map<string, Cursor>;
  /** Host, or host and destination → what it stands for; bounded, belongs to this configuration. */
  readonly resolved: Map<string, Resolved>;
}
