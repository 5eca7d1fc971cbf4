/** What is measured, one function each. A scenario leaves the mesh as large as it found it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Receipt } from '../../src/engine/receipts.ts';
import { quantile } from '../statistics.ts';
import type { Write } from './api.ts';
import * as mesh from './mesh.ts';
import { clockMs } from './messages.ts';
import type { MeshPod, Rig } from './rig.ts';

/** Figures of a scenario by name; see `units` in report.ts. */
export type Figures = Readonly<Record<string, number>>;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const spread = (values: readonly number[]): Figures => ({
  p50Ms: quantile(values, 0.5),
  p99Ms: quantile(values, 0.99),
  maxMs: Math.max(...values),
});

/** The control plane starts with nothing but its roots, while all proxies try to connect. */
export async function coldStart(rig: Rig): Promise<Figures> {
  await rig.plane.end('SIGTERM');
  await rig.loseJournal();
  const { pods } = rig;
  const { result, times } = await rig.committed(
    pods.length,
    async () => {
      await rig.connect(pods);
      const began = clockMs();
      await rig.startPlane();
      return began;
    },
    300_000,
  );
  return { lastMs: Math.max(...times) - result, cpuMs: rig.plane.cpuMs() };
}

/** The control plane is killed and starts from its journal; proxies keep what they run and come again. */
export async function restart(rig: Rig): Promise<Figures> {
  await rig.plane.end('SIGKILL');
  const before = rig.commits;
  const began = clockMs();
  await rig.startPlane();
  await rig.connected(rig.pods.length);
  const lastMs = clockMs() - began;
  await allSettled(rig);
  return { lastMs, cpuMs: rig.plane.cpuMs(), commits: rig.commits - before };
}

/** All streams break at once. */
export async function storm(rig: Rig): Promise<Figures> {
  const [cpu, commits, began] = [rig.plane.cpuMs(), rig.commits, clockMs()];
  await rig.drop();
  await rig.connected(rig.pods.length);
  const lastMs = clockMs() - began;
  await allSettled(rig);
  return { lastMs, cpuMs: rig.plane.cpuMs() - cpu, commits: rig.commits - commits };
}

/** Makes one change after the other, each when the one before is with all proxies. */
async function changes(
  rig: Rig,
  count: number,
  affected: number,
  make: (at: number) => readonly Write[],
  pauseMs = 12,
): Promise<Figures> {
  await rig.settled();
  const idle = await idleCpu(rig, 2000);
  const { revision } = await rig.state();
  const before = { cpu: rig.plane.cpuMs(), at: clockMs(), bytes: (await rig.proxies()).bytes };
  const ends: number[] = [];
  for (let at = 0; at < count; at++) {
    const { result, times } = await rig.committed(affected, () => rig.write(make(at)));
    ends.push(Math.max(...times) - result.at);
    await delay(pauseMs);
  }
  const spentMs = rig.plane.cpuMs() - before.cpu - idle * (clockMs() - before.at);
  const bytes = (await rig.proxies()).bytes - before.bytes;
  return {
    ...spread(ends),
    cpuMsEach: spentMs / count,
    bytesEach: bytes / count,
    ...stages(await rig.receipts(revision)),
  };
}

/** Milliseconds of CPU for each millisecond in which nothing happens. */
async function idleCpu(rig: Rig, forMs: number): Promise<number> {
  const [cpu, at] = [rig.plane.cpuMs(), clockMs()];
  await delay(forMs);
  return (rig.plane.cpuMs() - cpu) / (clockMs() - at);
}

/** Middle values of the stages, from the control plane's own receipts. */
function stages(receipts: readonly Receipt[]): Figures {
  const told = receipts.filter(({ proxies }) => proxies > 0);
  const of = (read: (receipt: Receipt) => number | null | undefined) =>
    quantile(
      told.flatMap(one => read(one) ?? []),
      0.5,
    );
  return {
    queuedMs: of(({ queuedMs }) => queuedMs),
    derivedMs: of(({ derivedMs }) => derivedMs),
    ackedMs: of(({ ackedMs }) => ackedMs?.max),
    journaledMs: of(({ journaledMs }) => journaledMs),
  };
}

const slicePut = (rig: Rig, service: number, generations: readonly (number | undefined)[]): Write => ({
  put: mesh.slice(service, rig.size, generations),
});

