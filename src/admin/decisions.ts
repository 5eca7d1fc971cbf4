/**
 * What proxies do with requests in a state of the mesh, in words: the policy itself is asked, so two versions agree
 * here whenever their proxies behave alike, however differently they write configurations.
 */
import { compile, routeConnection, routeRequest, speaksHTTP } from '../dataplane/policy/policy.js';
import type { Host, OutboundDecision, RequestDescription, Tables } from '../dataplane/policy/types.ts';
import type { Endpoint, HTTPMatch, TextMatch } from '../engine/config.ts';
import { httpConditions } from '../engine/derive/match.ts';
import { protocolOf } from '../engine/derive/rules/service.ts';
import type { Ask } from '../engine/history.ts';
import type { HTTPRouteGroupObject, MeshSnapshot, ServiceObject } from '../engine/model.ts';
import type { Oracle, State } from '../engine/outcomes.ts';
import { eachEntry, fnv1a, objectOf } from '../engine/snapshot.ts';
import { askServer, authorityOf, requestOf, strangeness, treeUnder } from './why/asking.ts';

/** Requests that one state is asked about. */
const questionsMax = 2000;

/** Draws that stand for all: shares of backends are told to the percent. */
const draws = 100;

/** Endpoints of one backend that are named. */
const endpointsMax = 32;

/** Asks the policy of this version. */
export const oracle: Oracle = {
  questions: state => questionsOf(state),
  answers: (state, asks) => {
    const world = new World(state);
    return asks.map(ask => world.answer(ask));
  },
};

/** Every identity, every service, and of the requests each kind that some route group tells apart. */
function questionsOf(state: State): Ask[] {
  const callers = [...callersOf(state).keys()].sort();
  const asks: Ask[] = [];
  for (const [service, object] of sorted(state.snapshot, 'Service')) {
    const requests = requestsTo(state.snapshot, object);
    for (const port of object.ports.filter(({ protocol }) => protocol === 'TCP')) {
      const kinds = speaksHTTP(protocolOf(port)) ? requests : [{}];
      for (const client of callers) for (const kind of kinds) asks.push({ client, service, port: port.port, ...kind });
    }
    if (asks.length >= questionsMax) break;
  }
  return asks.slice(0, questionsMax);
}

