/**
 * Why a request is allowed or denied, and why not. Every answer is a decision of the policy that the proxies run, on the
 * configuration that each proxy runs, for every endpoint that may be chosen; what is added are the objects it comes from.
 */
import { explainRoute, speaksHTTP } from '../dataplane/policy/policy.js';
import type {
  Because,
  Headers,
  InboundDecision,
  OutboundDecision,
  RequestDescription,
  RouteChoice,
  RouteExplanation,
  Tables,
} from '../dataplane/policy/types.ts';
import type { Endpoint } from '../engine/config.ts';
import { workload } from '../engine/derive/rules/mesh.ts';
import { askServer, authorityOf, requestOf, strangeness } from './asking.ts';
import { type Cause, portFix, whyNoEndpoints, whyNoRule, whyNotMeshed, whyUnknown } from './causes.ts';
import type { VersionedOrigin } from './derived.ts';
import { type ExplainedProxy, proxiesOf } from './standings.ts';
import { accountOf, type MeshView, Sources, serviceOf, World } from './world.ts';

/** A request as a person describes it. */
export interface Question {
  /** Key of the client's pod. */
  readonly client: string;
  /** `namespace/name` of the service. */
  readonly service: string;
  /** Port that the client names; the proxy's own choice when absent. */
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  /** `host` takes the place of the name and port of the service. */
  readonly headers: Headers;
}

export interface ExplainedStep {
  readonly at: 'client' | 'server';
  /** Pod that decides; of several that decide alike the first. Empty where there is none. */
  readonly pod: string;
  readonly decision: 'forward' | 'refuse' | 'passthrough';
  /** Stable word of a refusal: why it is. */
  readonly reason?: string;
  /** One sentence for people. */
  readonly detail: string;
  /** What the proxy answers, where it refuses. */
  readonly answer?: { readonly status: number; readonly reason: string; readonly detail: string };
  /** What in the mesh leads to that, where it is known. */
  readonly cause?: string;
  readonly fix?: string;
  /** `namespace/name:port` of the backend that this is about. */
  readonly backend?: string;
  /** Endpoints of the backend that decide alike. */
  readonly endpoints?: number;
  readonly origins: readonly VersionedOrigin[];
}

export type ExplainedOutcome = 'allowed' | 'partly allowed' | 'denied' | 'unroutable' | 'passthrough';

/** What becomes of a request under one set of configurations. */
export interface Verdict {
  readonly outcome: ExplainedOutcome;
  /** Port of the service that the client's proxy takes; what was asked for, or null, where it takes none. */
  readonly port: number | null;
  readonly steps: readonly ExplainedStep[];
  /** Endpoints whose answers are in no step, because there would be too many steps. */
  readonly left?: number;
}

export interface Explanation extends Omit<Verdict, 'port'> {
  readonly client: string;
  readonly principal: string;
  readonly service: string;
  readonly request: { readonly method: string; readonly path: string; readonly port: number | null };
  /** Proxies that had a part in it and do not run the newest configuration, or are not there. */
  readonly proxies: readonly ExplainedProxy[];
  /** What the newest configurations say, where that is something else. */
  readonly newest?: Verdict;
}

/** Steps of an answer: a thousand endpoints that all decide differently do not make a page each. */
const stepsMax = 24;

/** Says what becomes of a request now, and what will when every proxy runs its newest configuration. */
export function explain(mesh: MeshView, question: Question): Explanation {
  const sources = new Sources(mesh);
  const [now, next] = [new World(sources, true), new World(sources, false)];
  const { port, ...verdict } = verdictOf(now, question);
  const { client, service, method, path } = question;
  const isBehind = [...now.standings.values()].some(({ runs }) => runs === 'older' || runs === 'nothing');
  const newest = isBehind ? verdictOf(next, question) : { port, ...verdict };
  return {
    ...{ client, principal: principalOf(now, client), service, request: { method, path, port } },
    ...verdict,
    proxies: proxiesOf(now.standings, client),
    ...(isOther({ port, ...verdict }, newest) && { newest }),
  };
}

/** The versions of objects alone make no difference: they may be known of one of the two only. */
function isOther(a: Verdict, b: Verdict): boolean {
  const said = ({ steps, ...verdict }: Verdict) =>
    JSON.stringify([verdict, steps.map(({ origins: _, cause: __, fix: ___, ...step }) => step)]);
  return said(a) !== said(b);
}

function principalOf(world: World, client: string): string {
  return world.client(client)?.self.principal ?? world.sources.newest.value(workload, client)?.principal ?? '';
}

