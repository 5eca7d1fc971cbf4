/**
 * What a change costs inside the control plane, in one process and without a network: normalise, fold, derive, diff, push.
 * Where time is noisy it counts: nodes computed, fragments made, bytes for proxies, bytes allocated. These are the same on
 * every run and on every machine, so a step that allocates more is found by its first run. Time is CPU time in units of a
 * fixed piece of work of this machine, done in turn with what is measured.
 *
 * `node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 perf/micro.ts` prints `MicroRow[]` as JSON. The
 * young generation is so large that nothing is collected while allocations are counted.
 */
import { Duplex } from 'node:stream';
import * as mesh from '../bench/scale/mesh.ts';
import { median } from '../bench/statistics.ts';
import type { PushLine } from '../src/dataplane/push/protocol.ts';
import { PushServer } from '../src/dataplane/push/server.ts';
import { configFormat } from '../src/engine/config.ts';
import { Deriver } from '../src/engine/deriver.ts';
import { Engine, type Fact } from '../src/engine/engine.ts';
import type { Kind } from '../src/engine/model.ts';
import { emptySnapshot, keyOf, proxyUid } from '../src/engine/snapshot.ts';
import { FragmentStore } from '../src/engine/store.ts';
import type { KubeObject } from '../src/sandbox/api/objects.ts';

/** One row; every figure is for one operation. */
export interface MicroRow {
  readonly name: string;
  /** The same on every run. */
  readonly counts: Readonly<Record<string, number>>;
  /** Allocated, bytes: the same within some permille. */
  readonly allocatedBytes: number;
  /** CPU time, in pieces of calibration work. */
  readonly work: number;
}

const size: mesh.Size = { services: 500, podsPerService: 2 };
const [operations, blocks, countedBlocks] = [50, 7, 5];

let version = 0;

function applied(object: KubeObject): Fact {
  const { name = '', namespace = '' } = object.metadata;
  const key = keyOf({ namespace, name });
  return { type: 'applied', kind: object.kind as Kind, key, resourceVersion: String(++version), raw: object };
}

/** A proxy that takes everything at once and acknowledges it. */
class Sink extends Duplex {
  bytes = 0;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.bytes += chunk.length;
    const lines = chunk.toString().trimEnd();
    const last = JSON.parse(lines.slice(lines.lastIndexOf('\n') + 1)) as PushLine;
    if (last.t === 'commit') this.push(`${JSON.stringify({ t: 'ack', root: last.root })}\n`);
    done();
  }

  setNoDelay(): void {}
}

/** The inside of a control plane with a whole mesh and its proxies. */
class Inside {
  readonly store = new FragmentStore();
  readonly deriver = new Deriver(emptySnapshot(), fragment => this.store.put(fragment));
  readonly engine = new Engine(emptySnapshot(), this.store, this.deriver);
  readonly push: PushServer;
  readonly sinks: Sink[] = [];
  /** uids of pods whose configurations are on their way, and who waits for the last of them. A proxy may say twice what it runs. */
  #waiting = new Set<string>();
  #settled: () => void = () => {};
  readonly #keys = new Map<string, string>();

  constructor() {
    this.push = new PushServer({
      store: this.store,
      now: () => 0,
      rootOf: uid => this.engine.roots.get(this.#keys.get(uid) ?? ''),
      rev: () => `micro.${this.engine.snapshot.revision}`,
      mark: () => ({ cluster: 'micro', versions: {} }),
      onHello: () => {},
      onAck: uid => {
        if (this.#waiting.delete(uid) && this.#waiting.size === 0) this.#settled();
      },
      onProblem: problem => {
        throw new Error(problem.what);
      },
    });
    this.push.open();
  }

  /** Brings in a mesh and connects a proxy of every pod. */
  async fill(): Promise<void> {
    await this.engine.start();
    const services = Array.from({ length: size.services }, (_, service) => service);
    const indexes = Array.from({ length: size.podsPerService }, (_, index) => index);
    const pods = services.flatMap(service => indexes.map(index => podOf(service, index, 0)));
    const objects = [...mesh.basics(size), ...services.flatMap(service => mesh.serviceObjects(service, size)), ...pods];
    await this.engine.step(objects.map(applied), 1);
    const named = pods.map(({ metadata: { namespace = '', name = '', uid = '' } }) => {
      return { key: keyOf({ namespace, name }), uid };
    });
    for (const { key, uid } of named) this.#keys.set(uid, key);
    await this.engine.step(
      named.map(name => ({ type: 'enrolled', ...name })),
      2,
    );
    const uids = named.map(({ uid }) => uid);
    await this.#acknowledged(uids, () => {
      for (const uid of uids) this.#connect(uid);
    });
  }

