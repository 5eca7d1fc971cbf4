/** An end that somebody asks for, at the terminal or with `kill`. */

/** Aborts with an error that names the signal; from then on the process ends only by itself. */
export function stopSignal(): AbortSignal {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  return stopped.signal;
}
