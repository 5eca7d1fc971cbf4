/**
 * Why a request is allowed or denied, and why not: asks the same policy that the proxies run, over configurations
 * derived from a snapshot, and adds which objects each line came from.
 */
import { firstMatch, pathTable } from '../dataplane/policy/match.js';
import { admitConnection, admitRequest, compile, routeConnection, routeRequest } from '../dataplane/policy/policy.js';
import type {
  Headers,
  Host,
  InboundDecision,
  OutboundDecision,
  RequestDescription,
  Tables,
} from '../dataplane/policy/types.ts';
import type { Hash } from '../engine/canonical.ts';
import type { AccessNode, AnyNode, Fragment, HTTPMatch, ServiceNode } from '../engine/config.ts';
import { Graph } from '../engine/derive/graph.ts';
import type { Origin, Rule } from '../engine/derive/rule.ts';
import { access } from '../engine/derive/rules/access.ts';
import { permissive, workload } from '../engine/derive/rules/mesh.ts';
import { root } from '../engine/derive/rules/proxy.ts';
import { accounts, service as serviceRule } from '../engine/derive/rules/service.ts';
import { fold } from '../engine/fold.ts';
import { type EnrolledEvent, type Kind, kinds, type MeshSnapshot } from '../engine/model.ts';
import { eachEntry, entryOf, keyOf, objectOf, splitKey } from '../engine/snapshot.ts';

