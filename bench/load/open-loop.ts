/**
 * The engine for latency. Requests have intended times, and the clock of each starts at its intended time, whatever has
 * become of the ones before (no coordinated omission; as wrk2 counts). At that time a request goes to the next connection,
 * in turn, that is free; when none is it waits in one queue for the first that is, and its clock runs. So a stall of the
 * target is seen by every request that was meant to be sent during it. wrk2 binds a request to a connection beforehand;
 * here a connection that is stuck holds up nothing but its own request, as in a client with a pool.
 *
 * Lateness is the sender's own: from the intended time to when the request was written, or was put into the queue since
 * no lane was free. Waiting in the queue is the target's time and belongs to the latency alone.
 */
import type { MessagePort } from 'node:worker_threads';
import { nowUs, until } from './clock.ts';
import { type Bounds, busyBetween, type Engine, graceMs, Underway, unbound } from './engine.ts';
import type { Lanes } from './lanes.ts';
import { Lead, type SharedLead } from './lead.ts';
import type { LaneEvents } from './protocols/protocol.ts';
import { Tally, type ThreadResult } from './tally.ts';

/** The part of the timetable that is a thread's: every `step`th time from `first`. */
export interface Share {
  readonly times: Float64Array;
  readonly first: number;
  readonly step: number;
  /** Connections of the thread. */
  readonly connections: number;
  /** Where the metronome says which time is near. */
  readonly wake: MessagePort;
  readonly lead: SharedLead;
}

/** Sent in one go when the sender is behind, before it looks for answers again. */
const most = 32;

/** The engine of one thread, for one round. */
export class OpenLoop implements Engine {
  readonly #share: Share;
  readonly #lead: Lead;
  readonly #tally = new Tally();
  readonly #underway = new Underway();
  readonly #free: FreeLanes;
  /** Intended times of requests for which no lane was free; those before `queueAt` have been sent since. */
  readonly #queue: number[] = [];
  #queueAt = 0;
  /** The next in the timetable. */
  #next: number;
  #polling = false;
  #bounds: Bounds = unbound;
  #lanes: Lanes | undefined;
  readonly #allAnswered = Promise.withResolvers<void>();

  constructor(share: Share) {
    this.#share = share;
    this.#lead = new Lead(share.lead);
    this.#free = new FreeLanes(share.connections);
    this.#next = share.first;
  }

  readonly events: LaneEvents = {
    ready: lane => {
      const dueUs = this.#queue[this.#queueAt];
      if (dueUs === undefined) return this.#free.add(lane);
      this.#queueAt += 1;
      this.#send(lane, dueUs);
    },
    answered: (lane, wrong) => {
      const now = nowUs();
      const dueUs = this.#underway.end(lane);
      // What comes in the grace is no part of the rate: it would make a target look as if it kept up.
      if (dueUs !== undefined && wrong === null && this.#counts(now) && now < this.#bounds.endUs) this.#tally.inTime();
      if (dueUs !== undefined && this.#counts(dueUs)) {
        if (wrong === null) this.#tally.answer(now - dueUs);
        else this.#tally.wrong(wrong);
      }
      this.#checkEnd();
    },
    gone: lane => {
      this.#free.remove(lane);
      this.#underway.lose(lane);
      this.#checkEnd();
    },
    broken: why => {
      if (this.#counts(nowUs())) this.#tally.broken(why);
    },
  };

  /** Its warm-up is part of the timetable: nothing is sent before. */
  async prove(lanes: Lanes): Promise<void> {
    this.#lanes = lanes;
  }

  async run(bounds: Bounds): Promise<ThreadResult> {
    this.#bounds = bounds;
    const { wake } = this.#share;
    wake.on('message', (index: number) => {
      this.#lead.woke(this.#dueAt(index) - nowUs());
      this.#sendDue();
    });
    const busy = busyBetween(bounds);
    await Promise.race([this.#allAnswered.promise, until(bounds.endUs + graceMs * 1000)]);
    wake.close();
    this.#giveUp();
    return this.#tally.result(await busy);
  }

  /** Sends what is due, and looks again soon when the next is near. */
  #sendDue(): void {
    const { times, step } = this.#share;
    for (let sent = 0; this.#next < times.length && !this.#polling; sent += 1) {
      const dueUs = this.#dueAt(this.#next);
      const aheadUs = dueUs - nowUs();
      if (aheadUs > 2 * this.#lead.us) return;
      // Too short to sleep, or much to do at once: answers are read in between.
      if (aheadUs > 0 || sent === most) return this.#poll();
      this.#next += step;
      const lane = this.#free.take();
      if (lane === undefined) this.#queue.push(dueUs);
      else this.#send(lane, dueUs);
      this.#late(dueUs);
    }
  }

  #poll(): void {
    this.#polling = true;
    setImmediate(() => {
      this.#polling = false;
      this.#sendDue();
    });
  }

  #send(lane: number, dueUs: number): void {
    this.#underway.begin(lane, dueUs);
    this.#lanes?.send(lane);
  }

  #late(dueUs: number): void {
    if (this.#counts(dueUs)) this.#tally.late(nowUs() - dueUs);
  }

  #counts(us: number): boolean {
    return us >= this.#bounds.beginUs;
  }

  #dueAt(index: number): number {
    return this.#bounds.startUs + (this.#share.times[index] ?? 0);
  }

  #checkEnd(): void {
    const allSent = this.#next >= this.#share.times.length && this.#queueAt === this.#queue.length;
    if (allSent && this.#underway.size === 0) this.#allAnswered.resolve();
  }

  /** Enters what has no answer, and what a sender that was too slow by far has not come to. */
  #giveUp(): void {
    for (; this.#next < this.#share.times.length; this.#next += this.#share.step) {
      const dueUs = this.#dueAt(this.#next);
      this.#queue.push(dueUs);
      this.#late(dueUs);
    }
    const now = nowUs();
    for (const dueUs of [...this.#underway.lost, ...this.#underway.pending(), ...this.#queue.slice(this.#queueAt)])
      if (this.#counts(dueUs)) this.#tally.unanswered(now - dueUs);
  }
}

/** Lanes that can take a request. Connections take turns, so that streams are spread over them. */
class FreeLanes {
  readonly #connections: readonly Set<number>[];
  #count = 0;
  #turn = 0;

  constructor(connections: number) {
    this.#connections = Array.from({ length: connections }, () => new Set());
  }

  add(lane: number): void {
    const lanes = this.#of(lane);
    if (lanes === undefined || lanes.has(lane)) return;
    lanes.add(lane);
    this.#count += 1;
  }

  remove(lane: number): void {
    if (this.#of(lane)?.delete(lane)) this.#count -= 1;
  }

  take(): number | undefined {
    while (this.#count > 0) {
      this.#turn = (this.#turn + 1) % this.#connections.length;
      for (const lane of this.#connections[this.#turn] ?? []) {
        this.remove(lane);
        return lane;
      }
    }
  }

  #of(lane: number): Set<number> | undefined {
    return this.#connections[lane % this.#connections.length];
  }
}
