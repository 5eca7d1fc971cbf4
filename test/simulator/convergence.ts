/** Whether everything stands where it would if there had never been a delay. */

import type { Problem } from '../../src/api/problem.ts';
import { resourceOf } from '../../src/api/resources.ts';
import type { Core } from '../../src/controller/core.ts';
import { conditionKinds } from '../../src/engine/derive/rules/conditions.ts';
import { rootHashes } from '../../src/engine/deriver.ts';
import { proxyUid } from '../../src/engine/snapshot.ts';
import { keyOfObject } from '../../src/kube/object.ts';
import { judgement } from '../../src/kube/status/conditions.ts';
import { fromScratch, meaningOf } from '../engine/view.ts';
import { firstDifference } from './checks.ts';
import type { Cluster } from './cluster.ts';
import type { Simulation } from './simulation.ts';
import { wholeSnapshot } from './truth.ts';

/** @returns what is not there yet, in words; undefined when all is */
export function notConverged(simulation: Simulation): string | undefined {
  const conditions: Conditions[] = [];
  for (const { name, core } of simulation.controlPlanes) {
    if (core === null) return `${name} is down`;
    if (!core.push.isOpen) return `${name} has not seen the whole cluster`;
    const late = lateReplica(simulation, core, conditions);
    if (late !== undefined) return `${name}: ${late}`;
  }
  for (const sidecar of simulation.sidecars.values()) {
    const core = simulation.replicaOf(sidecar)?.core;
    const { podKey, uid } = sidecar.owner;
    if (simulation.api.cluster.get('Pod', podKey)?.metadata.uid !== uid) continue;
    if (!core?.push.connected(uid)) return `${sidecar.name} is not connected`;
    const [expected, found] = [core.engine.roots.get(podKey)?.hash, sidecar.configuration?.position.root];
    if (expected !== undefined && expected !== found) return `${sidecar.name} runs ${found} instead of ${expected}`;
    // Back where it was, but with what lay between still to come: it will run that, and then this again.
    const late = core.push
      .status()
      .find(stream => stream.uid === uid && stream.sent !== null && stream.problem === null);
    if (late !== undefined && late.sent?.root !== late.acked?.root) return `${sidecar.name} has not answered yet`;
    if (expected === undefined && fromScratch(wholeOf(simulation, core)).roots[podKey])
      return `${sidecar.name} has no root`;
  }
  return lateCondition(simulation.api.cluster, conditions);
}

/** `<kind> <key>` → everything that is wrong with the object. */
type Conditions = Readonly<Record<string, readonly Problem[]>>;

function wholeOf({ api, sidecars }: Simulation, core: Core) {
  const there = [...sidecars.values()].map(({ owner }) => owner);
  const living = there.filter(({ podKey, uid }) => api.cluster.get('Pod', podKey)?.metadata.uid === uid);
  const enrolled = living.filter(({ podKey, uid }) => proxyUid(core.engine.snapshot, podKey) === uid);
  const proxies = Object.fromEntries(enrolled.map(({ podKey, uid }) => [podKey, uid]));
  return wholeSnapshot(api.cluster, core.engine.snapshot, proxies);
}

function lateReplica(simulation: Simulation, core: Core, conditions: Conditions[]): string | undefined {
  const whole = wholeOf(simulation, core);
  const [a, b] = [meaningOf(whole), meaningOf(core.engine.snapshot)];
  const difference = firstDifference(a, { ...b, proxies: a.proxies });
  if (difference !== undefined) return difference;
  const expected = fromScratch(whole);
  const roots = rootHashes(core.engine.roots);
  for (const [podKey, hash] of Object.entries(expected.roots))
    if (roots[podKey] !== hash) return `the root of ${podKey} is ${roots[podKey]} instead of ${hash}`;
  conditions.push(expected.conditions);
  return undefined;
}

/**
 * Conditions as anybody may read them. Every replica writes, for there is no election yet. Of an object that is invalid now
 * replicas may have seen different last valid versions, and what they say of others that name it may differ with that.
 */
function lateCondition(cluster: Cluster, expected: readonly Conditions[]): string | undefined {
  for (const kind of conditionKinds.filter(each => resourceOf(each).status))
    for (const object of cluster.all(kind)) {
      const id = `${kind} ${keyOfObject(object)}`;
      const said = (object.status as { conditions?: Record<string, unknown>[] } | undefined)?.conditions ?? [];
      const wanted = expected.map(conditions => judgement(conditions[id] ?? []));
      const same = wanted.some(
        all =>
          all.length === said.length &&
          all.every(({ status, message }, at) => said[at]?.status === status && said[at].message === message),
      );
      if (!same) return `the condition of ${id} is ${JSON.stringify(said)} instead of ${JSON.stringify(wanted)}`;
    }
  return undefined;
}
