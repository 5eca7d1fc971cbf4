/**
 * Simulated proxies: each holds a real mutual-TLS stream, stages what it is sent and acknowledges it. Every fiftieth
 * keeps its nodes and checks that each commit can be reached; the others count bytes, for all of them share one core.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type TLSSocket } from 'node:tls';
import { type Mark, type ProxyLine, type PushLine, pushProtocol } from '../../src/dataplane/push/protocol.ts';
import { configFormat } from '../../src/engine/config.ts';
import { createRootIssuer, type Issuer } from '../../src/identity/issuer.ts';
import { controlPlaneName } from '../../src/identity/protocol.ts';
import { loadOrCreateRoot } from '../../src/identity/root-store.ts';
import { answer, clockMs, tell } from './messages.ts';
import { Tree } from './tree.ts';

/** A pod whose proxy is simulated. `id` is the bench's. */
export interface Simulated {
  readonly id: number;
  readonly namespace: string;
  readonly account: string;
  readonly uid: string;
}

/** Commits that came in one turn: which proxy, when (see `clockMs`). */
export interface Commits {
  readonly commits: readonly (readonly [id: number, at: number])[];
}

const checkEvery = 50;
const trustDomain = 'cluster.local';
const validityMs = 24 * 3600 * 1000;

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const publicPem = publicKey.export({ format: 'pem', type: 'spki' }).toString();

let issuer: Issuer;
let place: { readonly controlRootFile: string; readonly port: number; readonly host: string };
const proxies = new Map<number, SimulatedProxy>();
let commits: [number, number][] = [];

/** One proxy. */
class SimulatedProxy {
  readonly #pod: Simulated;
  readonly #cert: string;
  readonly #tree: Tree | null;
  #socket: TLSSocket | null = null;
  #rest: Buffer[] = [];
  #root: string | null = null;
  #mark: Mark | null = null;
  #stopped = false;
  bytes = 0;
  connected = false;

  constructor(pod: Simulated, cert: string) {
    this.#pod = pod;
    this.#cert = cert;
    this.#tree = pod.id % checkEvery === 0 ? new Tree() : null;
  }

  get held(): { nodes: number; bytes: number } | null {
    return this.#tree && this.#root !== null ? this.#tree.size(this.#root) : null;
  }

  start(ca: string): void {
    const { host, port } = place;
    const socket = connect({
      ...{ host, port, ca, cert: this.#cert, key },
      servername: controlPlaneName,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [pushProtocol],
    });
    this.#socket = socket;
    this.#rest = [];
    socket.once('secureConnect', () => this.#hello(socket));
    socket.on('data', chunk => this.#read(socket, chunk));
    socket.on('error', () => {});
    socket.once('close', () => {
      this.connected = false;
      if (!this.#stopped) setTimeout(() => this.start(ca), 50 + Math.random() * 400);
    });
  }

  #hello(socket: TLSSocket): void {
    socket.setNoDelay(true);
    this.connected = true;
    const position = { root: this.#root, mark: this.#mark };
    say(socket, { t: 'hello', formats: [configFormat], shell: 'bench/1', thread: 0, ...position });
  }

  /** Only the last line of a chunk can be unfinished; lines are looked at as bytes, for most need no more. */
  #read(socket: TLSSocket, chunk: Buffer): void {
    this.bytes += chunk.length;
    let from = 0;
    for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
      this.#rest.push(chunk.subarray(from, end));
      this.#line(socket, this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest));
      this.#rest = [];
      from = end + 1;
    }
    if (from < chunk.length) this.#rest.push(Buffer.from(chunk.subarray(from)));
  }

  #line(socket: TLSSocket, line: Buffer): void {
    // {"t":"c… is a commit or a certificate, {"t":"n… a node, {"t":"b… a heartbeat.
    const kind = line[6];
    if (kind === 0x6e) this.#tree?.stage(line.toString());
    if (kind !== 0x63) return;
    const said = JSON.parse(line.toString()) as PushLine;
    if (said.t !== 'commit') return;
    const lacking = this.#tree?.commit(said.root) ?? [];
    if (lacking.length > 0) return say(socket, { t: 'need', h: lacking, root: said.root });
    commits.push([this.#pod.id, clockMs()]);
    if (commits.length === 1) setImmediate(report);
    this.#root = said.root;
    this.#mark = said.mark;
    say(socket, { t: 'ack', root: said.root });
  }

  /** The connection breaks; the proxy comes again by itself. */
  drop(): void {
    this.#socket?.destroy();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }
}

function say(socket: TLSSocket, line: ProxyLine): void {
  socket.write(`${JSON.stringify(line)}\n`);
}

function report(): void {
  tell({ commits } satisfies Commits);
  commits = [];
}

async function settle(given: { stateDir: string; controlRootFile: string; host: string; port: number }): Promise<void> {
  place = given;
  const options = { trustDomain, validityMs: 10 * 365 * validityMs, now: Date.now };
  issuer = createRootIssuer(await loadOrCreateRoot(given.stateDir, { ...options, purpose: 'mesh' }));
}

/** Makes certificates and connects; who is refused tries again. */
async function start(pods: readonly Simulated[]): Promise<void> {
  const ca = await readFile(place.controlRootFile, 'utf8');
  for (const pod of pods) {
    const { namespace, account: serviceAccount, uid: podUid } = pod;
    const identity = { trustDomain, namespace, serviceAccount, podUid };
    const { certificatePem } = await issuer.issue({ publicKey: publicPem, identity, validityMs });
    proxies.set(pod.id, new SimulatedProxy(pod, certificatePem));
  }
  for (const { id } of pods) proxies.get(id)?.start(ca);
}

function stop(ids: readonly number[]): void {
  for (const id of ids) {
    proxies.get(id)?.stop();
    proxies.delete(id);
  }
}

function state() {
  const all = [...proxies.values()];
  const held = all.flatMap(proxy => proxy.held ?? []);
  return {
    connected: all.filter(({ connected }) => connected).length,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    held,
  };
}

answer({
  settle,
  start,
  stop,
  drop: () => {
    for (const proxy of proxies.values()) proxy.drop();
  },
  state,
});
