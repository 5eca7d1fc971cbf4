/** One simulated cluster with its mesh: the parts put together, and the watch over them. */

import type { Core } from '../../src/controller/core.ts';
import type { Tables } from '../../src/dataplane/policy/types.ts';
import { heartbeatSeconds } from '../../src/dataplane/push/protocol.ts';
import { fold } from '../../src/engine/fold.ts';
import type { MeshSnapshot } from '../../src/engine/model.ts';
import { proxyUid } from '../../src/engine/snapshot.ts';
import { admittedBy, allowedBy, differences } from './access.ts';
import { ApiServer } from './api-server.ts';
import { checkDerivation, checkReplay, checkStore, type Epochs, EventCheck } from './checks.ts';
import { ControlPlane } from './control-plane.ts';
import { Link } from './network.ts';
import { checkTables, endpointsOf, Listener, wentBack } from './pushes.ts';
import type { Random } from './random.ts';
import { type Owner, Sidecar } from './sidecar.ts';
import { Story } from './story.ts';
import { VirtualTime } from './time.ts';
import { type EndpointName, Truth } from './truth.ts';
import { Violations } from './violations.ts';
import { Workloads } from './workloads.ts';
import { World } from './world.ts';

/**
 * How long a proxy may know an endpoint that is gone, when nothing has been wrong for so long. The bounds of the product
 * add up: a proxy finds out that its connection is dead (three heartbeats, 75 s), waits for its next attempt (15 s), and
 * a watch comes back after its longest back-off (30 s).
 */
const endpointBoundMs = 3 * heartbeatSeconds * 1000 + 15_000 + 30_000;

/** The same where nothing was ever wrong: the way of the bytes, and the endpoint controller's and kubelet's own pace. */
const calmBoundMs = 10_000;

/** How long a control plane that is behind a proxy's mark may hold back; after that it sends what it knows. */
const aheadMs = 120_000;

/** One stream at the moment. */
interface Stream {
  readonly replica: ControlPlane;
  readonly listener: Listener;
  readonly openedMs: number;
}

/** What a proxy runs, as far as the checks remember it. */
interface Running {
  readonly endpoints: ReadonlySet<EndpointName>;
  readonly epochs: Epochs | undefined;
}

/** A whole simulated cluster; `run.ts` plays it. */
export class Simulation {
  readonly random: Random;
  readonly time = new VirtualTime();
  readonly story = new Story(this.time);
  readonly violations = new Violations();
  readonly api: ApiServer;
  readonly truth: Truth;
  readonly world: World;
  readonly workloads: Workloads;
  readonly controlPlanes: readonly ControlPlane[];
  /** By pod uid: those whose pod is there, and for a moment those whose pod is gone. */
  readonly sidecars = new Map<string, Sidecar>();
  /** Until when something that concerns everybody is wrong, milliseconds of virtual time. */
  disturbedMs = 0;
  readonly #events = new Map<ControlPlane, EventCheck>();
  readonly #streams = new Map<Sidecar, Stream>();
  readonly #open = new Map<ControlPlane, Set<Listener>>();
  readonly #running = new Map<Sidecar, Running>();
  /** `uid root` → who may do what, by the words of the policies. */
  readonly #allowed = new Map<string, string>();
  readonly #ran = new Map<string, Epochs | undefined>();

