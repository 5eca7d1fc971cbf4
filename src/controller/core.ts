/** Journal, engine and push, put together: the way of a change through the process. */
import { join } from 'node:path';
import type { Log } from '../admin/log.ts';
import { createMetrics, type Metrics } from '../admin/metrics.ts';
import type { Problem } from '../api/problem.ts';
import { resourceOf, resources } from '../api/resources.ts';
import type { RenewalBook } from '../dataplane/push/renewals.ts';
import { PushServer } from '../dataplane/push/server.ts';
import { hasConditions } from '../engine/derive/rules/conditions.ts';
import { Engine, type Fact, type Step } from '../engine/engine.ts';
import { fold } from '../engine/fold.ts';
import { Journal } from '../engine/journal.ts';
import type { Kind } from '../engine/model.ts';
import { Pipeline, type StepTimes } from '../engine/pipeline.ts';
import { Receipts } from '../engine/receipts.ts';
import { createDerivation, type OwnedDerivation } from '../engine/shards/pool.ts';
import { entryOf, objectOf, proxyUid, splitKey } from '../engine/snapshot.ts';
import { FragmentStore } from '../engine/store.ts';
import { PodsByUid } from '../engine/uids.ts';
import type { KubeClient } from '../kube/client.ts';
import { SeenVersions } from '../kube/intake.ts';
import { createStatusWriter, type StatusWriter } from '../kube/status.ts';
import type { WatchCounters } from '../kube/watch/types.ts';
import { type ControllerOptions, type Surroundings, systemSurroundings } from './options.ts';
import { Reborn } from './reborn.ts';

const problemsMax = 100;

/** What the parts share. */
export interface Core {
  readonly cluster: string;
  readonly surroundings: Surroundings;
  readonly journal: Journal;
  readonly engine: Engine;
  readonly derivation: OwnedDerivation;
  readonly pipeline: Pipeline;
  readonly push: PushServer;
  readonly pods: PodsByUid;
  readonly status: StatusWriter;
  readonly receipts: Receipts;
  readonly metrics: Metrics;
  readonly seen: SeenVersions;
  readonly watches: Map<string, WatchCounters>;
  readonly conditions: Map<string, readonly Problem[]>;
  readonly renewals: { book: RenewalBook | null };
  problems: readonly Problem[];
  tell(problem: Problem): void;
}

/** Opens the journal and derives everything from it; nothing goes out yet. */
export async function startCore(client: KubeClient, options: ControllerOptions): Promise<Core> {
  const surroundings = options.surroundings ?? systemSurroundings;
  const cluster = await clusterUid(client);
  const file = join(options.stateDir, 'journal.db');
  const { journal, movedTo } = Journal.open(file, cluster, surroundings.journalLimits);
  if (movedTo !== undefined) options.log.warn('the journal was of no use here and was moved aside', { movedTo });
  const checkpoint = journal.latest();
  const snapshot = fold(checkpoint, [...journal.events(checkpoint.revision)]);
  const store = new FragmentStore();
  const derivation = await createDerivation(snapshot, store, {
    threads: options.threads,
    journal: file,
    ...(surroundings.spawnShard && { spawn: surroundings.spawnShard }),
  });
  const engine = new Engine(snapshot, store, derivation);
  const { conditions } = await engine.start();
  const core = assemble(client, options, { cluster, surroundings, journal, derivation, engine });
  core.pods.fill(snapshot);
  for (const [id, problems] of conditions) if (problems !== null) core.conditions.set(id, problems);
  return core;
}

