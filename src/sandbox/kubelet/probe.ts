/** Readiness of containers. */
import { get } from 'node:http';
import { type Probe, probePort, type RunnableContainer } from './spec.ts';
import { pause } from './timing.ts';

/** Before the first success nobody should wait for a whole period. */
const eagerMs = 50;

/**
 * Watches a container until the signal aborts and tells each change. Without an HTTP probe a container that runs is
 * ready. The app is asked where it listens, as the sidecar would ask it.
 */
export async function watchReadiness(
  container: RunnableContainer,
  address: string,
  onChange: (ready: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const { httpGet, ...probe } = container.readinessProbe ?? {};
  const port = httpGet && probePort(container, httpGet.port);
  if (httpGet === undefined || port === undefined) return onChange(true);
  const url = `http://${address}:${port}${httpGet.path ?? '/'}`;
  await pause(1000 * (probe.initialDelaySeconds ?? 0), signal);
  await watch(url, probe, onChange, signal);
}

async function watch(
  url: string,
  probe: Omit<Probe, 'httpGet'>,
  onChange: (ready: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const periodMs = 1000 * (probe.periodSeconds ?? 10);
  let ready = false;
  let failures = 0;
  while (!signal.aborted) {
    const succeeded = await answers(url, 1000 * (probe.timeoutSeconds ?? 1));
    failures = succeeded ? 0 : failures + 1;
    const now: boolean = succeeded || (ready && failures < (probe.failureThreshold ?? 3));
    if (now !== ready && !signal.aborted) onChange(now);
    ready = now;
    await pause(ready ? periodMs : Math.min(periodMs, eagerMs), signal);
  }
}

/** A status from 200 to 399 is success (core/v1 Probe). */
function answers(url: string, timeoutMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const request = get(url, { timeout: timeoutMs, agent: false }, ({ statusCode = 0 }) => {
      resolve(statusCode >= 200 && statusCode < 400);
      request.destroy();
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