  constructor(random: Random, folder: string) {
    this.random = random;
    const { time } = this;
    this.api = new ApiServer(time, random.fork('api'));
    this.truth = new Truth(this.api.cluster, time);
    const kubelet = { starts: (owner: Owner) => this.#starts(owner), ends: (owner: Owner) => this.#ends(owner) };
    this.workloads = new Workloads(this.api.cluster, time, random.fork('workloads'), kubelet);
    this.world = new World(this.api.cluster, this.workloads, random.fork('world'));
    this.controlPlanes = this.#makeControlPlanes(folder);
    for (const replica of this.controlPlanes) {
      this.#events.set(replica, new EventCheck(this.api.cluster, this.truth, this.violations));
      this.#open.set(replica, new Set());
    }
  }

  #makeControlPlanes(folder: string): ControlPlane[] {
    const chance = this.random.fork('control planes');
    const count = chance.chance(0.5) ? 2 : 1;
    const shards = chance.chance(0.3) ? chance.between(1, 3) : 0;
    const shardDeaths = chance.chance(0.5) ? 0.1 : 0;
    const onFatal = (error: string) => this.violations.report('defect', error);
    return Array.from({ length: count }, (_, at) => {
      const name = `replica-${at + 1}`;
      return new ControlPlane(this.time, chance.fork(name), this.api, { name, folder, shards, shardDeaths, onFatal });
    });
  }

  /** Something that concerns everybody is wrong for so long from now on. */
  disturbed(ms: number): void {
    this.disturbedMs = Math.max(this.disturbedMs, this.time.nowMs + ms);
  }

  anySidecar(random: Random): Sidecar | undefined {
    const running = [...this.sidecars.values()].filter(sidecar => sidecar.running);
    return running.length === 0 ? undefined : random.pick(running);
  }

  /** A kubelet starts a sidecar again, unless its pod is gone meanwhile. */
  restart(sidecar: Sidecar): void {
    if (this.sidecars.get(sidecar.owner.uid) !== sidecar || sidecar.running) return;
    this.#running.delete(sidecar);
    sidecar.start();
  }