function sorted<K extends 'Service' | 'HTTPRouteGroup'>(
  snapshot: MeshSnapshot,
  kind: K,
): [string, K extends 'Service' ? ServiceObject : HTTPRouteGroupObject][] {
  const found: [string, K extends 'Service' ? ServiceObject : HTTPRouteGroupObject][] = [];
  eachEntry(snapshot, kind, (key, { object }) => {
    if (object !== undefined) found.push([key, object as (typeof found)[number][1]]);
  });
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** identity → its first pod that has a configuration */
function callersOf({ snapshot, roots }: State): Map<string, string> {
  const callers = new Map<string, string>();
  for (const podKey of Object.keys(roots).sort()) {
    const pod = objectOf(snapshot, 'Pod', podKey);
    const account = `${pod?.namespace}/${pod?.serviceAccount}`;
    if (pod !== undefined && !callers.has(account)) callers.set(account, podKey);
  }
  return callers;
}

type Request = Required<Pick<Ask, 'method' | 'path'>> & Pick<Ask, 'headers'>;

/** One that no rule speaks of, and an example of each match in the service's namespace that has a literal one. */
function requestsTo(snapshot: MeshSnapshot, { namespace }: ServiceObject): Request[] {
  const groups = sorted(snapshot, 'HTTPRouteGroup').filter(([, group]) => group.namespace === namespace);
  const examples = groups.flatMap(([, group]) => httpConditions(group).flatMap(({ match }) => exampleOf(match)));
  const unique = new Map([{ method: 'GET', path: '/' }, ...examples].map(each => [JSON.stringify(each), each]));
  return [...unique.values()];
}

function exampleOf({ path, methods, headers = [] }: HTTPMatch): Request[] {
  const texts = headers.map(({ name, value }) => [name, literalOf(value)] as const);
  const written = path === undefined ? '/' : literalOf(path);
  if (!written?.startsWith('/') || texts.some(([, text]) => text === undefined)) return [];
  const named = Object.fromEntries(texts.map(([name, text]) => [name, text ?? '']));
  return [{ method: methods?.[0] ?? 'GET', path: written, ...(texts.length > 0 && { headers: named }) }];
}

function literalOf(match: TextMatch): string | undefined {
  if ('exact' in match) return match.exact;
  return 'prefix' in match ? match.prefix : undefined;
}

interface Share {
  readonly count: number;
  readonly point: number;
}

/** A state with the tables that its proxies would make. */
class World {
  /** What the policy draws; the answers go through all of it. */
  #point = 0;
  readonly #host: Host = { random: () => this.#point, now: () => 0, hash: fnv1a };
  readonly #state: State;
  /** pod → tables */
  readonly #compiled = new Map<string, Tables>();
  readonly #callers: ReadonlyMap<string, string>;
  /** address → pod */
  readonly #pods = new Map<string, string>();

  constructor(state: State) {
    this.#state = state;
    this.#callers = callersOf(state);
    eachEntry(state.snapshot, 'Pod', (key, { object }) => {
      if (object?.ip !== undefined && object.proxy !== undefined) this.#pods.set(object.ip, key);
    });
  }

  answer(ask: Ask): string {
    const client = this.#tables(this.#callers.get(ask.client) ?? '');
    if (client === undefined) return 'the caller has no configuration';
    const shares = this.#shares(client, ask);
    const parts = [...shares].sort(([a], [b]) => (a < b ? -1 : 1));
    return parts.map(([name, share]) => this.#told(client, ask, name, share)).join('; ');
  }

  /** How many of the draws go where, and one that does. A backend has one stretch of them, so its ends are enough. */
  #shares(client: Tables, ask: Ask): Map<string, Share> {
    const shares = new Map<string, Share>();
    const nameAt = (draw: number): string => {
      this.#point = (draw + 0.5) / draws;
      return nameOf(this.#route(client, ask));
    };
    const add = (first: number, last: number, from: string, to: string): void => {
      if (from === to) {
        const count = (shares.get(from)?.count ?? 0) + last - first + 1;
        shares.set(from, { count, point: (first + 0.5) / draws });
        return;
      }
      const middle = Math.floor((first + last) / 2);
      add(first, middle, from, nameAt(middle));
      add(middle + 1, last, nameAt(middle + 1), to);
    };
    add(0, draws - 1, nameAt(0), nameAt(draws - 1));
    return shares;
  }

  #told(client: Tables, ask: Ask, name: string, { count, point }: Share): string {
    const ends = this.#ends(client, ask, point);
    return `${(count * 100) / draws} % ${name}${ends === '' ? '' : ` (${ends})`}`;
  }

  /** What the endpoints of the backend say that this point chooses; they take turns. */
  #ends(client: Tables, ask: Ask, point: number): string {
    this.#point = point;
    const said = new Map<string, string>();
    for (let turn = 0; turn < endpointsMax; turn++) {
      const decision = this.#route(client, ask);
      if (decision.action !== 'forward' || said.has(decision.target)) break;
      said.set(decision.target, this.#admit(client, decision.endpoint, ask));
    }
    return [...said]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([target, verdict]) => `${target} ${verdict}`)
      .join(', ');
  }

  #route(client: Tables, ask: Ask): OutboundDecision {
    const request = requestIn(ask);
    if (request === null) return routeConnection(client, authorityOf(ask.service, undefined), ask.port);
    return routeRequest(client, request, {});
  }

  #admit(client: Tables, endpoint: Endpoint, ask: Ask): string {
    const server = this.#tables(this.#pods.get(endpoint.address) ?? '');
    if (server === undefined) return 'has no configuration';
    const strange = strangeness(client, server, endpoint);
    if (strange !== undefined) return strange;
    const { decision } = askServer(server, endpoint, client.self.principal, requestIn(ask));
    return decision.action === 'forward' ? 'admits' : `refuses: ${decision.reason}`;
  }

  #tables(podKey: string): Tables | undefined {
    const root = this.#state.roots[podKey];
    if (root === undefined) return undefined;
    const known = this.#compiled.get(podKey);
    if (known !== undefined) return known;
    const tables = compile(
      treeUnder(root, hash => this.#state.node(hash)),
      root,
      this.#host,
      null,
    );
    this.#compiled.set(podKey, tables);
    return tables;
  }
}

/** Null for a connection. */
function requestIn({ service, port, method, path, headers = {} }: Ask): RequestDescription | null {
  if (method === undefined || path === undefined) return null;
  return requestOf(authorityOf(service, port), method, path, headers);
}

function nameOf(decision: OutboundDecision): string {
  if (decision.action === 'forward') return `to ${decision.backend}`;
  return decision.action === 'passthrough' ? 'out of the mesh' : `refused: ${decision.reason}`;
}
