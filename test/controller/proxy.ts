/** A proxy that stages and acknowledges as the shells do, and remembers every line it was sent. */
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { enrol } from '../../src/dataplane/enrol/enrol.ts';
import { LineReader } from '../../src/dataplane/push/lines.ts';
import { lineMaxBytes, type ProxyLine, type PushLine, pushProtocol } from '../../src/dataplane/push/protocol.ts';
import type { AnyNode } from '../../src/engine/config.ts';
import { controlPlaneName } from '../../src/identity/protocol.ts';
import { rootCertificateFile } from '../../src/identity/root-store.ts';
import type { KubeObject } from '../../src/sandbox/api/objects.ts';
import type { Cluster } from '../sandbox/api/cluster.ts';

export interface FakeProxy {
  readonly nodes: Map<string, AnyNode>;
  readonly lines: PushLine[];
  /** Root in force; null before the first commit. */
  root(): string | null;
  /** Resolves with the nodes in force once they satisfy the condition; asked at each commit. */
  until(condition: (nodes: readonly AnyNode[]) => boolean): Promise<readonly AnyNode[]>;
  /** The first root that it is sent after so many lines, answered or not. */
  committed(after: number): Promise<string>;
  /** Nodes of a kind that the root in force reaches. */
  reached(): readonly AnyNode[];
  send(line: ProxyLine): void;
  /** Leaves commits unanswered from now on. */
  mute(): void;
  /** Opens the stream again, with what it runs. */
  reconnect(port: number): Promise<void>;
  /** Resolves when the control plane ends the stream. */
  ended(): Promise<unknown>;
  close(): void;
}

interface Place {
  readonly cluster: Cluster;
  readonly pod: KubeObject;
  readonly stateDir: string;
  readonly port: number;
}

export async function connectProxy(place: Place): Promise<FakeProxy> {
  const dir = await mkdtemp(join(place.stateDir, 'pod-'));
  const controlRootFile = rootCertificateFile(join(place.stateDir, 'control-root'));
  await enrolled(place, dir, controlRootFile);
  const tls = {
    ca: await readFile(controlRootFile, 'utf8'),
    cert: await readFile(join(dir, 'cert.pem'), 'utf8'),
    key: await readFile(join(dir, 'key.pem'), 'utf8'),
  };
  const proxy = new TestProxy(tls);
  await proxy.reconnect(place.port);
  return proxy;
}

async function enrolled({ cluster, pod, port }: Place, dir: string, controlRootFile: string): Promise<void> {
  const tokenFile = join(dir, 'token');
  const { namespace, name, uid } = pod.metadata;
  const account = (pod.spec as { serviceAccountName: string }).serviceAccountName;
  const body = {
    spec: { audiences: ['fsm.cluster.local'], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid } },
  };
  const { body: answer } = await cluster.call(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body,
  );
  await writeFile(tokenFile, String((answer.status as { token?: string } | undefined)?.token), { mode: 0o600 });
  const controlPlane = `127.0.0.1:${port}`;
  const log = () => {};
  const result = await enrol({
    podUid: String(uid),
    controlPlane,
    controlRootFile,
    tokenFile,
    stateDir: dir,
    timeoutMs: 10_000,
    log,
  });
  if (!result.ok) throw new Error(result.problem.what);
}

class TestProxy implements FakeProxy {
  readonly nodes = new Map<string, AnyNode>();
  readonly lines: PushLine[] = [];
  readonly #tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly #events = new EventEmitter();
  #socket: TLSSocket | undefined;
  #root: string | null = null;
  #mark: Extract<ProxyLine, { t: 'hello' }>['mark'] = null;
  #mute = false;

  constructor(tls: { readonly ca: string; readonly cert: string; readonly key: string }) {
    this.#tls = tls;
  }

  async reconnect(port: number): Promise<void> {
    const socket = connect({
      ...this.#tls,
      host: '127.0.0.1',
      port,
      servername: controlPlaneName,
      ALPNProtocols: [pushProtocol],
    });
    this.#socket = socket;
    const reader = new LineReader(lineMaxBytes);
    socket.on('error', () => socket.destroy());
    socket.on('data', chunk => {
      for (const line of reader.push(chunk)) this.#take(JSON.parse(line) as PushLine);
    });
    await once(socket, 'secureConnect');
    this.send({ t: 'hello', formats: [2], shell: 'fake/1', thread: 0, root: this.#root, mark: this.#mark });
  }

  #take(line: PushLine): void {
    this.lines.push(line);
    this.#events.emit('line');
    if (line.t === 'node') this.nodes.set(line.h, line.v);
    if (line.t !== 'commit' || this.#mute) return;
    const missing = this.#missing(line.root);
    if (missing.length > 0) return this.send({ t: 'need', h: missing, root: line.root });
    this.#root = line.root;
    this.#mark = line.mark;
    this.send({ t: 'ack', root: line.root });
    this.#events.emit('commit');
  }

  #missing(hash: string): string[] {
    const node = this.nodes.get(hash);
    return node === undefined ? [hash] : Object.values(node.refs).flatMap(child => this.#missing(child));
  }

  reached(): readonly AnyNode[] {
    const found = new Map<string, AnyNode>();
    const walk = (hash: string): void => {
      const node = this.nodes.get(hash);
      if (node === undefined || found.has(hash)) return;
      found.set(hash, node);
      for (const child of Object.values(node.refs)) walk(child);
    };
    if (this.#root !== null) walk(this.#root);
    return [...found.values()];
  }

  async until(condition: (nodes: readonly AnyNode[]) => boolean): Promise<readonly AnyNode[]> {
    while (!condition(this.reached())) await once(this.#events, 'commit', { signal: AbortSignal.timeout(8000) });
    return this.reached();
  }

  async committed(after: number): Promise<string> {
    for (;;) {
      const commit = this.lines.slice(after).find(line => line.t === 'commit');
      if (commit !== undefined) return commit.root;
      await once(this.#events, 'line', { signal: AbortSignal.timeout(8000) });
    }
  }

  root(): string | null {
    return this.#root;
  }

  send(line: ProxyLine): void {
    this.#socket?.write(`${JSON.stringify(line)}\n`);
  }

  mute(): void {
    this.#mute = true;
  }

  ended(): Promise<unknown> {
    return once(this.#socket as TLSSocket, 'close', { signal: AbortSignal.timeout(8000) });
  }

  close(): void {
    this.#socket?.destroy();
  }
}
