/** The steps of an answer: what a proxy decides, why, and what would change it. */
import type { Refusal, RouteChoice, RouteExplanation } from '../../dataplane/policy/types.ts';
import { sortedPorts } from '../../engine/derive/rules/access.ts';
import { type Cause, listOf, whyNoTarget } from './cause.ts';
import { accountOf, type Derived, serviceOf, type VersionedOrigin } from './derived.ts';
import { type Asking, type End, leftOut } from './ends.ts';
import type { ExplainedStep, Question } from './explanation.ts';
import { whyNoEndpoints } from './members.ts';
import { whyNoRule } from './rules.ts';
import { portFix, whyNotMeshed, whyUnknown } from './unknown.ts';
import type { World } from './world.ts';

/** What may be done where the reason alone says it. */
const fixes: ReadonlyMap<string, string> = new Map([
  ['no-route-match', 'ask for something that one of these rules allows, or let one of them allow this'],
  ['dot-segments', 'ask for the path that is meant, without . and .. in it'],
  ['path-too-long', 'ask for a shorter path, or take the regular expressions out of the rules'],
  ['header-too-long', 'send a shorter header, or take its regular expression out of the rules'],
  ['bad-host', 'write a host with an optional port'],
  ['no-endpoints', 'give a backend with pods a weight above 0'],
  [
    'unknown-service',
    'let a TrafficTarget name the client as a source and the ServiceAccount behind it as destination',
  ],
  ['not-a-member', 'let the namespace of the client take part in the mesh'],
  ['not-callable', 'let a TrafficTarget name the client as a source and the ServiceAccount of the pod as destination'],
  ['no-rule-for-principal', 'let a TrafficTarget name the client as a source'],
  ['not-served', 'let a Service have this port as its target port'],
  ['no-configuration', 'look at the log of the sidecar: it gets one as soon as it has reached the control plane'],
  ['upstream-identity', 'wait until both proxies run the newest configuration'],
  ['upstream-unreachable', "wait until the client's proxy runs the newest configuration"],
  ['upstream-closed', 'look at the log of the sidecar'],
]);

type Refused = Pick<ExplainedStep, 'reason' | 'detail' | 'answer' | 'fix'> & { readonly decision: 'refuse' };

function refusal({ status, reason, detail }: Pick<Refusal, 'status' | 'reason' | 'detail'>): Refused {
  const fix = fixes.get(reason);
  return { decision: 'refuse', reason, detail, answer: { status, reason, detail }, ...(fix !== undefined && { fix }) };
}

/** What a cause adds to a refusal, whose own reason stands. */
function caused(cause: Cause | undefined, state: Derived | undefined): Pick<ExplainedStep, 'cause' | 'fix'> & Named {
  if (cause === undefined || state === undefined) return { origins: [] };
  return { cause: cause.detail, fix: cause.fix, origins: state.versioned(cause.origins) };
}

interface Named {
  readonly origins: readonly VersionedOrigin[];
}

/** The client's proxy has no configuration: not yet, or because it has no part in the mesh. */
export function unconfigured(world: World, client: string): ExplainedStep {
  const at = { at: 'client', pod: client } as const;
  const { newest } = world.sources;
  const cause = world.standing(client).runs === 'nothing' ? undefined : whyNotMeshed(newest, client);
  if (cause !== undefined) {
    const { reason, detail, fix } = cause;
    return { ...at, decision: 'refuse', reason, detail, fix, origins: newest.versioned(cause.origins) };
  }
  // What both shells answer.
  const detail = 'This sidecar has not got a configuration yet.';
  return { ...at, ...refusal({ status: 503, reason: 'no-configuration', detail }), origins: [] };
}

/** The client's proxy decides alike for all that it might be asked so, without an endpoint. */
export function noWay(
  world: World,
  question: Question,
  route: RouteExplanation,
  decision: NonNullable<RouteExplanation['decision']>,
): ExplainedStep {
  const at = { at: 'client', pod: question.client } as const;
  const origins = world.originsOf(route.because, question.client);
  const { cause, named } = unknownCause(world, question, route);
  if (decision.action === 'passthrough') {
    const detail = `the client's proxy knows no such service and egress is open: to ${decision.target}, out of the mesh`;
    const why = cause && { reason: cause.reason, cause: cause.detail, fix: cause.fix };
    return { ...at, decision: 'passthrough', detail, fix: closeEgress, ...why, origins: [...named, ...origins] };
  }
  const refused = { ...at, ...refusal(decision), origins };
  if (cause !== undefined && causedReasons.has(decision.reason))
    return { ...refused, reason: cause.reason, detail: cause.detail, fix: cause.fix, origins: named };
  return route.port === null ? { ...refused, ...aboutPorts(world, question, route) } : refused;
}

