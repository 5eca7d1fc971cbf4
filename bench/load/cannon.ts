/**
 * Closed loop over HTTP/1.1 by autocannon. It drives the connections; what counts is counted here, from its events, since
 * its own histogram has whole milliseconds and its count ends with a sampling interval. The latency is that between its
 * events `request` (just before it writes) and `response`.
 *
 * It sends from the moment on at which it is made: handshakes belong to no round, and a proxy may open its own connections
 * only when it is asked, all at once by many clients. One run is all there is, for the end of one breaks off what is under
 * way, and proxies have to open everything anew.
 */

import { connect } from 'node:net';
import autocannon from 'autocannon';
import type { LoadPlan } from '../model.ts';
import { nowUs, until } from './clock.ts';
import { type Bounds, busyBetween, graceMs, Proof, unbound } from './engine.ts';
import { Unreachable } from './exit-codes.ts';
import { wrongAnswer } from './protocols/protocol.ts';
import { Tally, type ThreadResult } from './tally.ts';

/** How soon autocannon ends when it is told to. */
const sampleMs = 50;
/** Longer than any round: its own timeout would break connections off. */
const forever = 86_400;

/** A client of autocannon, as far as it is needed: `conn` is its socket, a new one whenever it has lost the last. */
type Client = autocannon.Client & { readonly conn?: { readonly bytesRead: number } };

/** What is known of a client. */
interface Seen {
  conn: Client['conn'];
  sentUs: number | undefined;
}

/** A thread's share of a closed loop: resolves when each connection has carried an answer. Rejects when nothing listens. */
export async function cannon(plan: LoadPlan, connections: number) {
  await probe(plan);
  const shots = new Shots(plan, connections);
  const running = start(plan, connections, shots);
  await shots.prove();
  return {
    async run(bounds: Bounds): Promise<ThreadResult> {
      shots.begin(bounds);
      const busy = await busyBetween(bounds);
      await Promise.race([shots.lastAnswered, until(bounds.endUs + graceMs * 1000)]);
      const result = shots.result(busy);
      await running.stop();
      return result;
    },
    close() {},
  };
}

/** autocannon tries for ever when it is refused. */
function probe({ endpoint: { host, port } }: LoadPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.on('connect', () => resolve());
    socket.on('error', error => reject(new Unreachable(`no connection to ${host}:${port}: ${error.message}`)));
    socket.on('connect', () => socket.destroy());
  });
}

/** A run that is under way; `stop` resolves when it has ended. */
interface Running {
  stop(): Promise<void>;
}

function start(plan: LoadPlan, connections: number, shots: Shots): Running {
  const { host, port, path, authority } = plan.endpoint;
  const ended = Promise.withResolvers<void>();
  const options: autocannon.Options = {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    headers: { host: authority },
    connections,
    pipelining: 1,
    duration: forever,
    timeout: forever,
    sampleInt: sampleMs,
    setupClient: client => shots.watch(client),
    verifyBody: body => shots.body(typeof body === 'string' ? body.length : (body?.length ?? 0)),
  };
  const tracker = autocannon(options, (error: unknown) => {
    if (error) ended.reject(error);
    else ended.resolve();
  });
  tracker.on('reqError', (error: Error) => shots.complain(error.message));
  return {
    stop() {
      tracker.stop();
      return ended.promise;
    },
  };
}

/** Follows the clients of one run. */
class Shots {
  readonly #tally = new Tally();
  readonly #clients = new Map<Client, Seen>();
  readonly #lost: number[] = [];
  readonly #last = Promise.withResolvers<void>();
  readonly #plan: LoadPlan;
  #bounds: Bounds = unbound;
  readonly #proof: Proof;
  /** The answer whose body is told next: autocannon tells them one right after the other. */
  #answer: { readonly status: number; readonly latencyUs: number } | undefined;
  #why = 'closed by the peer';

  constructor(plan: LoadPlan, connections: number) {
    this.#plan = plan;
    this.#proof = new Proof(connections);
  }

  /** Resolves when each connection has carried an answer, or when that takes too long, which is told. */
  prove(): Promise<void> {
    return this.#proof.complete(this.#tally);
  }

  /** Resolves when whatever was asked before the end has been answered. */
  get lastAnswered(): Promise<void> {
    return this.#last.promise;
  }

  /** Nothing counts before. */
  begin(bounds: Bounds): void {
    this.#bounds = bounds;
  }

  watch(client: Client): void {
    const seen: Seen = { conn: undefined, sentUs: undefined };
    client.once('response', () => this.#proof.add(client));
    this.#clients.set(client, seen);
    client.on('request' as 'response', () => this.#sends(client, seen));
    client.on('response', status => {
      const now = nowUs();
      const counts = seen.sentUs !== undefined && this.#counts(now);
      this.#answer = counts ? { status, latencyUs: now - (seen.sentUs ?? now) } : undefined;
      seen.sentUs = undefined;
      if (now >= this.#bounds.endUs) this.#ended(client);
    });
  }

  /** Called after `response`. autocannon keeps bodies as text, so this is the length in bytes for ASCII only. */
  body(length: number): boolean {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer === undefined) return true;
    const wrong = wrongAnswer(answer.status, length, this.#plan.payloadBytes);
    if (wrong === null) this.#tally.answer(answer.latencyUs);
    else this.#tally.wrong(wrong);
    return true;
  }

  complain(why: string): void {
    this.#why = why;
  }

  result(busy: number): ThreadResult {
    const now = nowUs();
    const waiting = [...this.#clients.values()].flatMap(({ sentUs }) => sentUs ?? []);
    const { endUs } = this.#bounds;
    for (const sentUs of this.#lost) this.#tally.unanswered(now - sentUs);
    for (const sentUs of waiting) if (sentUs < endUs) this.#tally.silent(now - sentUs);
    return this.#tally.result(busy);
  }

  #sends(client: Client, seen: Seen): void {
    const now = nowUs();
    const old = seen.conn;
    if (old !== undefined && old !== client.conn && this.#counts(now)) {
      this.#tally.broken(this.#why);
      // A connection that has never carried an answer lost nothing that had really been asked.
      if (seen.sentUs !== undefined && old.bytesRead > 0) this.#lost.push(seen.sentUs);
    }
    seen.conn = client.conn;
    seen.sentUs = now;
  }

  #ended(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#last.resolve();
  }

  #counts(now: number): boolean {
    return now >= this.#bounds.beginUs && now < this.#bounds.endUs;
  }
}
