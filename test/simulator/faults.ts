/** Everything that goes wrong: a seed takes some kinds of faults, and each comes now and then until faults end. */
import { kinds } from '../../src/engine/model.ts';
import { longestWayMs } from './api-server.ts';
import type { JournalFate } from './control-plane.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';
import type { WatchStream } from './watch-stream.ts';

type Fault = (simulation: Simulation, random: Random) => string | undefined;

/** Puts something back after a while. */
function later({ time, story }: Simulation, ms: number, what: string, work: () => void): void {
  time.after(ms, what, () => {
    story.tell(what);
    work();
  });
}

function streamOf({ api }: Simulation, random: Random): WatchStream | undefined {
  return api.streams.size === 0 ? undefined : random.pick([...api.streams]);
}

const api: Record<string, Fault> = {
  'a watch is cut': (simulation, random) => {
    const stream = streamOf(simulation, random);
    stream?.cut();
    return stream?.name;
  },
  'a watch is ended by the server': (simulation, random) => {
    const stream = streamOf(simulation, random);
    stream?.end();
    return stream?.name;
  },
  'a watch stalls': (simulation, random) => {
    const stream = streamOf(simulation, random);
    if (stream === undefined) return undefined;
    stream.stalled = true;
    const ms = random.between(500, random.chance(0.2) ? 300_000 : 20_000);
    later(simulation, ms, `${stream.name} flows again`, () => stream.resume());
    simulation.disturbed(ms);
    return `${stream.name} for ${ms} ms`;
  },
  'a kind is slow': (simulation, random) => {
    const [kind, slowMs, ms] = [random.pick(kinds), random.between(200, 4000), random.between(1000, 20_000)];
    simulation.api.faults.slowMs.set(kind, slowMs);
    later(simulation, ms, `${kind} is no longer slow`, () => void simulation.api.faults.slowMs.delete(kind));
    simulation.disturbed(ms + slowMs);
    return `${kind} by ${slowMs} ms`;
  },
  'history is compacted': ({ api }) => {
    api.compact();
    return `up to ${api.cluster.compacted}`;
  },
  'history is compacted and watches are cut': (simulation, random) => {
    simulation.api.compact();
    for (const stream of random.some([...simulation.api.streams])) stream.cut();
    return '';
  },
  'the API refuses requests': (simulation, random) => {
    simulation.api.faults.refusing = random.pick([0.2, 0.9]);
    const ms = random.between(500, 15_000);
    later(simulation, ms, 'the API refuses nothing any more', () => {
      simulation.api.faults.refusing = 0;
    });
    simulation.disturbed(ms);
    return `${simulation.api.faults.refusing} of them`;
  },
  'requests are slow': (simulation, random) => {
    const [most, ms] = [random.between(200, 3000), random.between(1000, 15_000)];
    simulation.api.faults.longestWayMs = most;
    later(simulation, ms, 'requests are fast again', () => {
      simulation.api.faults.longestWayMs = longestWayMs;
    });
    simulation.disturbed(ms + most);
    return `by up to ${most} ms`;
  },
  'the API is down': (simulation, random) => {
    simulation.api.faults.down = true;
    for (const stream of [...simulation.api.streams]) stream.cut();
    const ms = random.between(500, 20_000);
    later(simulation, ms, 'the API is up', () => {
      simulation.api.faults.down = false;
    });
    simulation.disturbed(ms);
    return `for ${ms} ms`;
  },
  'events are repeated': (simulation, random) => {
    simulation.api.faults.repeating = 0.5;
    later(simulation, random.between(500, 15_000), 'events are no longer repeated', () => {
      simulation.api.faults.repeating = 0;
    });
    return '';
  },
};

