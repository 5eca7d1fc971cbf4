/** When each stream's certificate is due, and which one it holds now. */
import type { Problem } from '../../api/problem.ts';
import type { HeldCertificate, Renewal } from '../../identity/renewal.ts';
import type { Peer } from './server.ts';

interface Held {
  readonly certificate: HeldCertificate;
  readonly dueAtMs: number;
}

export class RenewalBook {
  readonly #renewal: Renewal;
  readonly #onProblem: (problem: Problem) => void;
  readonly #now: () => number;
  /** A peer is one stream's: its entry goes with it. */
  readonly #held = new WeakMap<Peer, Held>();

  constructor(renewal: Renewal, onProblem: (problem: Problem) => void, now: () => number = Date.now) {
    this.#renewal = renewal;
    this.#onProblem = onProblem;
    this.#now = now;
  }

  /** The next certificate of a stream when it is due, as a PEM chain for the same key. */
  async renew(peer: Peer): Promise<string | undefined> {
    const held = this.#held.get(peer) ?? this.#hold(peer, peer.certificate);
    if (this.#now() < held.dueAtMs) return undefined;
    const renewed = await this.#renewal.renew(held.certificate);
    if (!renewed.ok) {
      this.#onProblem(renewed.problem);
      return undefined;
    }
    this.#hold(peer, renewed.certificate.certificatePem);
    return renewed.certificate.certificatePem;
  }

  #hold(peer: Peer, certificate: HeldCertificate): Held {
    const held = { certificate, dueAtMs: this.#renewal.dueAt(certificate).getTime() };
    this.#held.set(peer, held);
    return held;
  }
}
