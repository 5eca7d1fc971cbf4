/** Asks every endpoint that a client's proxy may choose, and puts together those that decide alike. */

import type {
  Because,
  InboundDecision,
  OutboundDecision,
  RequestDescription,
  RouteChoice,
  Tables,
} from '../../dataplane/policy/types.ts';
import type { Endpoint } from '../../engine/config.ts';
import { askServer, strangeness } from './asking.ts';
import { accountOf, serviceOf } from './derived.ts';
import type { Question } from './explanation.ts';
import type { World } from './world.ts';

/** What every endpoint is asked. */
export interface Asking {
  readonly world: World;
  readonly question: Question;
  readonly client: Tables;
  /** Null where the client opens a connection. */
  readonly request: RequestDescription | null;
}

/** What some endpoints of a backend say. */
export interface End {
  /** The first of the pods. */
  readonly pod: string;
  /** `namespace/serviceaccount` of the pods. */
  readonly account: string;
  /** How many there are. */
  readonly endpoints: number;
  readonly decision: InboundDecision;
  readonly because: readonly Because[];
  /** What their proxies look at. */
  readonly looksAt: 'request' | 'connection';
}

/** What the endpoints of a backend say, those that say the same for the same reason together. */
export function endsOf(asking: Asking, { backend, decisions }: RouteChoice): End[] {
  const groups = new Map<string, End>();
  for (const decision of decisions) {
    if (decision.action !== 'forward') continue;
    const end = endOf(asking, backend, decision.endpoint);
    const id = JSON.stringify([end.decision, end.because, end.account]);
    groups.set(id, { ...(groups.get(id) ?? end), endpoints: (groups.get(id)?.endpoints ?? 0) + 1 });
  }
  return [...groups.values()];
}

/** The refusals of the client's own proxy that stand for a backend without endpoints. */
export function refusalsOf({ decisions }: RouteChoice): Extract<OutboundDecision, { action: 'refuse' }>[] {
  return decisions.flatMap(decision => (decision.action === 'refuse' ? [decision] : []));
}

/** Endpoints of a backend that the client's proxy knows and never chooses. */
export function leftOut(known: readonly Endpoint[], { decisions }: Pick<RouteChoice, 'decisions'>): Endpoint[] {
  const place = ({ address, port }: Endpoint) => `${address} ${port}`;
  const chosen = new Set(decisions.flatMap(each => (each.action === 'forward' ? [place(each.endpoint)] : [])));
  return chosen.size === 0 ? [] : known.filter(endpoint => !chosen.has(place(endpoint)));
}

function endOf({ world, client, request }: Asking, backend: string, endpoint: Endpoint): End {
  const pod = world.sources.podAt(serviceOf(backend), endpoint.address) ?? '';
  const server = pod === '' ? undefined : world.server(pod);
  const at = { pod, account: accountOf(world.sources.newest, pod), endpoints: 1, looksAt: 'connection' } as const;
  if (server === undefined) return { ...at, decision: unreachable(pod, endpoint), because: [] };
  const strange = strangeness(client, server, endpoint);
  if (strange !== undefined) return { ...at, decision: mistaken(strange), because: [] };
  return { ...at, ...askServer(server, endpoint, client.self.principal, request) };
}

/** What a shell answers when nobody is there, or a connection breaks off. */
function unreachable(pod: string, { principal }: Endpoint): InboundDecision {
  if (pod !== '')
    return { action: 'refuse', status: 502, reason: 'upstream-closed', detail: 'Its sidecar has no configuration.' };
  const detail = `No pod has the address at which ${principal} is expected.`;
  return { action: 'refuse', status: 503, reason: 'upstream-unreachable', detail };
}

function mistaken(strange: string): InboundDecision {
  const detail = `The sidecar at this address ${strange}.`;
  return { action: 'refuse', status: 502, reason: 'upstream-identity', detail };
}
