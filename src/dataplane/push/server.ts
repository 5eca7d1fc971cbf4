/** Feeds every proxy its configuration: streams by pod, the latest state only, and who acknowledged what. */
import type { X509Certificate } from 'node:crypto';
import type { Problem } from '../../api/problem.ts';
import type { Fragment } from '../../engine/config.ts';
import { configFormat } from '../../engine/config.ts';
import type { FragmentStore } from '../../engine/store.ts';
import { Departed, type Running } from './departed.ts';
import type { Mark, ProxyLine } from './protocol.ts';
import { type Connection, type Position, ProxyStream } from './stream.ts';
import { Turns } from './turns.ts';

/** How long a proxy may leave a commit unanswered before its stream is ended. */
const answerMaxMs = 75_000;

/** How long a proxy that is ahead of this control plane keeps what it has, while this one catches up. */
const aheadMaxMs = 120_000;

/** Configurations of more than one write that are under way at a time. */
const largeWritesMax = 64;

/** Pods that are remembered before all are forgotten. */
const foreignersMax = 10_000;

/** The peer of a stream, from its verified certificate. */
export interface Peer {
  readonly podUid: string;
  readonly principal: string;
  /** Read from the connection each time, for thousands of them are not kept; undefined when that is over. */
  certificate(): X509Certificate | undefined;
}

/** What push asks of the control plane. */
export interface PushHost {
  readonly store: FragmentStore;
  /** Milliseconds since the epoch: what people read. */
  now(): number;
  /** Milliseconds since some moment, for waits: a clock that is set must not end or prolong them. The process's own unless given. */
  elapsedMs?(): number;
  /** The configuration of a pod's proxy, or undefined when it has none (yet). */
  rootOf(podUid: string): Fragment | undefined;
  /** `<journal id>.<revision>`. */
  rev(): string;
  mark(): Mark;
  /** Whether a proxy's configuration came from versions that this control plane has not yet seen. */
  behind?(mark: Mark): boolean;
  /** A proxy is there; the controller records it as enrolled when it does not know it. */
  onHello(peer: Peer): void;
  /** A configuration is on its way to a proxy; it acknowledged one. */
  onSent?(podUid: string, position: Position): void;
  onAck?(podUid: string, position: Position): void;
  /** A renewed certificate for a stream whose own is past its half, or undefined. Asked at every heartbeat. */
  renew?(peer: Peer): Promise<string | undefined>;
  onProblem(problem: Problem): void;
}

/** One stream as `fsm proxy list` shows it. */
export interface ProxyStatus {
  readonly uid: string;
  readonly principal: string;
  readonly shell: string;
  readonly thread: number;
  readonly sent: Position | null;
  readonly acked: Position | null;
  readonly problem: Problem | null;
}

type Member = readonly [stream: ProxyStream, peer: Peer];

export class PushServer {
  readonly #host: PushHost;
  /** By pod, which has one for each worker thread of its proxy; a list that is there is never changed. */
  readonly #streams = new Map<string, readonly Member[]>();
  /** Streams of proxies that are ahead of this control plane, and since when. */
  readonly #ahead = new Map<ProxyStream, { readonly mark: Mark; readonly sinceMs: number }>();
  readonly #departed: Departed;
  readonly #turns = new Turns(largeWritesMax);
  /** Pods whose proxies read other formats, as far as it was told. */
  readonly #foreigners = new Set<string>();
  #open = false;
  /** Configurations sent, to whichever proxy. */
  commits = 0;

  constructor(host: PushHost) {
    this.#host = host;
    this.#departed = new Departed(host.store);
  }

