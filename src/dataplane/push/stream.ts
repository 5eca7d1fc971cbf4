/** One proxy's stream: what it runs, what is on its way, and the writer that makes bytes only as fast as they leave. */
import type { Duplex } from 'node:stream';
import type { Problem } from '../../api/problem.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { Fragment } from '../../engine/config.ts';
import type { FragmentStore } from '../../engine/store.ts';
import { LineReader } from './lines.ts';
import { lineMaxBytes, type Mark, type ProxyLine, type PushLine } from './protocol.ts';
import { Writer, type WriterHost } from './writer.ts';

/** The connection under a stream: a verified TLS socket, or a simulated one. */
export type Connection = Duplex & { setNoDelay(on: boolean): unknown };

/** A root at a moment, as `fsm proxy list` shows it. */
export interface Position {
  readonly root: Hash;
  readonly rev: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What the stream asks of its surroundings. */
export interface StreamHost extends WriterHost {
  readonly store: FragmentStore;
  now(): number;
  /** The configuration that this proxy should run, with the revision and mark that go into its commit. */
  current(): { readonly fragment: Fragment; readonly rev: string; readonly mark: Mark } | undefined;
  /** A configuration is on its way. */
  onCommit(position: Position): void;
  /** The proxy runs what it should, as of this revision. */
  onRunning(position: Position): void;
  onLine(line: ProxyLine): void;
  onClosed(why: string): void;
}

export class ProxyStream {
  readonly socket: Connection;
  readonly #host: StreamHost;
  readonly #reader = new LineReader(lineMaxBytes);
  readonly #writer: Writer;
  hello: Extract<ProxyLine, { t: 'hello' }> | null = null;
  sent: Position | null = null;
  acked: Position | null = null;
  problem: Problem | null = null;
  /** Nothing is sent for now: the proxy is ahead of what is known here. */
  hold = false;
  /** A commit is under way: written or being written, and not answered. */
  #busy = false;
  /** Since when, as `elapsedMs` counts. */
  #busySinceMs = 0;
  /** Root that the proxy refused: not sent again. */
  #refused: Hash | null = null;
  /** Roots that this stream holds in the store: the one in force, the one under way. */
  #held: readonly Hash[] = [];
  #closed = false;

