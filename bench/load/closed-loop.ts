/**
 * The engine for throughput of what autocannon does not speak: each lane sends the next request when the last one is
 * answered, from the moment on at which all are open. Answers that come between the warm-up and the end are counted, whenever
 * they were asked for; latency is counted from the real sending.
 */
import { nowUs, until } from './clock.ts';
import { type Bounds, busyBetween, type Engine, graceMs, Proof, Underway, unbound } from './engine.ts';
import type { Lanes } from './lanes.ts';
import type { LaneEvents } from './protocols/protocol.ts';
import { Tally, type ThreadResult } from './tally.ts';

/** The engine of one thread, for one round. */
export class ClosedLoop implements Engine {
  readonly #tally = new Tally();
  readonly #underway = new Underway();
  /** Lanes that were ready before the start. */
  readonly #waiting = new Set<number>();
  #bounds: Bounds = unbound;
  #lanes: Lanes | undefined;
  #over = false;
  readonly #allAnswered = Promise.withResolvers<void>();
  #proof: Proof | undefined;

  readonly events: LaneEvents = {
    ready: lane => {
      if (this.#lanes === undefined) this.#waiting.add(lane);
      else this.#send(lane, this.#lanes);
    },
    answered: (lane, wrong) => {
      const now = nowUs();
      const sentUs = this.#underway.end(lane);
      this.#proof?.add(lane);
      if (sentUs !== undefined && this.#counts(now)) {
        if (wrong === null) this.#tally.answer(now - sentUs);
        else this.#tally.wrong(wrong);
      }
      this.#checkEnd();
    },
    gone: lane => {
      this.#waiting.delete(lane);
      if (this.#counts(nowUs())) this.#underway.lose(lane);
      else this.#underway.end(lane);
      this.#checkEnd();
    },
    broken: why => {
      if (this.#counts(nowUs())) this.#tally.broken(why);
    },
  };

  async prove(lanes: Lanes): Promise<void> {
    this.#lanes = lanes;
    this.#proof = new Proof(lanes.count);
    for (const lane of this.#waiting) this.#send(lane, lanes);
    await this.#proof.complete(this.#tally);
  }

  async run(bounds: Bounds): Promise<ThreadResult> {
    this.#bounds = bounds;
    const busy = await busyBetween(bounds);
    this.#over = true;
    this.#checkEnd();
    await Promise.race([this.#allAnswered.promise, until(bounds.endUs + graceMs * 1000)]);
    const now = nowUs();
    for (const sentUs of this.#underway.lost) this.#tally.unanswered(now - sentUs);
    for (const sentUs of this.#underway.pending()) this.#tally.silent(now - sentUs);
    return this.#tally.result(busy);
  }

  #send(lane: number, lanes: Lanes): void {
    if (this.#over) return;
    this.#underway.begin(lane, nowUs());
    lanes.send(lane);
  }

  #counts(now: number): boolean {
    return now >= this.#bounds.beginUs && now < this.#bounds.endUs;
  }

  #checkEnd(): void {
    if (this.#over && this.#underway.size === 0) this.#allAnswered.resolve();
  }
}