function assemble(
  client: KubeClient,
  { log }: ControllerOptions,
  base: Pick<Core, 'cluster' | 'surroundings' | 'journal' | 'derivation' | 'engine'>,
): Core {
  const { engine, journal, cluster, surroundings } = base;
  const { now, timing, ownProcess } = surroundings;
  const pods = new PodsByUid();
  const seen = new SeenVersions();
  const watches = new Map<string, WatchCounters>();
  const receipts = new Receipts();
  const reborn = new Reborn();
  const tell = (problem: Problem): void => {
    log.problem(problem);
    core.problems = [...core.problems, problem].slice(-problemsMax);
  };
  const push = new PushServer({
    store: engine.store,
    now,
    elapsedMs: surroundings.elapsedMs,
    rootOf: uid => engine.roots.get(pods.key(uid) ?? ''),
    rev: () => `${journal.id}.${engine.snapshot.revision}`,
    mark: () => ({ cluster, versions: seen.all() }),
    behind: mark => mark.cluster === cluster && seen.behind(mark.versions),
    onHello: peer => enrolConnected(core, peer.podUid),
    onSent: (uid, { rev }) => delivered(core, uid, 'sent', rev),
    onAck: (uid, { rev }) => delivered(core, uid, 'acknowledged', rev),
    renew: async peer => core.renewals.book?.renew(peer),
    onProblem: tell,
  });
  const pipeline = new Pipeline(engine, {
    clock: surroundings,
    onStep: (step, times, batch) => {
      const gone = core.pods.follow(step.events);
      // Before anything is sent: the mark of a commit has to name what the commit was made from.
      for (const fact of batch) if ('kind' in fact) seen.see(fact.kind, fact.resourceVersion);
      if (step.events.length > 0) afterStep(core, step, times);
      for (const fact of reborn.among(batch)) tellAgain(core, fact);
      for (const uid of gone) push.end(uid, 'the pod is gone');
    },
    onError: error => fatal(log, error, surroundings),
  });
  const metrics = createMetrics(
    {
      proxies: () => push.status().length,
      revision: () => engine.snapshot.revision,
      ignored: () => engine.ignored,
      commits: () => push.commits,
      missed: () => sum(watches, 'missed'),
      fragments: () => engine.store.size,
      conditionsWaiting: () => core.status.waiting,
    },
    ownProcess,
  );
  const status = createStatusWriter(client, { resources, onProblem: tell, timing });
  const core: Core = {
    ...base,
    ...{ pipeline, push, pods, status, receipts, metrics, seen, watches, tell },
    conditions: new Map(),
    renewals: { book: null },
    problems: [],
  };
  return core;
}

/** Proxies first: the journal and the conditions are written when the new configurations are on their way. */
function afterStep(core: Core, step: Step, times: StepTimes): void {
  const { now, elapsedMs } = core.surroundings;
  tellProxies(core, step, times);
  core.journal.append(step.events);
  core.journal.checkpointIfDue(step.snapshot, now());
  core.metrics.stages.observe({ stage: 'journaled' }, core.receipts.journaled(elapsedMs()) / 1000);
  for (const event of step.events)
    core.metrics.events.inc({ type: event.type, kind: 'kind' in event ? event.kind : '' });
  for (const [id, problems] of conditionsOf(core, step)) setCondition(core, id, problems);
}

/** The receipt is opened first, for a proxy may be sent its part before `changed` is back. */
function tellProxies(core: Core, { snapshot, events, derived, fragments }: Step, times: StepTimes): void {
  const ended = core.surroundings.elapsedMs();
  const { revision } = snapshot;
  core.receipts.open({ revision, events, ...times, derived: ended, fragments, proxies: derived.roots.keys() });
  core.metrics.stages.observe({ stage: 'queued' }, (times.began - times.seen) / 1000);
  core.metrics.stages.observe({ stage: 'derived' }, (ended - times.seen) / 1000);
  for (const [key, fragment] of derived.roots) {
    const uid = proxyUid(snapshot, key);
    if (fragment === null || uid === undefined) core.receipts.forget(key);
    else core.push.changed(uid);
  }
  for (const event of events) if (event.type === 'applied' && event.kind === 'Pod') enrolAppeared(core, event.key);
}

