/** The one clock of a load: monotonic, µs, the same in every thread (`performance.now` starts anew in each). */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** Waits until a moment of `nowUs`, as exactly as timers do: 1 ms. */
export function until(us: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, Math.max(0, (us - nowUs()) / 1000)));
}

/** Share of one core, 0 to 1, that the calling thread uses from this call to the call of what it returns. */
export function measureBusy(): () => number {
  const before = process.threadCpuUsage();
  const since = nowUs();
  return () => {
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / Math.max(1, nowUs() - since);
  };
}
