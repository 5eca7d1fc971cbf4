/** Connections of a duel to one target, which send in bursts. */
import { nowUs } from '../bench/load/clock.ts';
import { type Lanes, openLanes } from '../bench/load/lanes.ts';
import type { Endpoint, LoadPlan } from '../bench/model.ts';
import { threadsCpuMs } from '../bench/run/usage.ts';

/** Whom a caller calls. */
export interface Callee {
  /** For errors. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Process ids of the target's own. */
  readonly pids: readonly number[];
  /** Of the app behind it. */
  readonly app: readonly number[];
  readonly payloadBytes: number;
}

/** What one burst saw; all times are µs. */
export interface Burst {
  /** Of each answer, in the order in which they came. */
  readonly latenciesUs: readonly number[];
  readonly us: number;
  /** CPU time of the target's own processes, of the app, and of this process. */
  readonly targetUs: number;
  readonly appUs: number;
  readonly loadUs: number;
}

/** Connections to one target, each with one request at a time. */
export class Caller {
  readonly #callee: Callee;
  readonly #lanes: Lanes;
  readonly #ready = new Set<number>();
  readonly #sentUs: number[] = [];
  #latenciesUs: number[] = [];
  #left = 0;
  #failure: Error | undefined;
  /** Resolves when all connections are open and nothing is under way; rejects with the first failure. */
  #idle = promiseOfIdle();

  constructor(callee: Callee, connections: number) {
    this.#callee = callee;
    const { endpoint, payloadBytes } = callee;
    const asked = { endpoint, payloadBytes, protocol: 'http1', measure: 'throughput' } as LoadPlan;
    this.#lanes = openLanes(asked, connections, {
      ready: lane => this.#next(lane),
      answered: (lane, wrong) => {
        this.#latenciesUs.push(nowUs() - (this.#sentUs[lane] ?? 0));
        if (wrong !== null) this.#fail(wrong);
      },
      gone: () => this.#fail('a connection broke off'),
      broken: why => this.#fail(why),
    });
  }

  /**
   * Sends so many requests on all connections, and waits for their answers.
   *
   * @throws Error when an answer was not right, or a connection broke, be it since the last burst
   */
  async burst(requests: number): Promise<Burst> {
    await this.#idle.promise;
    if (this.#failure !== undefined) throw this.#failure;
    this.#idle = promiseOfIdle();
    this.#latenciesUs = [];
    this.#left = requests;
    const { pids, app } = this.#callee;
    const [targetUs, appUs, loadUs] = [cpuUsOf(pids), cpuUsOf(app), ownCpuUs()];
    const beganUs = nowUs();
    for (const lane of [...this.#ready]) this.#next(lane);
    await this.#idle.promise;
    const us = nowUs() - beganUs;
    const spentUs = ownCpuUs() - loadUs;
    // Nothing is under way: none of it is missing.
    const cpu = { targetUs: cpuUsOf(pids) - targetUs, appUs: cpuUsOf(app) - appUs, loadUs: spentUs };
    return { latenciesUs: this.#latenciesUs, us, ...cpu };
  }

  #next(lane: number): void {
    if (this.#left > 0) {
      this.#left--;
      this.#ready.delete(lane);
      this.#sentUs[lane] = nowUs();
      this.#lanes.send(lane);
    } else {
      this.#ready.add(lane);
      if (this.#ready.size === this.#lanes.count) this.#idle.resolve();
    }
  }

  #fail(why: string): void {
    this.#failure ??= new Error(`${this.#callee.name}: ${why}`);
    this.#idle.reject(this.#failure);
  }

  close(): void {
    this.#lanes.close();
  }
}

/** A failure may come while nobody waits: it is thrown by the next burst. */
function promiseOfIdle(): PromiseWithResolvers<void> {
  const idle = Promise.withResolvers<void>();
  idle.promise.catch(() => {});
  return idle;
}

function cpuUsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + threadsCpuMs(pid), 0) * 1000;
}

function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
