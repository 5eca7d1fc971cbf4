/** One proxy's stream: what it runs, what is on its way, and the writer that makes bytes only as fast as they leave. */
import type { Duplex } from 'node:stream';
import type { Problem } from '../../api/problem.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { Fragment } from '../../engine/config.ts';
import type { FragmentStore } from '../../engine/store.ts';
import { LineReader } from './lines.ts';
import { lineMaxBytes, type Mark, type ProxyLine, type PushLine } from './protocol.ts';
import type { Turns } from './turns.ts';

/** Bytes handed to the socket at a time: the next ones are made when these went out. */
const writeBytes = 8 * 1024;

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
export interface StreamHost {
  readonly store: FragmentStore;
  now(): number;
  /** Milliseconds since some moment; no clock that is set moves it. */
  elapsedMs(): number;
  /** The configuration that this proxy should run, with the revision and mark that go into its commit. */
  current(): { readonly fragment: Fragment; readonly rev: string; readonly mark: Mark } | undefined;
  /** Taken by whoever writes more than fits into one write, until it is written. */
  readonly turns: Turns;
  /** A configuration is on its way. */
  onCommit(position: Position): void;
  onLine(line: ProxyLine): void;
  onClosed(why: string): void;
}

export class ProxyStream {
  readonly socket: Connection;
  readonly #host: StreamHost;
  readonly #reader = new LineReader(lineMaxBytes);
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
  /** The turn that this stream has to write a large configuration, and whether a heartbeat has passed over it. */
  #turn: { readonly end: () => void; old: boolean } | null = null;
  /** Root that the proxy refused: not sent again. */
  #refused: Hash | null = null;
  /** Roots that this stream holds in the store. */
  readonly #held = new Set<Hash>();
  #closed = false;

  constructor(socket: Connection, host: StreamHost) {
    this.socket = socket;
    this.#host = host;
    socket.on('data', chunk => this.#read(chunk));
    socket.on('error', error => this.close(error.message));
    socket.on('close', () => this.close('the proxy closed the connection'));
  }

  /** Sends what the proxy should run and does not, unless a commit is under way: then its answer comes back here. */
  pump(): void {
    if (this.#closed || this.#busy || this.hold || this.hello === null) return;
    const current = this.#host.current();
    if (current === undefined || current.fragment.hash === this.#running() || current.fragment.hash === this.#refused)
      return;
    const { fragment, rev, mark } = current;
    this.#busy = true;
    this.#busySinceMs = this.#host.elapsedMs();
    this.#hold(fragment.hash);
    this.sent = { root: fragment.hash, rev, at: this.#host.now() };
    this.#host.onCommit(this.sent);
    void this.#write(this.#lines(fragment, { t: 'commit', root: fragment.hash, rev, mark }));
  }

  /** Writes one line that is not part of a configuration. */
  send(line: PushLine): void {
    if (!this.#closed) this.socket.write(`${JSON.stringify(line)}\n`);
  }

  /** The root in force at the proxy: the acknowledged one, or the one it came with. */
  #running(): Hash | null {
    return this.acked?.root ?? this.hello?.root ?? null;
  }

  /** A root that the store no longer has is answered with inner nodes only: the proxy asks for the leaves it lacks. */
  *#lines(fragment: Fragment, commit: PushLine): Generator<string> {
    const running = this.#running();
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
    void this.#write([...fragments.map(nodeLine), `${JSON.stringify(commit)}\n`]);
  }

  /** What fits into one write goes at once; more waits for its turn, or two thousand whole configurations would be under way. */
  async #write(lines: Iterable<string>): Promise<void> {
    const chunks = inChunks(lines);
    const first = chunks.next();
    if (first.done) return;
    await this.#flush(first.value);
    if (first.value.length < writeBytes) return;
    this.#turn = { end: await this.#host.turns.take(), old: false };
    for (const chunk of chunks) {
      if (this.#closed) break;
      await this.#flush(chunk);
    }
    this.#turn?.end();
    this.#turn = null;
  }

  /** Called at every heartbeat: who still has the turn that it had at the last one reads too slowly to keep others waiting. */
  hurry(): void {
    if (this.#turn === null) return;
    if (this.#turn.old) {
      this.#turn.end();
      this.#turn = null;
    } else this.#turn.old = true;
  }

  #flush(chunk: string): Promise<void> {
    return new Promise(resolve => {
      if (this.#closed) resolve();
      else this.socket.write(chunk, () => resolve());
    });
  }

  #read(chunk: Buffer): void {
    try {
      for (const line of this.#reader.push(chunk)) this.#host.onLine(JSON.parse(line) as ProxyLine);
    } catch (error) {
      this.close(`unreadable line: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The hello of a proxy that runs a root which the store still has holds it, so that only differences are sent. */
  begin(hello: Extract<ProxyLine, { t: 'hello' }>): void {
    this.hello = hello;
    if (hello.root !== null && this.#host.store.get(hello.root) !== undefined) this.#hold(hello.root);
    const current = this.#host.current();
    if (hello.root !== null && current?.fragment.hash === hello.root)
      this.acked = { root: hello.root, rev: current.rev, at: this.#host.now() };
    this.pump();
  }

  acknowledge(root: Hash): void {
    if (this.sent?.root !== root) return;
    this.acked = { ...this.sent, at: this.#host.now() };
    this.problem = null;
    this.#refused = null;
    this.#settle(root);
  }

  refuse(root: Hash, problem: Problem): void {
    if (this.sent?.root !== root) return;
    this.problem = problem;
    this.#refused = root;
    this.#settle(this.#running());
  }

  /** The answer is here: lets go of every root but the one in force, and sends what has changed meanwhile. */
  #settle(keep: Hash | null): void {
    this.#busy = false;
    for (const root of this.#held) if (root !== keep) this.#letGo(root);
    this.pump();
  }

  #hold(root: Hash): void {
    if (this.#held.has(root)) return;
    this.#held.add(root);
    this.#host.store.retain(root);
  }

  #letGo(root: Hash): void {
    if (this.#held.delete(root)) this.#host.store.release(root);
  }

  /** How long the commit under way has been waiting for its answer; 0 when there is none. */
  waitingMs(): number {
    return this.#busy ? this.#host.elapsedMs() - this.#busySinceMs : 0;
  }

  close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const root of this.#held) this.#letGo(root);
    this.socket.destroy();
    this.#host.onClosed(why);
  }
}

/** Lines put together to at least `writeBytes` each, but for the last. */
function* inChunks(lines: Iterable<string>): Generator<string, void> {
  let chunk = '';
  for (const line of lines) {
    chunk += line;
    if (chunk.length < writeBytes) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

/** The fragment's own canonical bytes, unparsed: what was hashed is what is sent. */
function nodeLine(fragment: Fragment): string {
  return `{"t":"node","h":"${fragment.hash}","v":${fragment.bytes}}\n`;
}