/** The slice of a service with another address of its first pod than it had. */
function moved(rig: Rig, service: number): Write {
  return slicePut(rig, service, [rig.nextGeneration(service)]);
}

/** One address of one service changes: its ten callers' pods hear of it. */
export function endpointChange(rig: Rig, count: number): Promise<Figures> {
  const affected = Math.min(mesh.callersPerService, rig.size.services - 1) * rig.size.podsPerService;
  return changes(rig, count, affected, at => [moved(rig, mesh.plainService(at, rig.size))]);
}

/** The weight of a split changes. Callers of both backends hear of it. */
export function splitChange(rig: Rig, count: number): Promise<Figures> {
  const affected = (mesh.callersPerService + 1) * rig.size.podsPerService;
  return changes(rig, count, affected, at => [
    { put: mesh.split(20 * (at % Math.floor(rig.size.services / 20)), 10 + (at % 80)) },
  ]);
}

/** What callers may ask for changes: the two pods of the service hear of it. */
export function policyChange(rig: Rig, count: number): Promise<Figures> {
  return changes(rig, count, rig.size.podsPerService, at => [
    { put: mesh.routeGroup(mesh.plainService(at, rig.size), `/api/v${at + 2}/.*`) },
  ]);
}

/** A setting of the whole mesh changes: every proxy hears of it. */
export function settingChange(rig: Rig, count: number, permissive: boolean): Promise<Figures> {
  const levels = ['info', 'warn'];
  return changes(
    rig,
    count,
    rig.pods.length,
    at => [{ put: mesh.meshConfig({ permissive, logLevel: levels[at % 2] ?? 'info' }) }],
    300,
  );
}

/** The mesh becomes permissive, or closes: every proxy's list of services is another one. */
export async function modeChange(rig: Rig, permissive: boolean): Promise<Figures> {
  return changes(rig, 1, rig.pods.length, () => [{ put: mesh.meshConfig({ permissive, logLevel: 'error' }) }], 1000);
}

/** In permissive mode one address concerns everybody. */
export function endpointForAll(rig: Rig, count: number): Promise<Figures> {
  return changes(rig, count, rig.pods.length, at => [moved(rig, mesh.plainService(at, rig.size))], 300);
}

/** So many pods a second get another address, each with an update of another pod that has no meaning. */
export async function churn(rig: Rig, perSecond: number, seconds: number): Promise<Figures> {
  await rig.settled();
  const { revision } = await rig.state();
  const [cpu, began, count] = [rig.plane.cpuMs(), clockMs(), perSecond * seconds];
  const receipts = new Told(rig, revision);
  for (let at = 0; at < count; at++) {
    await delay(Math.max(0, began + (at * 1000) / perSecond - clockMs()));
    await rig.write([moved(rig, mesh.plainService(at, rig.size)), heartbeat(rig, at)]);
    if (at % (perSecond * 5) === 0) await receipts.read();
  }
  const cpuShare = (rig.plane.cpuMs() - cpu) / (clockMs() - began);
  await delay(500);
  const { revision: after } = await rig.state();
  if (after - revision !== count) throw new Error(`${count} changes made ${after - revision} revisions`);
  return { ...(await receipts.figures()), cpuShare, unsettled: await unsettled(rig) };
}

/** Receipts that are read now and then, for a control plane keeps the newest thousand only. */
class Told {
  readonly #rig: Rig;
  readonly #after: number;
  readonly #receipts = new Map<number, Receipt>();

  constructor(rig: Rig, after: number) {
    this.#rig = rig;
    this.#after = after;
  }