/** Refusals that say only that there is no way; the cause says why there is none. */
const causedReasons = new Set(['unknown-service', 'not-a-member']);

const closeEgress = 'set enableEgress of the MeshConfig to false, and it is refused';

/** Why the client's proxy does not know the service: by a state that tells it of just those that it knows. */
function unknownCause(world: World, { client, service, headers }: Question, { because }: RouteExplanation) {
  const isUnknown = because[0]?.node === 'outbound' && headers.host === undefined;
  const state = isUnknown ? world.stateWith(because, client) : undefined;
  const cause = state && (whyNotMeshed(state, client) ?? whyUnknown(state, client, service));
  return { cause, named: cause === undefined || state === undefined ? [] : state.versioned(cause.origins) };
}

function aboutPorts(world: World, { client }: Question, { because }: RouteExplanation): Pick<ExplainedStep, 'fix'> {
  const object = world.stateWith(because, client)?.object('Service', because[0]?.key ?? '');
  return object === undefined ? {} : { fix: portFix(object) };
}

/** The client's proxy knows the service, and shares requests out to backends. */
export function forwarded(question: Question, { port, choices }: RouteExplanation, { origins }: Named): ExplainedStep {
  const shares = choices.map(({ backend, share }) => `${backend} ${Math.round(share * 100)} %`).join(', ');
  const detail = `${port?.service}:${port?.port} goes to ${shares}`;
  return { at: 'client', pod: question.client, decision: 'forward', detail, origins };
}

/** The client's proxy has nobody to send to. */
export function nobody(
  { world, question }: Asking,
  backend: string,
  { because }: RouteExplanation,
  decision: Refusal,
  route: Named,
): ExplainedStep {
  const state = world.stateWith(because, question.client);
  const { origins, ...why } = caused(state && whyNoEndpoints(state, question.client, backend), state);
  const at = { at: 'client', pod: question.client, backend } as const;
  return { ...at, ...refusal(decision), ...why, origins: [...origins, ...route.origins] };
}

/** Endpoints that the client's proxy leaves out, for nobody lets it call them; empty where there are none. */
export function skipped(
  { world, question }: Asking,
  { because }: RouteExplanation,
  choice: RouteChoice,
): ExplainedStep[] {
  const service = world.sources.node(because[0]?.hash ?? '');
  const known = world.sources.node(service?.refs[choice.backend] ?? '');
  const out = known?.kind === 'endpoints' ? leftOut(known.data.endpoints, choice) : [];
  const identities = [...new Set(out.map(({ principal }) => principal))].sort();
  if (identities.length === 0) return [];
  const { backend } = choice;
  const detail = `gets nothing: it runs as ${listOf(identities)}, whom the client may not call there`;
  const state = world.stateWith(because, question.client);
  const accounts = out.map(({ address }) => world.sources.podAt(serviceOf(backend), address) ?? '');
  const behind = [...new Set(accounts.map(pod => accountOf(world.sources.newest, pod)))].sort();
  const ports = sortedPorts(out.map(({ port }) => port));
  const named = caused(state && whyNoTarget(state, question.client, serviceOf(backend), behind, ports), state);
  const at = { at: 'client', pod: question.client, backend, endpoints: out.length } as const;
  return [{ ...at, decision: 'skip', reason: 'no-traffic-target', detail: `${backend} in part ${detail}`, ...named }];
}

/** What some endpoints of a backend decide. */
export function serverStep(asking: Asking, backend: string, end: End): ExplainedStep {
  const { world, client } = asking;
  const { pod, endpoints, decision, because } = end;
  const at = { at: 'server', pod, backend, endpoints } as const;
  const origins = world.originsOf(because, pod);
  if (decision.action === 'forward')
    return { ...at, decision: 'forward', detail: `${client.self.principal} may call ${backend}`, origins };
  const refused = { ...at, ...refusal(decision), origins };
  return decision.reason === 'no-rule-for-principal' ? { ...refused, ...withoutRule(asking, end) } : refused;
}

/** No rule speaks of the client: the TrafficTargets of a state that gives the server just these rules say why. */
function withoutRule({ world, question }: Asking, { pod, account, because, looksAt }: End): Partial<ExplainedStep> {
  const state = world.stateWith(because, pod);
  if (state === undefined) return {};
  return caused(whyNoRule(state, accountOf(state, question.client), account, looksAt === 'connection'), state);
}
