/**
 * The words of the benchmark harness. A suite names experiments; an experiment names targets and one point on each axis;
 * rounds of its targets are run in turn (A B C A B C …), and what each round measured is a line of the run's journal.
 * Everything that is shown (summaries, ratios, the page) is computed from these lines.
 */

/** What is spoken between the load and the target. `http2` and `grpc` in clear text with prior knowledge (RFC 9113 3.3). */
export type Protocol = 'http1' | 'http2' | 'grpc' | 'tcp' | 'tls' | 'websocket' | 'mqtt';

/** What a round measures. `latency` is open loop at a fixed rate, `throughput` closed loop at the most that goes. */
export type Measure = 'latency' | 'throughput';

/** One experiment: a point on every axis, and who is measured at it. */
export interface Experiment {
  /** Unique in its suite: `http1 latency 16 connections 1000/s`. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly measure: Measure;
  /** Names of targets and of variants, in their turn; the first is the baseline that ratios are of. */
  readonly targets: readonly string[];
  /** Targets that are measured in other settings than the plain one. */
  readonly variants?: readonly Variant[];
  readonly connections: number;
  /** Requests a second over all connections; for `latency` alone. */
  readonly rate?: number;
  /** Bytes of the body of an answer (of an echoed message for TCP and WebSocket, of a payload for MQTT). */
  readonly payloadBytes: number;
}

/** What a target is in front of, and the mesh that it is part of. */
export interface Setting {
  /** Places of the service that is called: each has an address of the app's, and in a pair a server's half of its own. */
  readonly upstreams: number;
  /** Services in the mesh's configuration besides the one that is called. */
  readonly services: number;
  /** `on`: TrafficTargets say who may call what; `off`: everybody in the mesh may call everything (permissive mode). */
  readonly policies: 'on' | 'off';
}

/** A target in another setting than the plain one: a row of its own, beside that of the target itself. */
export interface Variant extends Partial<Setting> {
  /** `pipy-pair, policies off`. */
  readonly name: string;
  /** The name of the target. */
  readonly target: string;
}

/** Experiments, and how often and how long each of them is run. */
export interface Suite {
  readonly name: string;
  readonly rounds: number;
  /** Length of one round. */
  readonly seconds: number;
  readonly experiments: readonly Experiment[];
}

/** Where a target is reached, for one protocol. */
export interface Endpoint {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  /** The Host header or `:authority`. */
  readonly authority: string;
  /** Path that answers with exactly as many bytes: `/bytes/<n>`. */
  readonly path: string;
  /** TLS towards the target itself, for handshakes: the authority's certificate, PEM. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
  /** TCP through a sidecar that intercepts nothing: the connection begins with a CONNECT for this `host:port`. */
  readonly connect?: string;
}