/** Conditions that changed, and those of objects that did: they say which generation they are about. */
function conditionsOf(core: Core, step: Step): Map<string, readonly Problem[] | null> {
  const touched = new Map<string, readonly Problem[] | null>();
  for (const event of step.events) {
    if (event.type !== 'applied' || !hasConditions(event.kind)) continue;
    const id = `${event.kind} ${event.key}`;
    touched.set(id, core.conditions.get(id) ?? []);
  }
  for (const [id, problems] of step.derived.conditions) touched.set(id, problems);
  return touched;
}

/** Says everything again: what was still to be written when the last process ended is in no step of this one. */
export function tellConditions(core: Core): void {
  for (const [id, problems] of core.conditions) setCondition(core, id, problems);
}

/** Says of an object what was said of the one before it under this name. */
function tellAgain(core: Core, { kind, key, resourceVersion }: Extract<Fact, { type: 'applied' }>): void {
  const [ref, problems] = [{ kind, ...splitKey(key) }, core.conditions.get(`${kind} ${key}`)];
  if (problems === undefined) return;
  core.status.forget(ref);
  core.status.update({ ...ref, problems, resourceVersion });
}

function setCondition(core: Core, id: string, problems: readonly Problem[] | null): void {
  const space = id.indexOf(' ');
  const [kind, key] = [id.slice(0, space), id.slice(space + 1)];
  const ref = { kind, ...splitKey(key) };
  if (problems === null) {
    core.conditions.delete(id);
    core.status.forget(ref);
    return;
  }
  const silent = problems.length === 0 && !core.conditions.get(id)?.length && resourceOf(kind)?.status === false;
  core.conditions.set(id, problems);
  // Where only Events can say something, silence says that all is well.
  if (silent) return;
  const resourceVersion = entryOf(core.engine.snapshot, kind as Kind, key)?.resourceVersion;
  core.status.update({ ...ref, problems, ...(resourceVersion !== undefined && { resourceVersion }) });
}

/** A proxy that proved who it is counts as enrolled, even if the journal that knew it is lost. */
function enrolConnected(core: Core, podUid: string): void {
  const key = core.pods.key(podUid);
  if (key !== undefined) core.pipeline.submit([{ type: 'enrolled', key, uid: podUid }]);
}

/** The stream may be faster than the watch: the pod of a connected proxy is enrolled when it appears. */
function enrolAppeared(core: Core, key: string): void {
  const uid = objectOf(core.engine.snapshot, 'Pod', key)?.uid;
  if (uid !== undefined && core.push.connected(uid)) core.pipeline.submit([{ type: 'enrolled', key, uid }]);
}

/** A proxy was sent, or acknowledged, the configuration as of `<journal id>.<revision>`. */
function delivered(core: Core, uid: string, stage: 'sent' | 'acknowledged', rev: string): void {
  const key = core.pods.key(uid);
  if (key === undefined) return;
  const revision = Number(rev.slice(rev.lastIndexOf('.') + 1));
  for (const ms of core.receipts[stage](key, revision, core.surroundings.elapsedMs()))
    core.metrics.stages.observe({ stage }, ms / 1000);
}

/** A step that fails is a defect of ours: end, and let a new process start from the journal. Proxies keep what they have. */
export function fatal(log: Log, error: unknown, { exit }: Surroundings): void {
  log.error('a step failed; the process ends', {
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  exit(70);
}

/** A counter of every kind's watch together. */
export function sum(watches: Map<string, WatchCounters>, name: keyof WatchCounters): number {
  let total = 0;
  for (const counters of watches.values()) total += counters[name];
  return total;
}

async function clusterUid(client: KubeClient): Promise<string> {
  const namespace = await client.get(kindOf('Namespace'), { name: 'kube-system' });
  return String(namespace.metadata.uid);
}

function kindOf(kind: Kind) {
  const found = resources.find(resource => resource.kind === kind);
  if (found === undefined) throw new Error(`no resource of kind ${kind}`);
  return found;
}
