import { formatRef, type ObjectRef, type Problem } from '../../api/problem.ts';
import type { KubeClient } from '../client.ts';
import { KubeError } from '../errors.ts';
import { isRecord, type KubeObject } from '../object.ts';
import type { Timing } from '../timing.ts';
import { keepsJudgement, withJudgement } from './conditions.ts';
import { eventFor, events } from './event.ts';
import type { Settled } from './settled.ts';
import type { DesiredStatus, StatusCounters, StatusResource } from './types.ts';

/** What the writer of statuses works with. */
export interface StatusTools {
  readonly client: KubeClient;
  readonly resources: ReadonlyMap<string, StatusResource>;
  readonly settled: Settled;
  readonly counters: StatusCounters;
  readonly tell: (problem: Problem) => void;
  readonly timing: Timing;
  /** Kinds whose status the server does not keep. */
  readonly withoutStatus: Set<string>;
}

export function keyOfRef(ref: ObjectRef): string {
  return formatRef(ref);
}

/** Brings one object's status to what is desired; never rejects for a failure of the API. */
export async function settle(tools: StatusTools, desired: DesiredStatus): Promise<'done' | 'again'> {
  const resource = tools.resources.get(desired.kind);
  if (resource === undefined) throw new TypeError(`the status writer does not know the kind ${desired.kind}`);
  tools.settled.doubt(keyOfRef(desired));
  try {
    const found = await readObject(tools, resource, desired);
    if (found === undefined) return 'done';
    const generation = judgedGeneration(tools, desired, found.live);
    const said = await say(tools, found.resource, found.live, desired, generation);
    if (said) tools.settled.note(keyOfRef(desired), desired, generation);
    return 'done';
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    tools.counters.errors++;
    if (error.status !== 409) tools.tell(error.problem);
    return isPassing(error) ? 'again' : 'done';
  }
}

/** No answer, a conflict with another writer, too many requests, a server that is not well. */
function isPassing({ status }: KubeError): boolean {
  return status === 0 || status === 409 || status === 429 || status >= 500;
}

/** The object, and the resource in the first version that the cluster serves; undefined when it is gone. */
async function readObject(
  { client }: StatusTools,
  resource: StatusResource,
  desired: DesiredStatus,
): Promise<{ live: KubeObject; resource: StatusResource } | undefined> {
  for (const version of new Set([resource.version, ...(resource.versions ?? [])])) {
    const served = { ...resource, version };
    const live = await client.get(served, pathOf(desired), { retries: 0 }).catch(undefinedIfAbsent);
    if (live !== undefined) return { live, resource: served };
  }
  return undefined;
}

/** Undefined when the version that was judged is not the one that is there. */
function judgedGeneration(tools: StatusTools, desired: DesiredStatus, live: KubeObject): number | undefined {
  const { generation, resourceVersion } = desired;
  if (generation !== undefined) return generation;
  if (resourceVersion === undefined || resourceVersion === live.metadata.resourceVersion)
    return live.metadata.generation;
  return tools.settled.generationOf(keyOfRef(desired), resourceVersion);
}

/** @returns false when the object went meanwhile */
async function say(
  tools: StatusTools,
  resource: StatusResource,
  live: KubeObject,
  desired: DesiredStatus,
  generation: number | undefined,
): Promise<boolean> {
  if (resource.status !== false && !tools.withoutStatus.has(resource.kind)) {
    if (await writeCondition(tools, resource, live, desired, generation)) return true;
    // An object that was deleted since it was read looks the same, and says nothing about its kind.
    if (!(await isStillThere(tools, resource, live, desired))) return false;
    tools.withoutStatus.add(resource.kind);
  }
  await writeEvent(tools, resource, live, desired);
  return true;
}

async function isStillThere(
  { client }: StatusTools,
  resource: StatusResource,
  live: KubeObject,
  desired: DesiredStatus,
): Promise<boolean> {
  const now = await client.get(resource, pathOf(desired), { retries: 0 }).catch(undefinedIfAbsent);
  return now !== undefined && now.metadata.uid === live.metadata.uid;
}

/** @returns false when the server has no place for it, or no such object any more */
async function writeCondition(
  tools: StatusTools,
  resource: StatusResource,
  live: KubeObject,
  desired: DesiredStatus,
  generation: number | undefined,
): Promise<boolean> {
  const conditions = withJudgement(conditionsOf(live), desired.problems, generation, tools.timing.scheduler.now());
  if (conditions === undefined) {
    tools.counters.unchanged++;
    return true;
  }
  // The resourceVersion makes it a conflict when another writer was faster, so that its conditions are not undone.
  const patch = { metadata: { resourceVersion: live.metadata.resourceVersion }, status: { conditions } };
  const path = { ...pathOf(desired), subresource: 'status' };
  const written = await tools.client.patch(resource, path, 'merge', patch, { retries: 0 }).catch(undefinedIfAbsent);
  if (!keepsJudgement(conditionsOf(written), desired.problems)) return false;
  tools.counters.written++;
  return true;
}

/** Silence says that all is well, unless we said something else before. */
async function writeEvent(
  tools: StatusTools,
  resource: StatusResource,
  live: KubeObject,
  desired: DesiredStatus,
): Promise<void> {
  const key = keyOfRef(desired);
  if (desired.problems.length === 0 && !tools.settled.complained(key)) {
    tools.counters.unchanged++;
    return;
  }
  const event = eventFor(resource, live, desired.problems, tools.timing.scheduler.now());
  const created = await tools.client.create(events, event, { retries: 0 }).catch(undefinedIfThere);
  if (created === undefined) tools.counters.unchanged++;
  else tools.counters.events++;
}

function undefinedIfAbsent(error: unknown): undefined {
  if (error instanceof KubeError && error.status === 404) return undefined;
  throw error;
}

/** The name of an Event says what is in it: where it exists the same was said already. */
function undefinedIfThere(error: unknown): undefined {
  if (error instanceof KubeError && error.status === 409) return undefined;
  throw error;
}

function conditionsOf(object: KubeObject | undefined): unknown {
  return isRecord(object?.status) ? object.status.conditions : undefined;
}

function pathOf({ namespace, name }: ObjectRef): { namespace?: string; name: string } {
  return namespace === '' ? { name } : { namespace, name };
}
