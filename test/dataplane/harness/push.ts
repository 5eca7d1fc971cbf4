/** A control plane for tests, which says "this tree, now". It speaks the push protocol as `push/protocol.ts` has it. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { formatProblem } from '../../../src/api/problem.ts';
import { LineReader } from '../../../src/dataplane/push/lines.ts';
import { lineMaxBytes, type ProxyLine, type PushLine, pushProtocol } from '../../../src/dataplane/push/protocol.ts';
import type { Hash } from '../../../src/engine/canonical.ts';
import type { Tree } from './tree.ts';

export interface PushOptions {
  readonly key: string;
  readonly cert: string;
  /** Root of the proxies' certificates. */
  readonly ca: string;
  readonly address: string;
}

interface Waiting {
  readonly root: Hash;
  resolve(): void;
  reject(error: Error): void;
}

export class TestPush {
  readonly #options: PushOptions;
  readonly #trees = new Map<string, Tree>();
  readonly #sockets = new Map<string, TLSSocket>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #heard: { readonly uid: string; readonly line: ProxyLine }[] = [];
  readonly #listeners = new Set<() => void>();
  #server: Server;
  #port = 0;
  /** Handshakes that failed. */
  refused = 0;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#server = this.#create();
  }

  async open(): Promise<this> {
    this.#server.listen(this.#port, this.#options.address);
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get address(): string {
    return `${this.#options.address}:${this.#port}`;
  }

  /** Goes away, as a control plane does that is killed; `reopen` brings it back on the same port. */
  async close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async reopen(): Promise<void> {
    this.#server = this.#create();
    await this.open();
  }

  /** Gives a proxy a tree. @returns when it is acknowledged; rejects when it is refused */
  give(uid: string, tree: Tree): Promise<void> {
    this.#trees.set(uid, tree);
    const answered = new Promise<void>((resolve, reject) => {
      this.#waiting.set(uid, { root: tree.root, resolve, reject });
    });
    this.#sendTree(uid);
    return answered;
  }

  /** Sends a line as it is. */
  say(uid: string, line: PushLine | string): void {
    const text = typeof line === 'string' ? line : JSON.stringify(line);
    this.#sockets.get(uid)?.write(`${text}\n`);
  }

  /** The first line from a proxy, now or later, that a predicate holds for. */
  async line(uid: string, holds: (line: ProxyLine) => boolean, after = 0): Promise<ProxyLine> {
    for (;;) {
      const found = this.#heard.slice(after).find(heard => heard.uid === uid && holds(heard.line));
      if (found !== undefined) return found.line;
      await new Promise<void>(resolve => this.#listeners.add(resolve));
    }
  }

  /** Resolves when a client has broken off its handshake: it does not trust this server. */
  async distrusted(): Promise<void> {
    while (this.refused === 0) await new Promise<void>(resolve => this.#listeners.add(resolve));
  }

  /** How many lines were heard so far: a position for `line`. */
  get position(): number {
    return this.#heard.length;
  }

  #create(): Server {
    const { key, cert, ca } = this.#options;
    const server = createServer({
      key,
      cert,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [pushProtocol],
    });
    server.on('secureConnection', socket => this.#accept(socket));
    server.on('tlsClientError', () => this.#note(() => this.refused++));
    return server;
  }

  #accept(socket: TLSSocket): void {
    const uid = /DNS:([^.,]+)\.pod\./.exec(socket.getPeerCertificate().subjectaltname ?? '')?.[1] ?? '';
    const reader = new LineReader(lineMaxBytes);
    this.#sockets.set(uid, socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#sockets.get(uid) === socket) this.#sockets.delete(uid);
    });
    socket.on('data', chunk => {
      for (const text of reader.push(chunk)) this.#onLine(uid, JSON.parse(text) as ProxyLine);
    });
  }

  #onLine(uid: string, line: ProxyLine): void {
    const waiting = this.#waiting.get(uid);
    if (line.t === 'hello' && line.root === this.#trees.get(uid)?.root) waiting?.resolve();
    else if (line.t === 'hello' || line.t === 'need') this.#sendTree(uid);
    if (line.t === 'ack' && line.root === waiting?.root) waiting.resolve();
    if (line.t === 'nack' && line.root === waiting?.root) waiting.reject(new Error(formatProblem(line.problem)));
    this.#note(() => this.#heard.push({ uid, line }));
  }

  #note(change: () => void): void {
    change();
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  #sendTree(uid: string): void {
    const tree = this.#trees.get(uid);
    const socket = this.#sockets.get(uid);
    if (tree === undefined || socket === undefined) return;
    const nodes = tree.fragments.map(({ hash, bytes }) => `{"t":"node","h":"${hash}","v":${bytes}}\n`);
    const mark = { cluster: 'test', versions: {} };
    socket.write(`${nodes.join('')}${JSON.stringify({ t: 'commit', root: tree.root, rev: 'test.1', mark })}\n`);
  }
}
