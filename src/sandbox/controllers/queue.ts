/** Keys that wait to be reconciled, each once, however often it was asked for. */

export interface Queue {
  add(key: string): void;
  /** Drops what waits and takes nothing more. */
  stop(): void;
}

/** Calls `reconcile` in a later turn, key after key. What it throws goes to `onError`, and the next key follows. */
export function createQueue(reconcile: (key: string) => void, onError: (error: unknown, key: string) => void): Queue {
  const waiting = new Set<string>();
  let stopped = false;
  let scheduled = false;

  const drain = () => {
    scheduled = false;
    const keys = [...waiting];
    waiting.clear();
    for (const key of keys) {
      if (stopped) return;
      try {
        reconcile(key);
      } catch (error) {
        onError(error, key);
      }
    }
  };

  return {
    add(key) {
      if (stopped) return;
      waiting.add(key);
      if (!scheduled) setImmediate(drain);
      scheduled = true;
    },
    stop() {
      stopped = true;
      waiting.clear();
    },
  };
}
