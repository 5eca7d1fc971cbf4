/** A whole generated mesh under measurement: API server, control plane and simulated proxies, each a process of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Receipt } from '../../src/engine/receipts.ts';
import { rootCertificateFile } from '../../src/identity/root-store.ts';
import { writeKubeconfig } from '../api-server.ts';
import type { Started, Write } from './api.ts';
import { nameOf, namespaceOf, type Size } from './mesh.ts';
import { Helper } from './messages.ts';
import { ControlPlane, type Ports } from './process.ts';
import type { Commits, Simulated } from './proxies.ts';

/** How a control plane is run. */
export interface RigOptions {
  readonly size: Size;
  readonly threads: number;
  readonly built: boolean;
  readonly nodeOptions?: readonly string[];
}

/** What simulated proxies say of themselves. */
export interface ProxyState {
  readonly connected: number;
  /** Received, over all proxies. */
  readonly bytes: number;
  readonly held: readonly { readonly nodes: number; readonly bytes: number }[];
}

/** A pod of the mesh with a simulated proxy. */
export interface MeshPod extends Simulated {
  readonly service: number;
  readonly index: number;
}

const helpersOfProxies = 2;
const allRigs = new Set<Rig>();

export class Rig {
  readonly size: Size;
  readonly #options: RigOptions;
  readonly #dir: string;
  readonly #api = new Helper('./api.ts');
  readonly #proxies: readonly Helper[];
  #kubeconfig = '';
  #port = 0;
  #plane: ControlPlane | null = null;
  #ports: Ports | null = null;
  #onCommit: (id: number, at: number) => void = () => {};
  pods: MeshPod[] = [];
  readonly #generations = new Map<number, number>();
  /** Commits since the rig was made. */
  commits = 0;

  private constructor(options: RigOptions, dir: string) {
    this.size = options.size;
    this.#options = options;
    this.#dir = dir;
    const onNews = (news: unknown): void => {
      for (const [id, at] of (news as Commits).commits) {
        this.commits++;
        this.#onCommit(id, at);
      }
    };
    this.#proxies = Array.from({ length: helpersOfProxies }, () => new Helper('./proxies.ts', onNews));
    allRigs.add(this);
  }

