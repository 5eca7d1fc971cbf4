/** A sidecar: the push client and the configuration of the Node shell, and the policy, over a simulated connection. */

import { Configuration, type Shelf } from '../../src/dataplane/node/config.ts';
import type { Credentials } from '../../src/dataplane/node/credentials.ts';
import { converse } from '../../src/dataplane/node/push-client.ts';
import type { Tables } from '../../src/dataplane/policy/types.ts';
import { heartbeatSeconds } from '../../src/dataplane/push/protocol.ts';
import { fnv1a } from '../../src/engine/snapshot.ts';
import type { Link } from './network.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

/** Pauses between attempts as the push client makes them, milliseconds. */
const pause = { first: 200, last: 15_000 };

/** Who a proxy belongs to. */
export interface Owner {
  /** `namespace/name` of the pod. */
  readonly podKey: string;
  readonly uid: string;
  readonly principal: string;
}

/** What a proxy asks of the world around it. */
export interface SidecarWorld {
  readonly time: VirtualTime;
  /** A connection to some control plane, whose other end is held there already; undefined when none answers. */
  connect(sidecar: Sidecar): Link | undefined;
  /** A configuration was put into force. */
  swapped(sidecar: Sidecar, tables: Tables): void;
}

/** One sidecar for the life of its pod: `start` and `stop` are its processes. */
export class Sidecar {
  readonly owner: Owner;
  readonly #world: SidecarWorld;
  readonly #random: Random;
  /** The state directory: survives a crash unless it is wiped. */
  disk: string | undefined;
  configuration: Configuration | null = null;
  link: Link | undefined;
  /** Milliseconds that it takes to prepare a configuration. */
  lagMs = 0;
  /** Refuses every configuration. */
  refusing = false;
  /** It has refused one since it started: that one is not sent again. */
  refused = false;
  /** When its pod was first started, milliseconds of virtual time. */
  readonly madeMs: number;
  /** Since when nothing is wrong with it and its connection, milliseconds of virtual time. */
  wellSinceMs: number;
  #life = 0;
  #attempts = 0;
  #silence: () => void = () => undefined;

  constructor(owner: Owner, world: SidecarWorld, random: Random) {
    this.owner = owner;
    this.#world = world;
    this.#random = random;
    this.madeMs = world.time.nowMs;
    this.wellSinceMs = this.madeMs;
  }

  get name(): string {
    return `sidecar ${this.owner.podKey} (${this.owner.uid})`;
  }

  get running(): boolean {
    return this.configuration !== null;
  }

  /** Tables in force; null before the first configuration and while it is down. */
  get tables(): Tables | null {
    return this.configuration?.tables ?? null;
  }

  /** Something is wrong with it or its connection for so long from now on. */
  unwell(ms: number): void {
    this.wellSinceMs = Math.max(this.wellSinceMs, this.#world.time.nowMs + ms);
  }

  /** Starts with what the state directory has. */
  start(): void {
    const life = ++this.#life;
    this.refused = false;
    const host = { random: this.#random.fork('policy').next, now: () => this.#world.time.nowMs, hash: fnv1a };
    const configuration = new Configuration(this.#shelf(life), tables => this.#prepare(tables, life), host);
    this.configuration = configuration;
    void configuration.restore().then(() => {
      if (this.#life === life) this.#connect();
    });
  }

  /** Ends at once, as by SIGKILL. */
  stop(wipe: boolean): void {
    this.#life++;
    this.configuration = null;
    if (wipe) this.disk = undefined;
    this.#silence();
    this.link?.proxyEnd.destroy();
    this.link = undefined;
  }

  /** A write that a crash overtakes leaves the old text. */
  #shelf(life: number): Shelf {
    return {
      read: () => this.disk,
      write: async text => {
        await this.#world.time.pass(this.#random.between(0, 20), `${this.name} stores its configuration`);
        if (this.#life === life) this.disk = text;
      },
    };
  }

  async #prepare(tables: Tables, life: number): Promise<() => void> {
    if (this.lagMs > 0) await this.#world.time.pass(this.lagMs, `${this.name} is ready to swap`);
    if (this.refusing) {
      this.refused = true;
      throw new Error('refused on purpose');
    }
    return () => {
      if (this.#life === life) this.#world.swapped(this, tables);
    };
  }

  #connect(): void {
    const life = this.#life;
    const link = this.#world.connect(this);
    this.link = link;
    if (link === undefined || this.configuration === null) return this.#again(life);
    const { proxyEnd } = link;
    const heard = () => {
      this.#attempts = 0;
      this.#listen(link);
    };
    proxyEnd.once('close', () => {
      this.#silence();
      if (this.#life === life) this.#again(life);
    });
    heard();
    const credentials = {} as Credentials;
    converse(proxyEnd, { configuration: this.configuration, credentials, shell: 'simulated/1', log: () => {} }, heard);
  }

  /** Silence of three heartbeats ends the connection. */
  #listen(link: Link): void {
    this.#silence();
    this.#silence = this.#world.time.after(3 * heartbeatSeconds * 1000, `${this.name} hears nothing`, () =>
      link.proxyEnd.destroy(new Error('nothing was heard for three heartbeats')),
    );
  }

  #again(life: number): void {
    const longest = Math.min(pause.last, pause.first * 2 ** Math.min(this.#attempts, 10));
    this.#attempts += 1;
    this.#world.time.after(this.#random.next() * longest, `${this.name} connects`, () => {
      if (this.#life === life && this.running) this.#connect();
    });
  }
}