  #starts(owner: Owner): void {
    const world = {
      time: this.time,
      connect: (sidecar: Sidecar) => this.#connect(sidecar),
      swapped: (sidecar: Sidecar, tables: Tables) => this.#swapped(sidecar, tables),
    };
    const sidecar = new Sidecar(owner, world, this.random.fork(`sidecar ${owner.uid}`));
    this.sidecars.set(owner.uid, sidecar);
    const chance = this.random.fork(`enrol ${owner.uid}`);
    // It gets its certificate from one replica and its configuration from another.
    chance.pick(this.controlPlanes).enrol(owner);
    sidecar.start();
  }

  #ends(owner: Owner): void {
    const sidecar = this.sidecars.get(owner.uid);
    this.sidecars.delete(owner.uid);
    sidecar?.stop(true);
    if (sidecar) this.#running.delete(sidecar);
  }

  #connect(sidecar: Sidecar): Link | undefined {
    const up = this.controlPlanes.filter(replica => replica.isUp);
    if (up.length === 0) return undefined;
    const replica = this.random.pick(up);
    const link = new Link(this.time, this.random.fork(`link ${sidecar.owner.uid} ${this.story.count}`), sidecar.name);
    const listener = new Listener(link, sidecar, this.violations);
    this.#streams.set(sidecar, { replica, listener, openedMs: this.time.nowMs });
    this.#open.get(replica)?.add(listener);
    link.serverEnd.once('close', () => this.#open.get(replica)?.delete(listener));
    replica.accept(link.serverEnd, sidecar.owner);
    this.story.tell(`${sidecar.name} connects to ${replica.name}`);
    return link;
  }

  // What came into force

  #swapped(sidecar: Sidecar, tables: Tables): void {
    const id = `${sidecar.owner.uid} ${tables.root}`;
    const stream = this.#streams.get(sidecar);
    const commit = stream?.listener.commit?.root === tables.root ? stream.listener.commit : undefined;
    const epochs = commit && stream ? this.#events.get(stream.replica)?.history.get(commit.rev) : this.#ran.get(id);
    this.story.tell(`${sidecar.name} runs ${tables.root}${commit ? '' : ', which it had stored'}`);
    const before = this.#running.get(sidecar);
    const waitedMs = this.time.nowMs - (stream?.openedMs ?? 0);
    const back =
      before?.epochs && epochs && waitedMs < aheadMs ? wentBack(before.epochs, epochs, this.truth) : undefined;
    if (back !== undefined) this.violations.report(8, `${sidecar.name} went back: ${back}`);
    this.#checkAccess(sidecar, tables, id);
    this.#ran.set(id, epochs);
    this.#running.set(sidecar, { endpoints: endpointsOf(tables), epochs });
  }

  #checkAccess(sidecar: Sidecar, tables: Tables, id: string): void {
    const expected = this.#allowed.get(id) ?? this.#allowedThen(sidecar);
    if (expected === undefined)
      return this.violations.report(6, `${sidecar.name} runs ${tables.root}, which nobody derived`);
    const found = admittedBy(tables);
    if (found !== expected) this.violations.report(6, `${sidecar.name}: ${differences(expected, found)}`);
    this.#allowed.set(id, expected);
  }

  /** By the state that the commit names, where it was gone before anybody looked. */
  #allowedThen(sidecar: Sidecar): string | undefined {
    const stream = this.#streams.get(sidecar);
    const [journal, revision] = (stream?.listener.commit?.rev ?? '').split('.');
    const core = stream?.replica.core;
    if (core === undefined || core === null || core.journal.id !== journal) return undefined;
    return allowedBy(snapshotAt(core, Number(revision)), sidecar.owner.podKey);
  }

  // Checks

  /** After everything that happens. */
  look(): void {
    for (const replica of this.controlPlanes) {
      const { core } = replica;
      if (core === null) continue;
      this.#events.get(replica)?.look(core);
      for (const [podKey, { hash }] of core.engine.roots) {
        const id = `${proxyUid(core.engine.snapshot, podKey)} ${hash}`;
        if (!this.#allowed.has(id)) this.#allowed.set(id, allowedBy(core.engine.snapshot, podKey));
      }
    }
  }

  /** Now and then, for it costs more. @param replayed the journals are replayed, too */
  async sample(replayed: boolean): Promise<void> {
    for (const sidecar of this.sidecars.values())
      if (sidecar.tables !== null) checkTables(sidecar, sidecar.tables, this.violations);
    for (const replica of this.controlPlanes) {
      const { core } = replica;
      if (core === null) continue;
      checkDerivation(replica.name, core, this.violations);
      const roots = [...(this.#open.get(replica) ?? [])].flatMap(({ roots }) => [...roots]);
      const sent = core.push.status().flatMap(({ sent, acked }) => [sent?.root ?? [], acked?.root ?? []].flat());
      checkStore(replica.name, core, [...roots, ...sent, ...core.push.departedRoots], this.violations);
      if (replayed) await checkReplay(replica.name, replica.file, core, this.violations);
    }
  }

  /** Endpoints that proxies know longer than they may. */
  lookAtEndpoints(): void {
    for (const [sidecar, { endpoints }] of this.#running) {
      if (!sidecar.running) continue;
      const { podKey, uid } = sidecar.owner;
      for (const endpoint of endpoints) {
        const goneMs = this.truth.goneSince(podKey, uid, endpoint);
        if (goneMs === undefined) continue;
        const sinceMs = Math.max(goneMs, this.disturbedMs, sidecar.wellSinceMs);
        const calm = this.disturbedMs === 0 && sidecar.wellSinceMs === sidecar.madeMs;
        if (this.time.nowMs - sinceMs > (calm ? calmBoundMs : endpointBoundMs))
          this.violations.report(5, `${sidecar.name} still knows ${endpoint}, gone for ${this.time.nowMs - goneMs} ms`);
      }
    }
  }

  /** Lines besides heartbeats that proxies were sent on the streams of now. */
  linesSent(): number {
    return [...this.#streams.values()].reduce((sum, { listener }) => sum + listener.lines, 0);
  }

  replicaOf(sidecar: Sidecar): ControlPlane | undefined {
    return this.#streams.get(sidecar)?.replica;
  }
}

function snapshotAt(core: Core, revision: number): MeshSnapshot {
  const base = core.journal.latest(revision);
  return fold(
    base,
    [...core.journal.events(base.revision)].filter(event => event.revision <= revision),
  );
}