/** A request as a person describes it. */
export interface Question {
  /** Key of the client's pod. */
  readonly client: string;
  /** `namespace/name` of the service. */
  readonly service: string;
  /** Service port; the only one, or the first, when absent. */
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

/** An origin with the version of the object that is in force. */
export interface VersionedOrigin extends Origin {
  readonly resourceVersion: string;
}

export interface ExplainedStep {
  readonly at: 'client' | 'server';
  /** Pod that decides. */
  readonly pod: string;
  readonly decision: 'forward' | 'refuse' | 'passthrough';
  /** Stable word of a refusal. */
  readonly reason?: string;
  /** One sentence for people. */
  readonly detail: string;
  readonly origins: readonly VersionedOrigin[];
}

export interface Explanation {
  readonly client: string;
  readonly principal: string;
  readonly service: string;
  readonly request: { readonly method: string; readonly path: string; readonly port: number };
  readonly outcome: 'allowed' | 'denied' | 'unroutable';
  readonly steps: readonly ExplainedStep[];
}

/** Asks for every backend in turn, whatever the weights: an explanation does not toss a coin. */
const host: Host = { random: () => 0, now: () => 0, hash: () => 0 };

export function explain(snapshot: MeshSnapshot, question: Question): Explanation {
  const view = new View(snapshot);
  const client = view.tables(question.client);
  const spec = objectOf(snapshot, 'Service', question.service)?.ports ?? [];
  const port = question.port ?? spec[0]?.port ?? 80;
  const request = { method: question.method, path: question.path, port };
  const base = { client: question.client, principal: client?.self.principal ?? '', service: question.service, request };
  if (client === undefined) return { ...base, outcome: 'unroutable', steps: [unmeshed(question.client)] };
  const first = clientStep(view, client, question, port);
  if (first.step.decision !== 'forward') {
    const denied = spec.length > 0 && view.node(permissive, '') === false;
    const step = denied ? view.unreachable(first.step, question) : first.step;
    return { ...base, outcome: denied ? 'denied' : 'unroutable', steps: [step] };
  }
  const servers = first.backends.map(backend => serverStep(view, client, question, backend));
  const allowed = servers.length > 0 && servers.every(step => step.decision === 'forward');
  return { ...base, outcome: allowed ? 'allowed' : 'denied', steps: [first.step, ...servers] };
}

interface ClientStep {
  readonly step: ExplainedStep;
  readonly backends: readonly string[];
}

function clientStep(view: View, client: Tables, question: Question, port: number): ClientStep {
  const [namespace, name] = question.service.split('/');
  const request = describe(question, `${name}.${namespace}:${port}`);
  const node = view.service(question.service);
  const spec = node?.data.ports.find(candidate => candidate.port === port);
  const tcp = spec?.protocol.startsWith('tcp') || spec?.protocol === 'https';
  const decision: OutboundDecision = tcp
    ? routeConnection(client, `${name}.${namespace}`, port)
    : routeRequest(client, request, {});
  const at = { at: 'client' as const, pod: question.client };
  if (decision.action !== 'forward' || spec === undefined)
    return { step: { ...at, ...refusalOf(decision), origins: [] }, backends: [] };
  const index = matching(
    spec.routes.map(route => route.match),
    request,
  );
  const backends = (spec.routes[index]?.backends ?? []).filter(backend => backend.weight > 0);
  const total = backends.reduce((sum, backend) => sum + backend.weight, 0);
  const shares = backends.map(({ ref, weight }) => `${ref} ${Math.round((weight * 100) / total)} %`).join(', ');
  const pointer = `/ports/${node?.data.ports.indexOf(spec)}/routes/${index}`;
  const origins = view.origins(view.graph.origins(serviceRule, question.service) ?? [], ['', pointer]);
  const detail = `${question.service}:${port} goes to ${shares}`;
  return { step: { ...at, decision: 'forward', detail, origins }, backends: backends.map(({ ref }) => ref) };
}

function serverStep(view: View, client: Tables, question: Question, backend: string): ExplainedStep {
  const endpoint = view.endpointsOf(question.service, backend)[0];
  const pod = endpoint && view.podAt(endpoint.address);
  const server = pod === undefined ? undefined : view.tables(pod);
  if (endpoint === undefined || pod === undefined || server === undefined) return noEndpoint(view, backend);
  const principal = client.self.principal;
  const protocol = server.inboundPorts.find(candidate => candidate.port === endpoint.port)?.protocol ?? 'http';
  const tcp = protocol.startsWith('tcp') || protocol === 'https';
  const decision: InboundDecision = tcp
    ? admitConnection(server, endpoint.port, principal)
    : admitRequest(server, endpoint.port, principal, describe(question, question.service));
  const origins = view.accessOrigins(pod, principal, endpoint.port, tcp, describe(question, ''));
  const at = { at: 'server' as const, pod };
  if (decision.action !== 'forward') return { ...at, ...refusalOf(decision), origins };
  return { ...at, decision: 'forward', detail: `${principal} may call ${backend}`, origins };
}

function describe(question: Question, authority: string): RequestDescription {
  return {
    method: question.method,
    path: question.path.split('?')[0] ?? '/',
    host: authority,
    headers: question.headers,
  };
}

/** Position of the first match that holds, after the policy's own rules; -1 when none does. */
function matching(matches: readonly (HTTPMatch | undefined)[], request: RequestDescription): number {
  const positions = matches.map((_, index) => index);
  return (
    firstMatch(
      pathTable(matches, positions, () => false),
      request,
    ) ?? -1
  );
}

function refusalOf(
  decision: OutboundDecision | InboundDecision,
): Pick<ExplainedStep, 'decision' | 'reason' | 'detail'> {
  if (decision.action === 'refuse') return { decision: 'refuse', reason: decision.reason, detail: decision.detail };
  return { decision: decision.action, detail: 'the destination is not of the mesh, and egress is open' };
}

function unmeshed(pod: string): ExplainedStep {
  const detail = `${pod} has no sidecar: it is no pod of an enrolled namespace, or it was made before injection`;
  return { at: 'client', pod, decision: 'refuse', reason: 'not-meshed', detail, origins: [] };
}

/** Why there is nobody to ask: the selector, and how many pods it finds. */
function noEndpoint(view: View, backend: string): ExplainedStep {
  const key = backend.slice(0, backend.lastIndexOf(':'));
  const selector = objectOf(view.snapshot, 'Service', key)?.selector ?? {};
  const text = Object.entries(selector)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const detail = `${backend} has no ready endpoint with a sidecar; its selector is ${text === '' ? 'empty' : text}`;
  const origins = view.origins(
    [{ pointer: '', object: { kind: 'Service', ...splitKey(key) }, rule: 'selector' }],
    [''],
  );
  return { at: 'server', pod: '', decision: 'refuse', reason: 'no-endpoints', detail, origins };
}

/** The same mesh with every pod enrolled. */
function everybodyEnrolled(snapshot: MeshSnapshot): MeshSnapshot {
  const events: EnrolledEvent[] = [];
  eachEntry(snapshot, 'Pod', (key, { object }) => {
    if (object !== undefined)
      events.push({ type: 'enrolled', key, uid: object.uid, revision: snapshot.revision, at: 0 });
  });
  return fold(snapshot, events);
}

/** Configurations of a snapshot, derived when they are asked for. */
class View {
  readonly snapshot: MeshSnapshot;
  readonly graph: Graph;
  readonly #nodes = new Map<Hash, AnyNode>();

