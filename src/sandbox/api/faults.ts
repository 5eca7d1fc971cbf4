/**
 * Faults on purpose: what the tests of a watch client and the simulator do to it. The hooks are asked each time, so
 * whoever holds the object may change its fields while the server runs.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from './objects.ts';
import type { ResourceRequest } from './request.ts';

/** A time or an event to wait for; then everything goes on as usual. */
export type Wait = { readonly delayMs: number } | { readonly until: Promise<unknown> };

/** What happens to a request before it is looked at. */
export type RequestFault =
  | { readonly answer: 410 | 429 | 500 | 503; readonly retryAfterSeconds?: number }
  /** The connection is closed without an answer. */
  | { readonly close: true }
  | Wait;

/**
 * What happens to an event of a watch: `drop` loses it silently, `close` ends the stream in order, `cut` breaks the
 * connection, `gone` sends ERROR 410 and ends the stream.
 */
export type EventFault = 'drop' | 'close' | 'cut' | 'gone' | Wait;

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject;
}

export interface Faults {
  onRequest?: (request: ResourceRequest) => RequestFault | undefined;
  onEvent?: (request: ResourceRequest, event: WatchEvent) => EventFault | undefined;
}

/** Resolves when the wait is over. */
export async function waitFor(wait: Wait): Promise<void> {
  await ('until' in wait ? wait.until : delay(wait.delayMs));
}
