/** An end that somebody asks for, at the terminal or with `kill`. */

import { once } from 'node:events';

/** Aborts with an error that names the signal; from then on the process ends only by itself. */
export function stopSignal(): AbortSignal {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  return stopped.signal;
}

/** What a promise resolves with. @throws the signal's reason when that comes first: then nothing is waited for any more */
export async function unlessStopped<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const stopped = async (): Promise<never> => {
    if (!signal.aborted) await once(signal, 'abort', { signal: over.signal });
    throw signal.reason;
  };
  try {
    return await Promise.race([promise, stopped()]);
  } finally {
    over.abort();
  }
}
