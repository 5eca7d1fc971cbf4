/**
 * What a process shows of itself, under the names that prom-client's defaults have. Not those defaults: they watch the
 * event loop with a timer every 10 ms, which is most of what an idle control plane does. How busy the loop was is
 * counted by libuv anyway.
 */

/** Name, help, and what it is now. */
export type Shown = readonly [name: string, help: string, value: () => number];

const memory = () => process.memoryUsage();

/** Memory in bytes, CPU time in seconds, the start as seconds since the epoch. */
export const processMetrics: readonly Shown[] = [
  ['fsm_process_cpu_seconds_total', 'CPU time, user and system', () => cpuSeconds(process.cpuUsage())],
  ['fsm_process_start_time_seconds', 'When the process started', () => performance.timeOrigin / 1000],
  ['fsm_process_resident_memory_bytes', 'Resident memory', () => memory().rss],
  ['fsm_nodejs_heap_size_total_bytes', 'Heap that JavaScript has', () => memory().heapTotal],
  ['fsm_nodejs_heap_size_used_bytes', 'Heap that JavaScript uses', () => memory().heapUsed],
  ['fsm_nodejs_external_memory_bytes', 'Memory outside of the heap that JavaScript holds', () => memory().external],
  [
    'fsm_nodejs_eventloop_utilization',
    'Share of the time since the start that the event loop was busy',
    () => performance.eventLoopUtilization().utilization,
  ],
];

function cpuSeconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
