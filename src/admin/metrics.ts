/** The control plane's own metrics, in the Prometheus text format. Names of the reference where the meaning is its. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { processMetrics } from './process-metrics.ts';

const buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export interface Metrics {
  readonly registry: Registry;
  readonly events: Counter<'kind' | 'type'>;
  /** Seconds from the moment that a change was seen to the end of each stage of its way. */
  readonly stages: Histogram<'stage'>;
  readonly certificates: Counter;
}

/**
 * @param read values that are read when somebody asks
 * @param ownProcess whether memory, CPU and event loop of the process are among them
 */
export function createMetrics(
  read: {
    readonly proxies: () => number;
    readonly revision: () => number;
    readonly ignored: () => number;
    readonly commits: () => number;
    readonly missed: () => number;
    readonly fragments: () => number;
    readonly conditionsWaiting: () => number;
  },
  ownProcess = true,
): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  if (ownProcess) for (const shown of processMetrics) gauge(...shown);
  gauge('fsm_proxy_connect_count', 'Proxies that are connected', read.proxies);
  gauge('fsm_revision', 'Events of this journal', read.revision);
  gauge('fsm_fragments', 'Configuration fragments in the store', read.fragments);
  gauge('fsm_ignored_updates_total', 'Updates that changed nothing the mesh reads, and went no further', read.ignored);
  gauge('fsm_push_commits_total', 'Configurations sent to proxies', read.commits);
  gauge('fsm_conditions_waiting', 'Objects whose conditions are still to be looked at', read.conditionsWaiting);
  gauge('fsm_watch_missed_total', 'Events that a watch lost and a new list found', read.missed);
  return {
    registry,
    events: new Counter({
      name: 'fsm_k8s_api_event_count',
      help: 'Events that changed the mesh',
      labelNames: ['kind', 'type'],
      registers,
    }),
    stages: new Histogram({
      name: 'fsm_change_seconds',
      help: 'From the moment a change was seen to the end of a stage: queued, derived, journaled; for each proxy sent, acknowledged',
      labelNames: ['stage'],
      buckets,
      registers,
    }),
    certificates: new Counter({ name: 'fsm_cert_issued_count', help: 'Workload certificates issued', registers }),
  };
}