  /** Every pod of the mesh counts as enrolled: the question is what its proxy would do. */
  constructor(snapshot: MeshSnapshot) {
    this.snapshot = everybodyEnrolled(snapshot);
    this.graph = new Graph(this.snapshot, (fragment: Fragment) => this.#nodes.set(fragment.hash, fragment.node));
    for (const kind of kinds) eachEntry(snapshot, kind, (key, entry) => this.graph.index(kind, key, entry.object));
  }

  node<V>(rule: Rule<V>, key: string): V {
    return this.graph.demand(rule, key);
  }

  /** A client learns only of services that a TrafficTarget lets it call: names the identities behind this one. */
  unreachable(step: ExplainedStep, question: Question): ExplainedStep {
    const identities = this.node(accounts, question.service);
    if (identities.length === 0) return noEndpoint(this, `${question.service}:${question.port ?? ''}`);
    const principal = this.node(workload, question.client)?.principal ?? question.client;
    const detail = `no TrafficTarget lets ${principal} call ${question.service}, which runs as ${identities.join(', ')}`;
    const origins: Origin[] = [];
    eachEntry(this.snapshot, 'TrafficTarget', (key, { object }) => {
      if (object === undefined || !identities.includes(keyOf(object.destination))) return;
      origins.push({
        pointer: '',
        object: { kind: 'TrafficTarget', ...splitKey(key) },
        rule: 'its sources do not name the client',
      });
    });
    return { ...step, reason: 'no-traffic-target', detail, origins: this.origins(origins, ['']) };
  }

  tables(podKey: string): Tables | undefined {
    const fragment = this.graph.demand(root, podKey);
    return fragment === null ? undefined : compile(this.#nodes, fragment.hash, host, null);
  }

  service(key: string): ServiceNode | undefined {
    return this.graph.demand(serviceRule, key)?.node as ServiceNode | undefined;
  }

  endpointsOf(service: string, backend: string): readonly { readonly address: string; readonly port: number }[] {
    const hash = this.service(service)?.refs[backend];
    const node = hash === undefined ? undefined : this.#nodes.get(hash);
    return node?.kind === 'endpoints' ? node.data.endpoints : [];
  }

  podAt(address: string): string | undefined {
    let found: string | undefined;
    eachEntry(this.snapshot, 'Pod', (key, { object }) => {
      if (object?.ip === address && object.proxy !== undefined) found = key;
    });
    return found;
  }

  /** Origins of the rule that admits; else of the caller's rules; else of every rule there is. */
  accessOrigins(
    pod: string,
    principal: string,
    port: number,
    tcp: boolean,
    request: RequestDescription,
  ): VersionedOrigin[] {
    const account = this.graph.demand(workload, pod)?.account ?? '';
    const { data } = this.graph.demand(access, account).node as AccessNode;
    const origins = this.graph.origins(access, account) ?? [];
    const rules = tcp ? data.tcp : data.http;
    const every = rules.map((rule, index) => ({ rule, index }));
    const own = every.filter(({ rule }) => rule.principals.includes(principal));
    const admitting = tcp
      ? own.find(({ rule }) => !('ports' in rule) || rule.ports === undefined || rule.ports.includes(port))
      : own[
          matching(
            own.map(({ rule }) => rule as HTTPMatch),
            request,
          )
        ];
    const shown = admitting !== undefined ? [admitting] : own.length > 0 ? own : every;
    const pointers = shown.map(({ index }) => `${tcp ? '/tcp' : '/http'}/${index}`);
    return this.origins(origins, pointers);
  }

  /** The origins of some parts of a node, each object once, with the version that is in force. */
  origins(origins: readonly Origin[], pointers: readonly string[]): VersionedOrigin[] {
    const wanted = origins.filter(origin => pointers.includes(origin.pointer));
    const unique = new Map(
      wanted.map(origin => [`${origin.object.kind} ${keyOf(origin.object)} ${origin.rule}`, origin]),
    );
    return [...unique.values()].map(origin => ({ ...origin, resourceVersion: this.#version(origin) }));
  }

  #version({ object }: Origin): string {
    const entry = entryOf(this.snapshot, object.kind as Kind, keyOf(object));
    return entry?.validVersion ?? entry?.resourceVersion ?? '';
  }
}