function verdictOf(world: World, question: Question): Verdict {
  const client = world.client(question.client);
  const asked = question.port ?? null;
  if (client === undefined)
    return { outcome: 'unroutable', port: asked, steps: [unconfigured(world, question.client)] };
  const host = authorityOf(question.service, question.port);
  const request = requestOf(host, question.method, question.path, question.headers);
  const isNamed = question.headers.host !== undefined && question.port !== undefined;
  const route = explainRoute(client, request, isNamed ? { port: question.port } : {});
  const port = route.port?.port ?? asked;
  if (route.decision !== null) return { ...alone(noWay(world, question, route, route.decision)), port };
  const isRequest = route.port !== null && speaksHTTP(route.port.protocol);
  const asking = { world, question, client, request: isRequest ? request : null };
  return { ...everyWay(asking, route), port };
}

function alone(step: ExplainedStep): Omit<Verdict, 'port'> {
  return { outcome: outcomeOf([step]), steps: [step] };
}

function unconfigured(world: World, client: string): ExplainedStep {
  const at = { at: 'client', pod: client, decision: 'refuse', origins: [] } as const;
  const cause = whyNotMeshed(world.sources.newest, client);
  if (cause !== undefined && world.standing(client).runs !== 'nothing')
    return { ...at, ...explained(world, cause), detail: cause.detail, reason: cause.reason };
  // What both shells answer.
  const answer = { status: 503, reason: 'no-configuration', detail: 'This sidecar has not got a configuration yet.' };
  return { ...at, reason: answer.reason, detail: answer.detail, answer };
}

/** The parts of a step that a cause gives. */
function explained(world: World, { origins, fix }: Cause): Pick<ExplainedStep, 'fix' | 'origins'> {
  return { fix, origins: world.sources.newest.versioned(origins) };
}

/** The client's proxy takes one decision for all that it might be asked so. */
function noWay(
  world: World,
  question: Question,
  { because, port }: RouteExplanation,
  decision: OutboundDecision,
): ExplainedStep {
  const { client, service } = question;
  const at = { at: 'client' as const, pod: client };
  const origins = world.originsOf(because, client);
  const unknown = port === null && because.every(({ node }) => node === 'settings');
  const state = unknown && question.headers.host === undefined ? world.stateOf(client) : undefined;
  const cause = state && whyUnknown(state, client, service);
  const named = cause === undefined ? [] : (state?.versioned(cause.origins) ?? []);
  if (decision.action === 'passthrough') {
    const detail = `the client's proxy knows no such service, egress is open: to ${decision.target}, past the mesh`;
    const why = cause && { reason: cause.reason, cause: cause.detail, fix: cause.fix };
    return { ...at, decision: 'passthrough', detail, ...why, origins: [...named, ...origins] };
  }
  if (decision.action === 'forward') return { ...at, decision: 'forward', detail: decision.target, origins };
  const refused = { ...at, ...refusal(decision), origins };
  if (cause !== undefined)
    return { ...refused, reason: cause.reason, detail: cause.detail, fix: cause.fix, origins: named };
  const object = world.stateOf(client)?.object('Service', because[0]?.key ?? '');
  const isAboutPorts = port === null && object !== undefined;
  return isAboutPorts ? { ...refused, fix: portFix(object) } : refused;
}

function refusal({
  status,
  reason,
  detail,
}: {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
}) {
  return { decision: 'refuse' as const, reason, detail, answer: { status, reason, detail } };
}

/** What every endpoint is asked. */
interface Asking {
  readonly world: World;
  readonly question: Question;
  readonly client: Tables;
  /** Null where the client opens a connection. */
  readonly request: RequestDescription | null;
}

function everyWay(asking: Asking, route: RouteExplanation): Omit<Verdict, 'port'> {
  const { world, question } = asking;
  const origins = world.originsOf(route.because, question.client);
  const ends = route.choices.flatMap(choice => endsOf(asking, choice, origins));
  const ways = route.choices.filter(({ decisions }) => decisions.some(({ action }) => action === 'forward'));
  const first = ways.length === 0 ? [] : [forwarded(question, route, origins)];
  const steps = [...first, ...ends];
  const left = steps.slice(stepsMax).reduce((sum, { endpoints = 1 }) => sum + endpoints, 0);
  return { outcome: outcomeOf(ends), steps: steps.slice(0, stepsMax), ...(left > 0 && { left }) };
}

function forwarded(
  question: Question,
  { port, choices }: RouteExplanation,
  origins: readonly VersionedOrigin[],
): ExplainedStep {
  const shares = choices.map(({ backend, share }) => `${backend} ${Math.round(share * 100)} %`).join(', ');
  const detail = `${port?.service}:${port?.port} goes to ${shares}`;
  return { at: 'client', pod: question.client, decision: 'forward', detail, origins };
}