/** What the load of one round is told. */
export interface LoadPlan {
  readonly protocol: Protocol;
  readonly measure: Measure;
  readonly endpoint: Endpoint;
  readonly connections: number;
  /** Threads that send; connections are spread over them. */
  readonly threads: number;
  readonly rate?: number;
  readonly payloadBytes: number;
  /** Sends before anything counts, seconds. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Quantiles of a histogram, µs, and the histogram itself. */
export interface Distribution {
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** The whole of it: HdrHistogram V2, compressed, base64; values are µs. */
  readonly histogram: string;
}

/** What the load of one round saw. */
export interface LoadResult {
  /** Answers that were right, after the warm-up. */
  readonly answers: number;
  /**
   * Right answers between the warm-up and the end, whenever they were due: what the rate is of. `answers` has those that came
   * after the end, too. For `latency` alone; older results do not have it.
   */
  readonly inTime?: number;
  /** Answers that were wrong (status, length), broken connections, and requests without an answer. */
  readonly wrong: number;
  readonly broken: number;
  readonly unanswered: number;
  /**
   * Of `unanswered`: requests that were still waited for two seconds after the end, their connections open. For `throughput`
   * alone; older results do not say.
   */
  readonly silent?: number;
  /** Length of what was counted, seconds. */
  readonly seconds: number;
  /** From the intended time of a request to the last byte of its answer; for `throughput`, from the real sending. */
  readonly latency: Distribution;
  /** How late the sender was: from the intended time to the real sending. Empty for `throughput`. */
  readonly lateness: Distribution | null;
  /** The sender had a real-time priority; never for `throughput`. */
  readonly urgent: boolean;
  /** Threads that sent; older results do not say. */
  readonly threads?: number;
  /** Share of one core that the busiest sending thread used, 0 to 1. */
  readonly busy: number;
  /** First few things that went wrong, as text. */
  readonly complaints: readonly string[];
}

/** Whose process it is. */
export type Role = 'load' | 'app' | 'proxy';

/** What a process used in a round. */
export interface ProcessUse {
  /** `harness`: the one that measures, in which the control plane of a mesh runs, too. Older results do not have it. */
  readonly role: Role | 'harness';
  /** `client sidecar`, `nginx`, … */
  readonly name: string;
  readonly cpuMs: number;
  /** Resident at the end of the round, and the most it ever was, MiB. */
  readonly rssMiB: number;
  readonly peakMiB: number;
}

/** One round of one target: a line of the journal. */
export interface Round {
  readonly experiment: string;
  readonly target: string;
  /** From 1. */
  readonly round: number;
  /** ISO 8601. */
  readonly at: string;
  /** Why it counts for nothing: the sender was late, the target died. Null when it counts. */
  readonly void: string | null;
  /** The load generator was the limit: the figure says how fast it is, not the target. */
  readonly clientBound: boolean;
  readonly load: LoadResult | null;
  readonly processes: readonly ProcessUse[];
}

/** A target that could not be measured here, or broke off. */
export interface Skip {
  readonly target: string;
  readonly why: string;
}

/** The machine and the programs: a result is compared within one, or by ratios. */
export interface Machine {
  readonly arch: string;
  readonly platform: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  /** Of cpufreq; null where the kernel has none. */
  readonly governor: string | null;
  /** `none` on bare metal, else the kind of hypervisor or emulation that was recognised. */
  readonly virtualisation: string;
  /** Machines whose figures may stand in one baseline: `x64-2c-AMD-EPYC-25-1`. */
  readonly class: string;
  /** Hyper-threads of one core; older results do not say. */
  readonly threadsPerCore?: number;
  /** Cores of each role, as `taskset -c` writes them; null where nothing is pinned. Older results do not say. */
  readonly pinning?: Readonly<Record<Role, string>> | null;
}

/** A whole run, or what is left of one that was stopped: the result file, schema `fsm-bench/1`. */
export interface Result {
  readonly schema: 'fsm-bench/1';
  readonly suite: Suite;
  readonly startedAt: string;
  readonly endedAt: string;
  /** `whole`, or why it ended early. */
  readonly state: string;
  readonly machine: Machine;
  /** Program → version; `fsm` also has the commit, with `+` when the tree was not clean. */
  readonly versions: Readonly<Record<string, string>>;
  /** Rules that were fixed before the run, in words. */
  readonly rules: readonly string[];
  readonly skips: readonly Skip[];
  readonly rounds: readonly Round[];
  /** Computed from the rounds. */
  readonly summary: readonly RowSummary[];
}

/** A figure with its interval (percentile bootstrap of 95 %); over few values that promises less, see `confidenceOf`. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One target of one experiment, over its rounds. */
export interface RowSummary {
  readonly experiment: string;
  readonly target: string;
  /** Rounds that count. */
  readonly rounds: number;
  readonly voids: number;
  readonly clientBound: boolean;
  readonly wrong: number;
  /** Medians over the rounds. */
  readonly perSecond: Estimate;
  readonly p50Us: Estimate;
  readonly p99Us: Estimate;
  /** How late the sender was at the most: p99 of its worst round, µs; null for `throughput`. */
  readonly latenessUs: number | null;
  /** CPU time of the target's own processes for one answer, µs; null for `direct`. */
  readonly cpuUsPerAnswer: Estimate | null;
  /** Sum over the target's own processes. */
  readonly rssMiB: number | null;
  readonly peakMiB: number | null;
  /** To the baseline's round of the same number, median over the rounds; null for the baseline itself. */
  readonly ratios: {
    readonly perSecond: Estimate;
    readonly p50: Estimate;
    readonly p99: Estimate;
    /** Pairs of rounds that it is the median over; older results do not say. */
    readonly pairs?: number;
  } | null;
}
