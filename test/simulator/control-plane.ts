/** One replica of the production control plane, put together by the production code, in simulated surroundings. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Log } from '../../src/admin/log.ts';
import { type Core, startCore } from '../../src/controller/core.ts';
import type { ControllerOptions, Surroundings } from '../../src/controller/options.ts';
import { type Watching, watchCluster } from '../../src/controller/watching.ts';
import { heartbeatSeconds } from '../../src/dataplane/push/protocol.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { ApiServer } from './api-server.ts';
import type { End } from './network.ts';
import type { Random } from './random.ts';
import { ShardProcess } from './shard-process.ts';
import type { Owner } from './sidecar.ts';
import type { VirtualTime } from './time.ts';

/** What a replica finds of its journal when it starts again. */
export type JournalFate = 'kept' | 'without its last batch' | 'lost';

/** The trust domain, and the roots that every replica has. */
export const trust = { trustDomain: 'cluster.local', roots: ['root 1'] } as const;

/** What is chosen for the whole life of a simulation. */
export interface ControlPlaneOptions {
  readonly name: string;
  readonly folder: string;
  readonly shards: number;
  /** Probability that a shard dies under a task. */
  readonly shardDeaths: number;
  /** A defect that would have ended the process. */
  onFatal(error: string): void;
}

/** Small enough that a short history has pages, checkpoints and pruning. */
const pageSize = 4;
const journalLimits = { maxBytes: 40_000, maxAgeMs: 7 * 24 * 3600 * 1000, checkpointEvery: 25 };

/** One replica for the whole simulation: `start` and `crash` are its processes. */
export class ControlPlane {
  readonly name: string;
  readonly file: string;
  core: Core | null = null;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #options: ControlPlaneOptions;
  readonly #client: KubeClient;
  #watching: Watching | null = null;
  #life = 0;

  constructor(time: VirtualTime, random: Random, api: ApiServer, options: ControlPlaneOptions) {
    this.#time = time;
    this.#random = random;
    this.#options = options;
    this.name = options.name;
    this.file = join(options.folder, options.name, 'journal.db');
    this.#client = api.clientFor(options.name);
  }

  /** Whether proxies that ask for it by name get to it. */
  get isUp(): boolean {
    return this.core !== null;
  }

  start(): void {
    if (this.core !== null) return;
    const life = ++this.#life;
    mkdirSync(join(this.#options.folder, this.name), { recursive: true });
    startCore(this.#client, this.#controllerOptions(life)).then(
      core => (this.#life === life ? this.#run(core, life) : core.journal.close()),
      () => this.#again(life),
    );
  }

  /** A process that cannot start ends, and its kubelet starts another. */
  #again(life: number): void {
    this.#time.after(this.#random.between(500, 5000), `${this.name} starts again`, () => {
      if (this.#life === life) this.start();
    });
  }

  #run(core: Core, life: number): void {
    this.core = core;
    core.pipeline.submit([{ type: 'rootChanged', ...trust }]);
    this.#watching = watchCluster(core, this.#client, this.#controllerOptions(life), { pageSize });
    this.#beatLater(core);
  }

  #beatLater(core: Core): void {
    this.#time.after(heartbeatSeconds * 1000, `${this.name} beats`, () => {
      if (this.core !== core) return;
      void core.push.beat();
      this.#beatLater(core);
    });
  }

  /** Ends at once, as by SIGKILL: nothing is said to anybody, nothing more is written. */
  crash(fate: JournalFate): void {
    this.#life++;
    const { core } = this;
    this.core = null;
    this.#watching?.stop();
    this.#client.close();
    if (core !== null) {
      core.status.close();
      core.push.close();
      core.journal.close();
    }
    if (fate === 'lost') rmSync(join(this.#options.folder, this.name), { recursive: true, force: true });
    if (fate === 'without its last batch') loseLastBatch(this.file);
  }

  /** Takes a verified connection. */
  accept(end: End, { uid, principal }: Owner): void {
    this.core?.push.accept(end, { podUid: uid, principal, certificate: () => undefined });
  }

  /** A sidecar got its certificate here. */
  enrol({ podKey, uid }: Owner): void {
    this.core?.pipeline.submit([{ type: 'enrolled', key: podKey, uid }]);
  }

  #controllerOptions(life: number): ControllerOptions {
    const { shards, shardDeaths, folder, onFatal } = this.#options;
    const log: Log = {
      info: () => undefined,
      warn: () => undefined,
      problem: () => undefined,
      error: (message, fields) => {
        if (this.#life === life) onFatal(`${this.name}: ${message} ${JSON.stringify(fields)}`);
      },
    };
    const surroundings: Surroundings = {
      now: this.#time.wallMs,
      elapsedMs: () => this.#time.nowMs,
      after: (ms, callback) => this.#time.after(ms, `${this.name} lets a burst settle`, callback),
      timing: this.#time.timing(this.#random.fork(`timing ${life}`), `${this.name} waits`),
      exit: () => undefined,
      ownProcess: false,
      journalLimits,
      spawnShard: () => new ShardProcess(this.#random, shardDeaths),
    };
    const unused = '127.0.0.1:0';
    const addresses = { listen: unused, readModel: unused, metrics: unused, trustDomain: trust.trustDomain };
    return { ...addresses, stateDir: join(folder, this.name), threads: shards, log, surroundings };
  }
}

/** What a power cut may take: the newest batch, all of which was written at one moment. */
function loseLastBatch(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(`
    DELETE FROM events WHERE at = (SELECT at FROM events ORDER BY revision DESC LIMIT 1)
      AND revision > (SELECT COALESCE(MAX(revision), 0) FROM checkpoints);
  `);
  database.close();
}