/** What the endpoints of a backend say, those that say the same in one step; the client's proxy, where there is none. */
function endsOf(asking: Asking, choice: RouteChoice, route: readonly VersionedOrigin[]): ExplainedStep[] {
  const groups = new Map<string, { end: End; count: number }>();
  const steps: ExplainedStep[] = [];
  for (const decision of choice.decisions) {
    if (decision.action === 'refuse') steps.push(nobody(asking, choice.backend, decision, route));
    if (decision.action !== 'forward') continue;
    const end = endOf(asking, choice.backend, decision.endpoint);
    const id = JSON.stringify([end.decision, end.because, end.account]);
    const group = groups.get(id) ?? { end, count: 0 };
    groups.set(id, { ...group, count: group.count + 1 });
  }
  return [...steps, ...[...groups.values()].map(({ end, count }) => serverStep(asking, choice.backend, end, count))];
}

function nobody(
  { world, question }: Asking,
  backend: string,
  decision: Extract<OutboundDecision, { action: 'refuse' }>,
  route: readonly VersionedOrigin[],
): ExplainedStep {
  const state = world.stateOf(question.client);
  const cause = state && whyNoEndpoints(state, backend);
  const at = { at: 'client' as const, pod: question.client, ...refusal(decision), backend };
  if (cause === undefined) return { ...at, origins: route };
  return {
    ...at,
    cause: cause.detail,
    fix: cause.fix,
    origins: [...(state?.versioned(cause.origins) ?? []), ...route],
  };
}

/** What one endpoint says. */
interface End {
  readonly pod: string;
  /** `namespace/serviceaccount` of the pod. */
  readonly account: string;
  readonly decision: InboundDecision;
  readonly because: readonly Because[];
}

function endOf({ world, client, request }: Asking, backend: string, endpoint: Endpoint): End {
  const pod = world.sources.podAt(serviceOf(backend), endpoint.address) ?? '';
  const server = pod === '' ? undefined : world.server(pod);
  const at = { pod, account: accountOf(world.sources.newest, pod) };
  if (server === undefined) return { ...at, decision: unreachable(pod, endpoint), because: [] };
  const strange = strangeness(client, server, endpoint);
  if (strange !== undefined) return { ...at, decision: mistaken(strange), because: [] };
  return { ...at, ...askServer(server, endpoint, client.self.principal, request) };
}

/** What a shell answers when nobody is there, or a connection breaks off. */
function unreachable(pod: string, { principal }: Endpoint): InboundDecision {
  const there = pod !== '';
  const detail = there ? 'its sidecar has no configuration' : `no pod has the address where ${principal} is expected`;
  const reason = there ? 'upstream-closed' : 'upstream-unreachable';
  return { action: 'refuse', status: there ? 502 : 503, reason, detail };
}

function mistaken(strange: string): InboundDecision {
  return {
    action: 'refuse',
    status: 502,
    reason: 'upstream-identity',
    detail: `the sidecar at this address ${strange}`,
  };
}

function serverStep(asking: Asking, backend: string, end: End, count: number): ExplainedStep {
  const { world, client } = asking;
  const { pod, decision, because } = end;
  const at = { at: 'server' as const, pod, backend, endpoints: count };
  const origins = world.originsOf(because, pod);
  if (decision.action === 'forward')
    return { ...at, decision: 'forward', detail: `${client.self.principal} may call ${backend}`, origins };
  const refused = { ...at, ...refusal(decision), origins };
  if (decision.reason === 'no-rule-for-principal') return withCause(asking, end, refused);
  return decision.reason === 'no-route-match' ? { ...refused, fix: matchFix } : refused;
}

const matchFix = 'ask for something that one of these rules allows, or let one of them allow this';

/** No rule speaks of the client: the TrafficTargets of a state that gives the server just these rules say why. */
function withCause({ world, question, request }: Asking, { pod, account }: End, refused: ExplainedStep): ExplainedStep {
  const state = world.stateOf(pod);
  if (state === undefined) return refused;
  const cause = whyNoRule(state, accountOf(state, question.client), account, request === null);
  return { ...refused, cause: cause.detail, fix: cause.fix, origins: state.versioned(cause.origins) };
}

/** Reasons that are about what the client may do, besides those that a proxy answers with 400, 403, 414 or 431. */
const denials = new Set(['no-traffic-target']);

/** What every end says together. */
function outcomeOf(ends: readonly ExplainedStep[]): ExplainedOutcome {
  if (ends.every(({ decision }) => decision === 'passthrough')) return 'passthrough';
  if (ends.every(({ decision }) => decision === 'forward')) return 'allowed';
  if (ends.some(({ decision }) => decision === 'forward')) return 'partly allowed';
  const isDenied = ({ reason = '', answer }: ExplainedStep) =>
    denials.has(reason) || [400, 403, 414, 431].includes(answer?.status ?? 0);
  return ends.some(isDenied) ? 'denied' : 'unroutable';
}