const proxies: Record<string, Fault> = {
  'a proxy loses its connection': (simulation, random) => {
    const sidecar = simulation.anySidecar(random);
    sidecar?.link?.cut();
    sidecar?.unwell(0);
    return sidecar?.name;
  },
  "a proxy's connection stalls": (simulation, random) => {
    const sidecar = simulation.anySidecar(random);
    const link = sidecar?.link;
    if (sidecar === undefined || link === undefined) return undefined;
    link.stalled = true;
    const ms = random.between(100, random.chance(0.2) ? 200_000 : 10_000);
    later(simulation, ms, `connection of ${sidecar.name} flows again`, () => link.resume());
    sidecar.unwell(ms);
    return `${sidecar.name} for ${ms} ms`;
  },
  "a proxy's connection is slow": (simulation, random) => {
    const sidecar = simulation.anySidecar(random);
    const link = sidecar?.link;
    if (sidecar === undefined || link === undefined) return undefined;
    link.slowMs = random.between(50, 1500);
    const ms = random.between(1000, 30_000);
    later(simulation, ms, `connection of ${sidecar.name} is fast again`, () => {
      link.slowMs = 0;
    });
    sidecar.unwell(ms);
    return `${sidecar.name} by ${link.slowMs} ms`;
  },
  'a proxy crashes': (simulation, random) => {
    const sidecar = simulation.anySidecar(random);
    if (sidecar === undefined) return undefined;
    const [wipe, ms] = [random.chance(0.3), random.between(10, 5000)];
    sidecar.stop(wipe);
    later(simulation, ms, `${sidecar.name} starts again`, () => simulation.restart(sidecar));
    sidecar.unwell(ms);
    return `${sidecar.name}${wipe ? ' and its state is gone' : ''}`;
  },
  'a proxy lags': (simulation, random) => {
    const sidecar = simulation.anySidecar(random);
    if (sidecar === undefined) return undefined;
    sidecar.lagMs = random.between(100, random.chance(0.1) ? 200_000 : 5000);
    const ms = random.between(1000, 30_000);
    later(simulation, ms, `${sidecar.name} no longer lags`, () => {
      sidecar.lagMs = 0;
    });
    sidecar.unwell(ms + sidecar.lagMs);
    return `${sidecar.name} by ${sidecar.lagMs} ms`;
  },
  'a proxy refuses what comes': (simulation, random) => {
    const sidecar = simulation.anySidecar(random);
    if (sidecar === undefined) return undefined;
    sidecar.refusing = true;
    const ms = random.between(500, 10_000);
    later(simulation, ms, `${sidecar.name} refuses nothing any more`, () => {
      sidecar.refusing = false;
      // What it refused is not sent again on that stream, so somebody has to start it again.
      if (sidecar.refused && sidecar.running) {
        sidecar.stop(false);
        simulation.restart(sidecar);
      }
    });
    sidecar.unwell(ms);
    return sidecar.name;
  },
};

const controlPlanes: Record<string, Fault> = {
  'a control plane reads its lists again while proxies come to it': (simulation, random) => {
    const [{ api, controlPlanes, sidecars }, replica] = [simulation, random.pick(simulation.controlPlanes)];
    api.compact();
    for (const stream of [...api.streams]) if (stream.client === replica.name) stream.cut();
    const others = controlPlanes.filter(other => other !== replica).map(({ name }) => name);
    later(simulation, random.between(1, 500), `proxies leave ${others.join()}`, () => {
      for (const sidecar of sidecars.values()) sidecar.link?.cut();
    });
    for (const sidecar of sidecars.values()) sidecar.unwell(500);
    return replica.name;
  },

  'a control plane crashes': (simulation, random) => {
    const replica = random.pick(simulation.controlPlanes);
    if (!replica.isUp) return undefined;
    const fate = random.pick<JournalFate>(['kept', 'kept', 'without its last batch', 'lost']);
    replica.crash(fate);
    const ms = random.between(50, 8000);
    later(simulation, ms, `${replica.name} starts`, () => replica.start());
    simulation.disturbed(ms);
    return `${replica.name}, its journal is ${fate}`;
  },
  'a clock jumps': ({ time }, random) => {
    const ms = random.pick([1000, 90_000, 3600_000]) * random.pick([1, -1]);
    time.jump(ms);
    return `by ${ms} ms`;
  },
};

const all: readonly [string, Fault][] = Object.entries({ ...api, ...proxies, ...controlPlanes });

/** Kinds of faults of one seed, and when they come. */
export class Faults {
  readonly #simulation: Simulation;
  readonly #random: Random;
  readonly #chosen: readonly [string, Fault][];
  readonly #meanMs: number;
  #on = true;

  constructor(simulation: Simulation, random: Random) {
    this.#simulation = simulation;
    this.#random = random;
    this.#chosen = random.some(all, random.pick([0.1, 0.4, 1]));
    this.#meanMs = random.pick([300, 1500, 6000]);
  }

  begin(): void {
    const { time, story } = this.#simulation;
    if (this.#chosen.length === 0) return;
    time.after(this.#random.next() * 2 * this.#meanMs, 'fault', () => {
      if (!this.#on) return;
      const [name, fault] = this.#random.pick(this.#chosen);
      const detail = fault(this.#simulation, this.#random);
      if (detail !== undefined) {
        story.tell(`FAULT ${name} ${detail}`);
        this.#simulation.disturbed(0);
      }
      this.begin();
    });
  }

  /** No more of them; what is broken is put right. */
  end(): void {
    const { api, story } = this.#simulation;
    this.#on = false;
    story.tell('faults end');
    api.faults.down = false;
    api.faults.refusing = 0;
    api.faults.repeating = 0;
    api.faults.longestWayMs = longestWayMs;
    api.faults.slowMs.clear();
    for (const stream of api.streams) stream.resume();
    for (const sidecar of this.#simulation.sidecars.values()) {
      sidecar.lagMs = 0;
      sidecar.refusing = false;
      sidecar.link?.resume();
      if (sidecar.link) sidecar.link.slowMs = 0;
      if (sidecar.refused && sidecar.running) sidecar.stop(false);
      if (!sidecar.running) this.#simulation.restart(sidecar);
    }
    for (const replica of this.#simulation.controlPlanes) if (!replica.isUp) replica.start();
    this.#simulation.disturbed(0);
  }
}
