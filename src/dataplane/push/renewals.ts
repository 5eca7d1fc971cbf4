/** When each stream's certificate is due, and which one it holds now. */
import { formatProblem, type Problem } from '../../api/problem.ts';
import type { HeldCertificate, Renewal } from '../../identity/renewal.ts';
import type { Peer } from './server.ts';

interface Held {
  readonly dueAtMs: number;
  /** PEM chain of the last renewal; undefined as long as it is the connection's own. */
  readonly renewed?: string;
  /** What hindered the last try: it is told once, however often it is tried again. */
  readonly told?: string;
}

/** The certificates of all streams. */
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
    const known = this.#held.get(peer);
    if (known !== undefined && this.#now() < known.dueAtMs) return undefined;
    const certificate = known?.renewed ?? peer.certificate();
    if (certificate === undefined) return undefined;
    const dueAtMs = known?.dueAtMs ?? this.#renewal.dueAt(certificate).getTime();
    this.#held.set(peer, { ...known, dueAtMs });
    return this.#now() < dueAtMs ? undefined : this.#renewed(peer, certificate);
  }

  async #renewed(peer: Peer, certificate: HeldCertificate): Promise<string | undefined> {
    const result = await this.#renewal.renew(certificate);
    if (!result.ok) {
      this.#tell(peer, result.problem);
      return undefined;
    }
    const { certificatePem } = result.certificate;
    this.#held.set(peer, { renewed: certificatePem, dueAtMs: this.#renewal.dueAt(certificatePem).getTime() });
    return certificatePem;
  }

  #tell(peer: Peer, problem: Problem): void {
    const [held, text] = [this.#held.get(peer), formatProblem(problem)];
    if (held === undefined || held.told === text) return;
    this.#held.set(peer, { ...held, told: text });
    this.#onProblem(problem);
  }
}
