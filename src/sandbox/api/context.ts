/** What the handlers of one server share. */
import type { Faults } from './faults.ts';
import type { KubeObject } from './objects.ts';
import type { Appliers } from './server-apply.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';
import type { OpenWatch } from './watch.ts';

/** What `kubectl logs` asks for (core/v1 PodLogOptions); the server itself sees to `limitBytes`. */
export interface LogRequest {
  readonly container: string;
  readonly follow: boolean;
  /** Of the process before the last one. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Undefined: from the start. */
  readonly tailLines: number | undefined;
  /** Only what came at this time or later, epoch milliseconds. */
  readonly sinceMs: number | undefined;
  /** Aborted when the client goes. */
  readonly signal: AbortSignal;
}

/** The log of a container as bytes; undefined when there is none, which is a process that never began. Ends by itself unless it follows. */
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