  #connect(podUid: string): void {
    const sink = new Sink();
    this.push.accept(sink, { podUid, principal: podUid, certificate: () => undefined });
    const hello = { t: 'hello', formats: [configFormat], shell: 'micro', thread: 0, root: null, mark: null };
    sink.push(`${JSON.stringify(hello)}\n`);
    this.sinks.push(sink);
  }

  /** Takes one fact through the whole path, to the last acknowledgement. @returns how many proxies it concerned */
  async change(fact: Fact): Promise<number> {
    const { derived } = await this.engine.step([fact], 3);
    const uids = [...derived.roots.keys()].map(key => proxyUid(this.engine.snapshot, key) ?? '');
    if (uids.length > 0)
      await this.#acknowledged(uids, () => {
        for (const uid of uids) this.push.changed(uid);
      });
    return uids.length;
  }

  async #acknowledged(uids: readonly string[], send: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = new Set(uids);
    this.#settled = resolve;
    send();
    await promise;
  }

  /** Bytes that all proxies were sent. */
  get bytes(): number {
    return this.sinks.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

function podOf(service: number, index: number, beat: number): KubeObject {
  const pod = mesh.pod(service, index);
  const uid = `${service}-${index}`;
  return { ...pod, metadata: { ...pod.metadata, uid }, status: mesh.podStatus(service, index, 0, beat) } as KubeObject;
}

/** What is done `operations` times in each block; `at` never comes twice. */
interface Row {
  readonly name: string;
  factOf(at: number): Fact;
}

const rows: readonly Row[] = [
  { name: 'a pod update without meaning', factOf: at => applied(podOf(at % size.services, 0, at + 1)) },
  {
    name: 'one endpoint',
    factOf: at => applied(mesh.slice(mesh.plainService(at, size), size, [1 + Math.floor(at / size.services)])),
  },
  { name: 'one policy', factOf: at => applied(mesh.routeGroup(at % size.services, `/api/v${at + 2}/.*`)) },
  { name: 'one split', factOf: at => applied(mesh.split((at % 25) * 20, 1 + (at % 89))) },
];

/** Counts of one block of operations, for one of them each. */
interface Counted {
  readonly counts: MicroRow['counts'];
  readonly allocated: number;
}

async function countsOf(inside: Inside, row: Row, from: number): Promise<Counted> {
  const facts = Array.from({ length: operations }, (_, at) => row.factOf(from + at));
  const before = { computed: inside.deriver.graph.computed, fragments: inside.store.added, bytes: inside.bytes };
  global.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  let proxies = 0;
  for (const fact of facts) proxies += await inside.change(fact);
  const allocated = process.memoryUsage().heapUsed - heapBefore;
  const counts = {
    nodes: inside.deriver.graph.computed - before.computed,
    fragments: inside.store.added - before.fragments,
    proxies,
    bytes: inside.bytes - before.bytes,
  };
  const each = Object.entries(counts).map(([name, count]) => [name, count / operations] as const);
  return { counts: Object.fromEntries(each), allocated: allocated / operations };
}

/** CPU time of one operation in pieces of calibration work: the median of blocks, each between two of calibration. */
async function workOf(inside: Inside, row: Row, from: number): Promise<number> {
  const ratios: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const facts = Array.from({ length: operations }, (_, at) => row.factOf(from + block * operations + at));
    const calibration = cpuUs(calibrate);
    const before = process.cpuUsage();
    for (const fact of facts) await inside.change(fact);
    const { user, system } = process.cpuUsage(before);
    ratios.push((user + system) / operations / ((calibration + cpuUs(calibrate)) / 2));
  }
  return median(ratios);
}

function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const document = JSON.stringify(mesh.pod(0, 0));

/** Text, objects and a map, as a control plane does: JSON to objects and back, a thousand times the same. */
function calibrate(): void {
  const seen = new Map<string, number>();
  for (let at = 0; at < 100; at++) {
    const copy = JSON.parse(document) as KubeObject;
    for (const key of Object.keys(copy)) seen.set(key, (seen.get(key) ?? 0) + 1);
    if (JSON.stringify(copy).length !== document.length) throw new Error('not the same');
  }
}

async function main(): Promise<void> {
  if (global.gc === undefined) throw new Error('needs node --expose-gc');
  const inside = new Inside();
  await inside.fill();
  const results: MicroRow[] = [];
  for (const row of rows) {
    // Once to have everything compiled, then to be counted.
    await countsOf(inside, row, 0);
    const counted: Counted[] = [];
    while (counted.length < countedBlocks) counted.push(await countsOf(inside, row, (counted.length + 1) * operations));
    const allocatedBytes = Math.round(median(counted.map(({ allocated }) => allocated)));
    const work = await workOf(inside, row, (countedBlocks + 1) * operations);
    results.push({ name: row.name, counts: counted[0]?.counts ?? {}, allocatedBytes, work });
  }
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
}

await main();
