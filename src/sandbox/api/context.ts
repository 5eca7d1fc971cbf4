/** What the handlers of one server share. */
import type { Faults } from './faults.ts';
import type { KubeObject } from './objects.ts';
import type { Appliers } from './server-apply.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';
import type { OpenWatch } from './watch.ts';

/** `kubectl logs`, as far as it is served. */
export interface LogRequest {
  /** Empty: the only container. */
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  /** Undefined: from the start. */
  readonly tailLines: number | undefined;
  /** Aborted when the client goes. */
  readonly signal: AbortSignal;
}

/** The log of a container as bytes; undefined when the pod has none. Ends by itself unless it follows. */
export type PodLog = (pod: KubeObject, request: LogRequest) => Promise<AsyncIterable<Uint8Array | string> | undefined>;

export interface Context {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly appliers: Appliers;
  readonly faults: Faults;
  readonly watches: Set<OpenWatch>;
  readonly bookmarkIntervalMs: number;
  readonly podLog: PodLog | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
