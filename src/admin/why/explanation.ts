/** What is asked of *why*, and what it answers. */
import type { Headers } from '../../dataplane/policy/types.ts';
import type { VersionedOrigin } from './derived.ts';
import type { ExplainedProxy } from './standings.ts';

/** A request as a person describes it. */
export interface Question {
  /** Key of the client's pod. */
  readonly client: string;
  /** `namespace/name` of the service; empty where the host is none of one that exists. */
  readonly service: string;
  /** What the client asks for, as it writes it, without a port; a name of the service when absent. */
  readonly host?: string;
  /** Port that the client names; the proxy's own choice when absent. */
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  /** `host` takes the place of what the client asks for. */
  readonly headers: Headers;
}

/** What one proxy decides, or several that decide alike. */
export interface ExplainedStep {
  readonly at: 'client' | 'server';
  /** Pod that decides; of several that decide alike the first. Empty where there is none. */
  readonly pod: string;
  /** `skip`: endpoints that the client's proxy knows and never chooses. */
  readonly decision: 'forward' | 'refuse' | 'passthrough' | 'skip';
  /** Stable word of a refusal: why it is. */
  readonly reason?: string;
  /** One sentence for people. */
  readonly detail: string;
  /** What the proxy answers, where it refuses. */
  readonly answer?: { readonly status: number; readonly reason: string; readonly detail: string };
  /** What in the mesh leads to that, where it is known. */
  readonly cause?: string;
  readonly fix?: string;
  /** `namespace/name:port` of the backend that this is about. */
  readonly backend?: string;
  /** Endpoints of the backend that decide alike. */
  readonly endpoints?: number;
  readonly origins: readonly VersionedOrigin[];
}

/** `partly allowed`: some endpoints admit it. `passthrough`: it goes out of the mesh. `unroutable`: there is nobody to ask. */
export type ExplainedOutcome = 'allowed' | 'partly allowed' | 'denied' | 'unroutable' | 'passthrough';

/** What becomes of a request under one set of configurations. */
export interface Verdict {
  readonly outcome: ExplainedOutcome;
  /** Port of the service that the client's proxy takes; what was asked for, or null, where it takes none. */
  readonly port: number | null;
  readonly steps: readonly ExplainedStep[];
  /** Endpoints whose answers are in no step, because there would be too many steps. */
  readonly left?: number;
}

/** The answer of *why*. */
export interface Explanation extends Omit<Verdict, 'port'> {
  readonly client: string;
  readonly principal: string;
  /** `namespace/name`; empty where there is none. */
  readonly service: string;
  /** Host of the request, with the port where one was named. */
  readonly host: string;
  readonly request: { readonly method: string; readonly path: string; readonly port: number | null };
  /** Proxies that had a part in it and do not run the newest configuration, or are not there. */
  readonly proxies: readonly ExplainedProxy[];
  /** What the newest configurations say, where that is something else. */
  readonly newest?: Verdict;
}
