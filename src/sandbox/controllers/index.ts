/** The controllers of the sandbox. They run on the store's changes; nothing is polled. */
import type { Store } from '../api/store.ts';
import type { ControllerContext } from './controller.ts';
import { startDeployments } from './deployments.ts';
import { startEndpoints } from './endpoints.ts';
import { startGarbageCollector } from './garbage.ts';
import { startNamespaces } from './namespaces.ts';

export interface ControllerOptions {
  /** Told of every reconciliation that threw; without it the error is thrown again, outside of any turn. */
  readonly onError?: ControllerContext['onError'];
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface Controllers {
  stop(): void;
}

const rethrow: ControllerContext['onError'] = error => {
  queueMicrotask(() => {
    throw error;
  });
};

/** Starts every controller on a store. */
export function startControllers(
  store: Store,
  { onError = rethrow, now = Date.now }: ControllerOptions = {},
): Controllers {
  const context = { store, onError, now };
  const starts = [startNamespaces, startDeployments, startEndpoints, startGarbageCollector];
  const stops = starts.map(start => start(context));
  return {
    stop: () => stops.forEach(stop => void stop()),
  };
}
