/** Finds the pod and the service that a person means, and says what was assumed. */
import { type Problem, ProblemError } from '../api/problem.ts';
import type { MeshSnapshot, PodObject } from '../engine/model.ts';
import { eachEntry, objectOf } from '../engine/snapshot.ts';

export interface Resolved {
  readonly key: string;
  /** What was assumed, for people; absent when the name was exact. */
  readonly assumed?: string;
}

/**
 * The pod that a name means: `namespace/pod`, `namespace/serviceaccount`, or a bare name of a pod, a ServiceAccount, an
 * `app` label or the prefix of a pod's name. Of several the first by name is taken.
 *
 * @throws ProblemError FSM1002 when there is none
 */
export function resolvePod(snapshot: MeshSnapshot, name: string): Resolved {
  if (objectOf(snapshot, 'Pod', name) !== undefined) return { key: name };
  const meshed: [string, PodObject][] = [];
  eachEntry(snapshot, 'Pod', (key, { object }) => {
    if (object?.proxy !== undefined && !object.terminating) meshed.push([key, object]);
  });
  meshed.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [how, is] of waysToName(name)) {
    const found = meshed.filter(([key, pod]) => is(key, pod)).map(([key]) => key);
    const [first] = found;
    if (first !== undefined)
      return { key: first, assumed: `${name} is ${how}; pod ${first} of ${found.length} is asked` };
  }
  throw new ProblemError(nothingCalled(name, 'pod with a sidecar', 'fsm get pods -A'));
}

function waysToName(name: string): [string, (key: string, pod: PodObject) => boolean][] {
  return [
    ['a pod', key => key.endsWith(`/${name}`)],
    ['a ServiceAccount', (_, pod) => `${pod.namespace}/${pod.serviceAccount}` === name || pod.serviceAccount === name],
    ['the app label of pods', (_, pod) => pod.labels.app === name || `${pod.namespace}/${pod.labels.app}` === name],
    ['the beginning of pod names', (key, pod) => pod.name.startsWith(`${name}-`) || key.startsWith(`${name}-`)],
  ];
}

/**
 * The service that a name means: `namespace/name`, `name.namespace`, or a bare name that only one namespace has.
 *
 * @throws ProblemError FSM1002 when there is none, FSM1005 when there are several
 */
export function resolveService(snapshot: MeshSnapshot, name: string): Resolved {
  const [first = '', namespace] = name.split('.');
  const exact = name.includes('/') ? name : `${namespace}/${first}`;
  if (objectOf(snapshot, 'Service', exact) !== undefined) return { key: exact };
  const found: string[] = [];
  eachEntry(snapshot, 'Service', key => {
    if (key.endsWith(`/${name}`)) found.push(key);
  });
  const [only, ...more] = found.sort();
  if (only === undefined) throw new ProblemError(nothingCalled(name, 'service', 'fsm get services -A'));
  if (more.length > 0) throw new ProblemError(severalCalled(name, found));
  return { key: only, assumed: `${name} is service ${only}` };
}

function nothingCalled(name: string, thing: string, command: string): Problem {
  return {
    code: 'FSM1002',
    path: '',
    what: `no ${thing} is called ${name}`,
    why: 'there is nobody to ask',
    fix: `look at ${command}`,
  };
}

function severalCalled(name: string, found: readonly string[]): Problem {
  const [first] = found;
  const what = `${found.length} services are called ${name}: ${found.join(', ')}`;
  return {
    code: 'FSM1005',
    path: '',
    what,
    why: 'they may answer differently',
    fix: `name one of them, for example ${first}`,
  };
}