  /** @throws Error when some were lost since the last time */
  async read(): Promise<void> {
    const known = Math.max(this.#after, ...this.#receipts.keys());
    const receipts = await this.#rig.receipts(this.#after);
    const [oldest] = receipts;
    if (oldest !== undefined && oldest.revision - oldest.eventCount > known) throw new Error('receipts were lost');
    for (const receipt of receipts) this.#receipts.set(receipt.revision, receipt);
  }

  async figures(): Promise<Figures> {
    await this.read();
    const receipts = [...this.#receipts.values()].filter(({ proxies }) => proxies > 0);
    const unheard = sum(receipts.map(({ proxies, acked }) => proxies - acked));
    return { ...spread(receipts.flatMap(({ ackedMs }) => ackedMs?.max ?? [])), steps: receipts.length, unheard };
  }
}

/** An update of a pod's status that the mesh does not read. */
function heartbeat(rig: Rig, at: number): Write {
  const pod = rig.pods[at % rig.pods.length] as MeshPod;
  const name = mesh.podNameOf(pod.service, pod.index);
  return { status: mesh.podStatus(pod.service, pod.index, 0, at + 1), of: { namespace: pod.namespace, name } };
}

interface ProxyRow {
  readonly current: string | null;
  readonly acked: { readonly root: string } | null;
}

/** Proxies that run something else than they should. */
async function unsettled(rig: Rig): Promise<number> {
  const rows = await rig.ask<readonly ProxyRow[]>('/proxies');
  return rows.filter(({ current, acked }) => current !== acked?.root).length;
}

/** Resolves when every proxy runs what it should, and a second has passed in which it might have been told more. */
async function allSettled(rig: Rig): Promise<void> {
  while ((await unsettled(rig)) > 0) await delay(100);
  await delay(1000);
}

/** Updates without meaning: nothing may go out. */
export async function meaningless(rig: Rig, count: number): Promise<Figures> {
  const [cpu, before] = [rig.plane.cpuMs(), await rig.state()];
  for (let at = 0; at < count; at += 10)
    await rig.write(Array.from({ length: 10 }, (_, index) => heartbeat(rig, 100_000 + at + index)));
  await delay(500);
  const after = await rig.state();
  return {
    commits: (after.counters.commits ?? 0) - (before.counters.commits ?? 0),
    revisions: after.revision - before.revision,
    cpuMsEach: (rig.plane.cpuMs() - cpu) / count,
  };
}

/** A tenth of the pods is made again, one after the other: gone, unready, ready, and the proxy of the new one connects. */
export async function rollingRestart(rig: Rig, perSecond: number): Promise<Figures> {
  const receipts = new Told(rig, (await rig.state()).revision);
  const [cpu, began] = [rig.plane.cpuMs(), clockMs()];
  const chosen = rig.pods.filter(({ service, index }) => index === 0 && service % 5 === 3);
  for (const [at, pod] of chosen.entries()) {
    await delay(Math.max(0, began + (at * 1000) / perSecond - clockMs()));
    await replace(rig, pod);
    if (at % 50 === 49) await receipts.read();
  }
  const cpuMs = rig.plane.cpuMs() - cpu;
  await delay(1000);
  const pods = chosen.length;
  return { ...(await receipts.figures()), pods, cpuMsEach: cpuMs / pods, unsettled: await unsettled(rig) };
}

async function replace(rig: Rig, pod: MeshPod): Promise<void> {
  const { service, index, namespace, id } = pod;
  const of = { namespace, name: mesh.podNameOf(service, index) };
  await rig.write([slicePut(rig, service, [undefined])]);
  await rig.write([{ remove: 'pods', of }]);
  await rig.disconnect([id]);
  const { uids } = await rig.write([{ put: mesh.pod(service, index) }]);
  const made = { ...pod, uid: uids[0] ?? '' };
  rig.pods[id] = made;
  await rig.connect([made]);
  await rig.write([{ status: mesh.podStatus(service, index, 0, 0), of }, slicePut(rig, service, [0])]);
}

/** Nothing happens for a while. */
export async function idle(rig: Rig, seconds: number): Promise<Figures> {
  await rig.settled();
  const share = await idleCpu(rig, seconds * 1000);
  return { cpuPercent: share * 100, ...(await memory(rig)) };
}

/** What the control plane holds. */
export async function memory(rig: Rig): Promise<Figures> {
  const { rss, anonymous } = rig.plane.memory();
  const mib = (bytes: number): number => bytes / 1024 / 1024;
  return {
    rssMiB: rss,
    anonymousMiB: anonymous,
    heapMiB: mib(await rig.metric('fsm_nodejs_heap_size_used_bytes')),
    externalMiB: mib(await rig.metric('fsm_nodejs_external_memory_bytes')),
  };
}

/** What the proxies hold that were looked at. */
export async function held(rig: Rig): Promise<Figures> {
  const { held: all } = await rig.proxies();
  return {
    nodes: quantile(
      all.map(({ nodes }) => nodes),
      0.5,
    ),
    bytes: quantile(
      all.map(({ bytes }) => bytes),
      0.5,
    ),
  };
}
