/**
 * The sending half of a duel: one connection to each of two targets, one request at a time, in short blocks that take
 * turns (A B B A A B …). What slows the machine down for longer than some milliseconds slows both.
 * Reads a `DuelPlan` as JSON on stdin, prints a `DuelResult`.
 */
import { text } from 'node:stream/consumers';
import { nowUs } from '../bench/load/clock.ts';
import { openHTTP1 } from '../bench/load/protocols/http1.ts';
import type { Endpoint, LoadPlan } from '../bench/model.ts';
import { median } from '../bench/statistics.ts';

/** What is sent, where and how long. */
export interface DuelPlan {
  /** The reference first. */
  readonly endpoints: readonly [Endpoint, Endpoint];
  readonly payloadBytes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What came of it. */
export interface DuelResult {
  /** Middle latency of the reference, µs. */
  readonly referenceUs: number;
  /** That of the second target to it: the middle of the ratios of neighbouring blocks. */
  readonly ratio: number;
}

/** Requests of a block: some 15 ms. The first ones find cold caches and do not count. */
const [blockRequests, coldRequests] = [40, 5];

/** One connection, on which one waits for each answer. */
class Caller {
  readonly #connection;
  #ready = Promise.withResolvers<void>();
  #answered = Promise.withResolvers<void>();

  constructor(endpoint: Endpoint, payloadBytes: number) {
    const fail = (why: string): void => this.#answered.reject(new Error(why));
    const plan = { endpoint, payloadBytes } as LoadPlan;
    this.#connection = openHTTP1(plan, [0], {
      ready: () => this.#ready.resolve(),
      answered: (_lane, wrong) => (wrong === null ? this.#answered.resolve() : fail(wrong)),
      gone: () => fail('the connection broke off'),
      broken: fail,
    });
  }

  /** @returns µs from the sending to the last byte of the answer. @throws Error when it is not right */
  async ask(): Promise<number> {
    await this.#ready.promise;
    this.#ready = Promise.withResolvers();
    this.#answered = Promise.withResolvers();
    const sentUs = nowUs();
    this.#connection.send(0);
    await this.#answered.promise;
    return nowUs() - sentUs;
  }
}

async function block(caller: Caller): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < blockRequests; at++) {
    const us = await caller.ask();
    if (at >= coldRequests) times.push(us);
  }
  return median(times);
}

async function exchange(seconds: number, [reference, other]: readonly [Caller, Caller]): Promise<DuelResult> {
  const [ratios, referenceUs]: [number[], number[]] = [[], []];
  for (const endUs = nowUs() + seconds * 1e6; nowUs() < endUs; ) {
    const isFirst = ratios.length % 2 === 0;
    const early = await block(isFirst ? reference : other);
    const late = await block(isFirst ? other : reference);
    ratios.push(isFirst ? late / early : early / late);
    referenceUs.push(isFirst ? early : late);
  }
  return { referenceUs: median(referenceUs), ratio: median(ratios) };
}

const { endpoints, payloadBytes, warmUpSeconds, seconds } = JSON.parse(await text(process.stdin)) as DuelPlan;
const [reference, other] = endpoints;
const callers = [new Caller(reference, payloadBytes), new Caller(other, payloadBytes)] as const;
await exchange(warmUpSeconds, callers);
process.stdout.write(`${JSON.stringify(await exchange(seconds, callers))}\n`, () => process.exit(0));