  constructor(socket: Connection, host: StreamHost) {
    this.socket = socket;
    this.#host = host;
    this.#writer = new Writer(socket, host);
    socket.on('data', chunk => this.#read(chunk));
    socket.on('error', error => this.close(error.message));
    socket.on('close', () => this.close('the proxy closed the connection'));
  }

  /** Sends what the proxy should run and does not, unless a commit is under way: then its answer comes back here. */
  pump(): void {
    if (this.#closed || this.#busy || this.hold || this.hello === null) return;
    const current = this.#host.current();
    if (current === undefined || current.fragment.hash === this.#refused) return;
    const { fragment, rev, mark } = current;
    if (fragment.hash === this.running) return this.#stays(fragment.hash, rev);
    this.#busy = true;
    this.#busySinceMs = this.#host.elapsedMs();
    this.#hold(fragment.hash);
    this.sent = { root: fragment.hash, rev, at: this.#host.now() };
    this.#host.onCommit(this.sent);
    const lines = this.#lines(fragment, { t: 'commit', root: fragment.hash, rev, mark });
    this.#writer.write({ lines, isWanted: () => this.#isUnderWay(fragment.hash) });
  }

  /** It runs what it should already, came with it or has it again: that, too, is an answer to what changed. */
  #stays(root: Hash, rev: string): void {
    this.acked = { root, rev, at: this.#host.now() };
    this.#host.onRunning(this.acked);
  }

  /** Whether this is what is being written or waits for its answer; then it is in the store. */
  #isUnderWay(root: Hash): boolean {
    return !this.#closed && this.#busy && this.sent?.root === root;
  }

  /** Whether it runs this root, and has no other one still to answer. */
  runs(root: Hash): boolean {
    return this.acked?.root === root && (!this.#busy || this.sent?.root === root);
  }

  /** Called now and then: a proxy that reads nothing keeps no others waiting. */
  hurry(): void {
    this.#writer.hurry();
  }

  /** Writes one line that is not part of a configuration. */
  send(line: PushLine): void {
    if (!this.#closed) this.socket.write(`${JSON.stringify(line)}\n`);
  }

  /** The root in force at the proxy: the acknowledged one, or the one it came with. */
  get running(): Hash | null {
    return this.acked?.root ?? this.hello?.root ?? null;
  }

  /** A root that the store no longer has is answered with inner nodes only: the proxy asks for the leaves it lacks. */
  *#lines(fragment: Fragment, commit: PushLine): Generator<string> {
    const running = this.running;
    const known = running !== null && this.#host.store.get(running) !== undefined;
    for (const part of this.#host.store.changes(fragment.hash, known ? running : null)) {
      const leaf = Object.keys(part.refs).length === 0;
      if (!leaf || known || running === null) yield nodeLine(part);
    }
    yield `${JSON.stringify(commit)}\n`;
  }

  /** Answers `need`: the nodes asked for, and the commit again. */
  supply(hashes: readonly Hash[], root: Hash): void {
    if (this.sent?.root !== root || !this.#busy) return;
    const current = this.#host.current();
    const mark = current?.mark ?? { cluster: '', versions: {} };
    const fragments = hashes.flatMap(hash => this.#host.store.get(hash) ?? []);
    const commit: PushLine = { t: 'commit', root, rev: this.sent.rev, mark };
    const lines = [...fragments.map(nodeLine), `${JSON.stringify(commit)}\n`];
    this.#writer.write({ lines, isWanted: () => this.#isUnderWay(root) });
  }

  #read(chunk: Buffer): void {
    try {
      for (const line of this.#reader.push(chunk)) if (!this.#closed) this.#host.onLine(JSON.parse(line) as ProxyLine);
    } catch (error) {
      this.close(`unreadable line: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The hello of a proxy that runs a root which the store still has holds it, so that only differences are sent. */
  begin(hello: Extract<ProxyLine, { t: 'hello' }>): void {
    this.hello = hello;
    if (hello.root !== null && this.#host.store.get(hello.root) !== undefined) this.#hold(hello.root);
    this.pump();
  }

  acknowledge(root: Hash): void {
    if (this.sent?.root !== root) return;
    this.acked = { ...this.sent, at: this.#host.now() };
    this.problem = null;
    this.#refused = null;
    this.#host.onRunning(this.acked);
    this.#settle(root);
  }

  refuse(root: Hash, problem: Problem): void {
    if (this.sent?.root !== root) return;
    this.problem = problem;
    this.#refused = root;
    this.#settle(this.running);
  }

  /** The answer is here: lets go of every root but the one in force, and sends what has changed meanwhile. */
  #settle(keep: Hash | null): void {
    this.#busy = false;
    this.#letGo(root => root !== keep);
    this.pump();
  }

  #hold(root: Hash): void {
    if (this.#held.includes(root)) return;
    this.#held = [...this.#held, root];
    this.#host.store.retain(root);
  }

  #letGo(goes: (root: Hash) => boolean): void {
    const going = this.#held.filter(goes);
    this.#held = this.#held.filter(root => !goes(root));
    for (const root of going) this.#host.store.release(root);
  }

  /** How long the commit under way has been waiting for its answer; 0 when there is none. */
  waitingMs(): number {
    return this.#busy ? this.#host.elapsedMs() - Math.max(this.#busySinceMs, this.#writer.movedMs()) : 0;
  }

  close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.end();
    this.socket.destroy();
    // What it ran may be held on by others, which has to be before it is let go.
    this.#host.onClosed(why);
    this.#letGo(() => true);
  }
}

/** The fragment's own canonical bytes, unparsed: what was hashed is what is sent. */
function nodeLine(fragment: Fragment): string {
  return `{"t":"node","h":"${fragment.hash}","v":${fragment.bytes}}\n`;
}