  /** Nothing is sent before the control plane has seen the whole cluster: half a state is not a configuration. */
  open(): void {
    this.#open = true;
    for (const [stream] of this.#all()) stream.pump();
  }

  /** Whether configurations go out. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Takes over a verified connection. */
  accept(socket: Connection, peer: Peer): void {
    socket.setNoDelay(true);
    const stream: ProxyStream = new ProxyStream(socket, {
      store: this.#host.store,
      turns: this.#turns,
      now: () => this.#host.now(),
      elapsedMs: () => this.#elapsedMs(),
      current: () => this.#current(peer.podUid),
      onCommit: position => {
        this.commits++;
        this.#host.onSent?.(peer.podUid, position);
      },
      onRunning: position => this.#onRunning(peer, position),
      onLine: line => this.#onLine(stream, peer, line),
      onClosed: () => this.#forget(stream, peer),
    });
    this.#streams.set(peer.podUid, [...this.#of(peer.podUid), [stream, peer]]);
  }

  /** The configuration of a pod's proxy has changed. */
  changed(podUid: string): void {
    for (const [stream] of this.#of(podUid)) stream.pump();
  }

  /** This control plane has seen more of the cluster: proxies that were ahead of it may not be any more. */
  advanced(): void {
    for (const [stream, { mark }] of this.#ahead) if (!this.#host.behind?.(mark)) this.#catchUp(stream);
  }

  #catchUp(stream: ProxyStream): void {
    this.#ahead.delete(stream);
    stream.hold = false;
    stream.pump();
  }

  #elapsedMs(): number {
    return this.#host.elapsedMs?.() ?? performance.now();
  }

  /** Ends what streams a pod has: it is not there any more. */
  end(podUid: string, why: string): void {
    for (const [stream] of this.#of(podUid)) stream.close(why);
  }

  connected(podUid: string): boolean {
    return this.#streams.has(podUid);
  }

  /** One heartbeat to everybody, in one tick; certificates past their half are renewed on the way. */
  async beat(): Promise<void> {
    for (const [stream, peer] of this.#all()) {
      if (stream.waitingMs() > answerMaxMs) {
        this.#host.onProblem(unanswered(peer, stream.waitingMs()));
        stream.close('no answer to a commit');
      } else stream.send({ t: 'beat' });
      stream.hurry();
    }
    this.#departed.prune(podUid => this.#host.rootOf(podUid) !== undefined);
    for (const [stream, { sinceMs, mark }] of this.#ahead) {
      if (this.#elapsedMs() - sinceMs < aheadMaxMs) continue;
      this.#host.onProblem(lagging(mark));
      this.#catchUp(stream);
    }
    for (const [stream, peer] of this.#all()) await this.#renew(stream, peer);
  }

  async #renew(stream: ProxyStream, peer: Peer): Promise<void> {
    const pem = await this.#host.renew?.(peer);
    if (pem !== undefined) stream.send({ t: 'cert', pem });
  }

  #of(podUid: string): readonly Member[] {
    return this.#streams.get(podUid) ?? [];
  }

  #all(): readonly Member[] {
    return [...this.#streams.values()].flat();
  }

  status(): ProxyStatus[] {
    return this.#all().map(([stream, { podUid, principal }]) => ({
      uid: podUid,
      principal,
      shell: stream.hello?.shell ?? '',
      thread: stream.hello?.thread ?? 0,
      sent: stream.sent,
      acked: stream.acked,
      problem: stream.problem,
    }));
  }

  /**
   * What the proxy of a pod runs, or ran when it left; undefined when nothing is known of it. Of several threads the
   * first one that does not run what it should yet speaks for all.
   */
  running(podUid: string): Running | undefined {
    const greeted = this.#of(podUid).flatMap(([stream]) => (stream.hello === null ? [] : [stream]));
    const wanted = this.#host.rootOf(podUid)?.hash;
    const stream = greeted.find(({ running }) => running !== wanted) ?? greeted[0];
    if (stream === undefined) return this.#departed.get(podUid);
    return { connected: true, ...runningOf(stream) };
  }

  /** Roots that are held for proxies that left. */
  get departedRoots(): readonly string[] {
    return this.#departed.roots;
  }

  close(): void {
    for (const [stream] of this.#all()) stream.close('the control plane stops');
    this.#departed.prune(() => false);
  }

  #current(podUid: string): { fragment: Fragment; rev: string; mark: Mark } | undefined {
    const fragment = this.#open ? this.#host.rootOf(podUid) : undefined;
    return fragment && { fragment, rev: this.#host.rev(), mark: this.#host.mark() };
  }

  #onLine(stream: ProxyStream, peer: Peer, line: ProxyLine): void {
    switch (line.t) {
      case 'hello':
        if (!line.formats.includes(configFormat)) return this.#foreign(stream, peer, line.formats);
        if (line.mark !== null && this.#host.behind?.(line.mark)) {
          stream.hold = true;
          this.#ahead.set(stream, { mark: line.mark, sinceMs: this.#elapsedMs() });
        }
        this.#host.onHello(peer);
        stream.begin(line);
        return this.#departed.remove(peer.podUid);
      case 'ack':
        return stream.acknowledge(line.root);
      case 'nack':
        this.#host.onProblem(line.problem);
        return stream.refuse(line.root, line.problem);
      case 'need':
        return stream.supply(line.h, line.root);
      case 'certified':
        return;
      default:
        this.#host.onProblem(unknownLine(peer, line));
        stream.close('unknown line');
    }
  }

  /** It comes again and again, and is told of once: it keeps what it has until its pod starts anew. */
  #foreign(stream: ProxyStream, peer: Peer, formats: readonly number[]): void {
    if (this.#foreigners.size >= foreignersMax) this.#foreigners.clear();
    if (!this.#foreigners.has(peer.podUid)) this.#host.onProblem(unwritten(peer, formats));
    this.#foreigners.add(peer.podUid);
    stream.close(`formats ${formats} are not written here`);
  }

  /** A proxy of several threads has acknowledged what all of them run. */
  #onRunning({ podUid }: Peer, position: Position): void {
    const greeted = this.#of(podUid).filter(([{ hello }]) => hello !== null);
    if (greeted.every(([stream]) => stream.runs(position.root))) this.#host.onAck?.(podUid, position);
  }

  #forget(stream: ProxyStream, peer: Peer): void {
    const others = this.#of(peer.podUid).filter(([one]) => one !== stream);
    if (others.length > 0) this.#streams.set(peer.podUid, others);
    else this.#streams.delete(peer.podUid);
    this.#ahead.delete(stream);
    if (others.length === 0 && this.#host.rootOf(peer.podUid) !== undefined)
      this.#departed.add(peer.podUid, runningOf(stream));
    // It may be the one whose answer was waited for.
    for (const [{ acked }] of others) if (acked !== null) this.#onRunning(peer, acked);
  }
}