  /** The mesh is there; nothing looks at it yet. */
  static async make(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options, await mkdtemp(join(tmpdir(), 'fsm-scale-')));
    const token = crypto.randomUUID();
    const started = await rig.#api.ask<Started>('start', { token });
    rig.#kubeconfig = await writeKubeconfig(rig.#dir, started.port, started.ca, token);
    rig.#port = await freePort();
    const uids = await rig.#api.ask<string[]>('load', options.size);
    rig.pods = uids.map((uid, id) => simulated(id, uid, options.size));
    const place = { stateDir: join(rig.#dir, 'mesh-root'), host: '127.0.0.1', port: rig.#port };
    await rig.startPlane();
    const controlRootFile = rootCertificateFile(join(rig.#dir, 'control-root'));
    await Promise.all(rig.#proxies.map(helper => helper.ask('settle', { ...place, controlRootFile })));
    return rig;
  }

  /** An address of a service's first pod that it did not have before this one. */
  nextGeneration(service: number): number {
    const next = (this.#generations.get(service) ?? 0) + 1;
    this.#generations.set(service, next);
    return next;
  }

  get plane(): ControlPlane {
    if (this.#plane === null) throw new Error('no control plane runs');
    return this.#plane;
  }

  /** Starts the control plane. @returns when it was started, see `clockMs` */
  async startPlane(): Promise<void> {
    const { threads, built, nodeOptions } = this.#options;
    const { stateDir, kubeconfig } = { stateDir: this.#dir, kubeconfig: this.#kubeconfig };
    this.#plane = new ControlPlane(
      { kubeconfig, stateDir, threads, built, ...(nodeOptions && { nodeOptions }) },
      this.#port,
    );
    this.#ports = await this.#plane.ready;
  }

  /** Forgets the journal, so that the next control plane begins with nothing. */
  async loseJournal(): Promise<void> {
    for (const suffix of ['', '-wal', '-shm']) await rm(join(this.#dir, `journal.db${suffix}`), { force: true });
  }

  /** Connects proxies of pods; they keep trying while no control plane is there. */
  async connect(pods: readonly MeshPod[]): Promise<void> {
    await this.#each(
      pods.map(({ id }) => id),
      (helper, ids) =>
        helper.ask(
          'start',
          pods.filter(({ id }) => ids.has(id)),
        ),
    );
  }

  async disconnect(ids: readonly number[]): Promise<void> {
    await this.#each(ids, (helper, mine) => helper.ask('stop', [...mine]));
  }

  async #each(
    ids: readonly number[],
    tell: (helper: Helper, ids: ReadonlySet<number>) => Promise<unknown>,
  ): Promise<void> {
    await Promise.all(
      this.#proxies.map((helper, at) => tell(helper, new Set(ids.filter(id => id % helpersOfProxies === at)))),
    );
  }

  /** Breaks every stream. */
  async drop(): Promise<void> {
    await Promise.all(this.#proxies.map(helper => helper.ask('drop')));
  }

  async proxies(): Promise<ProxyState> {
    const states = await Promise.all(this.#proxies.map(helper => helper.ask<ProxyState>('state')));
    return {
      connected: states.reduce((sum, { connected }) => sum + connected, 0),
      bytes: states.reduce((sum, { bytes }) => sum + bytes, 0),
      held: states.flatMap(({ held }) => held),
    };
  }

  write(writes: readonly Write[]): Promise<{ at: number; uids: string[] }> {
    return this.#api.ask('write', writes);
  }

  /**
   * Does something and waits for commits to that many different proxies.
   *
   * @returns when each of them came
   * @throws Error when they do not come within the time
   */
  async committed<T>(
    proxies: number,
    act: () => Promise<T>,
    withinMs = 60_000,
  ): Promise<{ result: T; times: number[] }> {
    const seen = new Map<number, number>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#onCommit = (id, at) => {
      if (!seen.has(id)) seen.set(id, at);
      if (seen.size >= proxies) resolve();
    };
    const timer = setTimeout(() => reject(new Error(`${seen.size} of ${proxies} proxies heard of it`)), withinMs);
    try {
      const result = await act();
      if (proxies > 0) await promise;
      return { result, times: [...seen.values()] };
    } finally {
      clearTimeout(timer);
      this.#onCommit = () => {};
    }
  }

  async connected(count: number, withinMs = 120_000): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (Date.now() < deadline) {
      if ((await this.proxies()).connected >= count) return;
      await delay(50);
    }
    throw new Error(`fewer than ${count} proxies are connected`);
  }

  /** JSON of the read model. */
  async ask<T>(path: string): Promise<T> {
    return (await fetch(`http://127.0.0.1:${this.#ports?.readModel}${path}`)).json() as Promise<T>;
  }

  receipts(after: number): Promise<Receipt[]> {
    return this.ask(`/receipts?after=${after}`);
  }

  async state(): Promise<{ revision: number; counters: Record<string, number> }> {
    return this.ask('/state');
  }

  /** A sample of the control plane's own metrics by name. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#ports?.metrics}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  /** Resolves when the control plane has written all conditions: nothing of the past goes on beside what is measured. */
  async settled(): Promise<void> {
    while ((await this.metric('fsm_conditions_waiting')) > 0) await delay(500);
  }

  async close(): Promise<void> {
    allRigs.delete(this);
    await this.#plane?.end();
    this.#api.end();
    for (const helper of this.#proxies) helper.end();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** Whatever is left of a run that failed. */
export async function closeAll(): Promise<void> {
  for (const rig of allRigs) await rig.close();
}

function simulated(id: number, uid: string, { podsPerService }: Size): MeshPod {
  const [service, index] = [Math.floor(id / podsPerService), id % podsPerService];
  return { id, uid, service, index, namespace: namespaceOf(service), account: nameOf(service) };
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
