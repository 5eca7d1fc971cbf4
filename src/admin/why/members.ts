/** Why nobody is behind a service: what its pods lack. */
import type { Origin } from '../../engine/derive/rule.ts';
import { sortedPorts } from '../../engine/derive/rules/access.ts';
import { workload } from '../../engine/derive/rules/mesh.ts';
import type { PodObject } from '../../engine/model.ts';
import { keyOf, splitKey } from '../../engine/snapshot.ts';
import { type Cause, namedMax, originOf, whyNoTarget, whyOutside } from './cause.ts';
import { accountOf, type Derived, serviceOf } from './derived.ts';

/** Why no pod behind some services has an identity. */
export function whyNobody(state: Derived, services: readonly string[]): Cause {
  for (const service of services) {
    const behind = membersOf(state, service);
    if (behind.length > 0) return whyNoSidecar(state, service, behind);
  }
  return whyNoPods(state, services[0] ?? '');
}

/** A pod that an EndpointSlice puts behind a service. */
interface Member {
  readonly key: string;
  readonly ready: boolean;
  /** Of the pod; undefined when the slice does not have it. */
  readonly port: number | undefined;
  readonly slice: string;
  /** Undefined for one that is not there. */
  readonly pod: PodObject | undefined;
}

/** Every pod behind a service; `portName` tells which serve that port. */
function membersOf(state: Derived, service: string, portName = ''): Member[] {
  const { namespace, name } = splitKey(service);
  const slices = state.objects('EndpointSlice', slice => slice.namespace === namespace && slice.service === name);
  return slices.flatMap(slice =>
    slice.endpoints.map(({ pod: podName = '', ready }): Member => {
      const key = `${namespace}/${podName}`;
      const port = slice.ports.find(candidate => candidate.name === portName)?.port;
      return { key, ready, port, slice: keyOf(slice), pod: state.object('Pod', key) };
    }),
  );
}

function whyNoPods(state: Derived, service: string): Cause {
  const { selector } = state.object('Service', service) ?? {};
  const text = Object.entries(selector ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  return {
    reason: 'no-pods',
    detail: `no pod is behind ${service}: ${text === '' ? 'it has no selector' : `its selector is ${text}`}`,
    origins: [originOf('Service', service, 'its selector finds no pod')],
    fix: 'start a pod with these labels, or correct the selector',
  };
}

function whyNoSidecar(state: Derived, service: string, members: readonly Member[]): Cause {
  const there = members.filter(({ pod }) => pod !== undefined);
  const outside = there.some(({ pod }) => pod?.proxy !== undefined) && whyOutside(state, splitKey(service).namespace);
  if (outside) return outside;
  const [member] = members;
  if (there.length === 0 && member !== undefined)
    return {
      reason: 'no-pods',
      detail: `no pod is behind ${service}: its EndpointSlices name none that exists`,
      origins: [originOf('EndpointSlice', member.slice, 'names no pod')],
      fix: 'let the addresses be those of pods with a sidecar',
    };
  return {
    reason: 'no-sidecar',
    detail: `no pod behind ${service} has a sidecar, so none has an identity`,
    origins: there.slice(0, namedMax).map(({ key }) => originOf('Pod', key, 'has no sidecar')),
    fix: 'make these pods again, with a sidecar',
  };
}

/** Why a backend has nobody to send to. Its own reason stands; this says what the pods behind it lack. */
export function whyNoEndpoints(state: Derived, client: string, backend: string): Cause | undefined {
  const service = serviceOf(backend);
  const object = state.object('Service', service);
  const port = object?.ports.find(each => `${service}:${each.port}` === backend && each.protocol === 'TCP');
  if (object === undefined || port === undefined) return undefined;
  const members = membersOf(state, service, port.name);
  const serving = members.filter(member => serves(state, member));
  if (serving.length > 0) return whyNoneCallable(state, client, service, serving);
  if (members.length === 0) return { ...whyNoPods(state, service), reason: 'no-endpoints' };
  const outside = whyOutside(state, object.namespace);
  if (outside !== undefined) return outside;
  return whyNotServing(service, members);
}

/** Pods are there that serve, so it is the client that may not call them. */
function whyNoneCallable(
  state: Derived,
  client: string,
  service: string,
  serving: readonly Member[],
): Cause | undefined {
  const identities = [...new Set(serving.map(({ key }) => accountOf(state, key)))].sort();
  return whyNoTarget(state, client, service, identities, sortedPorts(serving.flatMap(({ port }) => port ?? [])));
}

function serves(state: Derived, { key, ready, port }: Member): boolean {
  return ready && port !== undefined && state.value(workload, key) !== null;
}

function whyNotServing(service: string, lacking: readonly Member[]): Cause {
  const nearest = Math.min(...lacking.map(member => lacks(member).length));
  const named = lacking.filter(member => lacks(member).length === nearest);
  const words = [...new Set(named.map(member => lacks(member).join(' and ')))];
  return {
    reason: 'no-endpoints',
    detail: lackDetail(service, lacking.length, words.join('; ')),
    origins: named.slice(0, namedMax).map(member => lackOrigin(service, member)),
    fix: 'look at these pods with "fsm get pods" and at what they log',
  };
}

function lackDetail(service: string, count: number, words: string): string {
  if (count === 1) return `the only pod behind ${service} ${words}`;
  return `none of the ${count} pods behind ${service} serves: at best it ${words}`;
}

function lacks({ ready, port, pod }: Member): string[] {
  if (pod === undefined) return ['names no pod that exists'];
  return [
    ...(ready ? [] : ['is not ready']),
    ...(pod.proxy === undefined ? ['has no sidecar'] : []),
    ...(port !== undefined ? [] : ['does not have the target port']),
  ];
}

/** A port that no slice has is a matter of the Service, whatever the pod is like. */
function lackOrigin(service: string, member: Member): Origin {
  const rule = lacks(member).join(' and ');
  if (member.pod === undefined) return originOf('EndpointSlice', member.slice, rule);
  return member.port ? originOf('Pod', member.key, rule) : originOf('Service', service, `its pods: ${rule}`);
}