function runningOf({ running, acked, problem }: ProxyStream): Omit<Running, 'connected'> {
  return { root: running, acked, problem };
}

function lagging(mark: Mark): Problem {
  return {
    code: 'FSM3004',
    path: '',
    what: `a proxy runs a configuration of cluster ${mark.cluster} that is newer than anything seen here for two minutes`,
    why: 'a control plane that lags must not take a proxy back in time, and this one does not catch up',
    fix: 'look at its connection to the Kubernetes API; the proxy now gets what is known here',
  };
}

function unwritten(peer: Peer, formats: readonly number[]): Problem {
  return {
    code: 'FSM3006',
    path: '',
    what: `the proxy of pod ${peer.podUid} (${peer.principal}) reads format ${formats}, this control plane writes ${configFormat}`,
    why: 'read as another format a configuration might open what it closes, so the proxy keeps the one that it has',
    fix: 'start the pod anew, so that its sidecar is of the version of the control plane',
  };
}

function unanswered(peer: Peer, waitingMs: number): Problem {
  return {
    code: 'FSM3002',
    path: '',
    what: `the proxy of pod ${peer.podUid} (${peer.principal}) has not answered for ${Math.round(waitingMs / 1000)} s`,
    why: 'it may be stopped or overloaded, and runs its previous configuration',
    fix: 'look at the log of its sidecar; the stream is ended and the proxy connects again',
  };
}

function unknownLine(peer: Peer, line: never): Problem {
  const name = String((line as { t?: unknown }).t).slice(0, 40);
  return {
    code: 'FSM3003',
    path: '',
    what: `the proxy of pod ${peer.podUid} (${peer.principal}) sent a line of type ${name}`,
    why: 'the push protocol has no such line, or this control plane is older than the proxy',
    fix: 'upgrade the control plane before the sidecars',
  };
}
