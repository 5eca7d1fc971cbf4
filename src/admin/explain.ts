/**
 * Why a request is allowed or denied, and why not. Every answer is a decision of the policy that the proxies run, on the
 * configuration that each proxy runs, for every endpoint that may be chosen; what is added are the objects it comes from.
 */
import { explainRoute } from '../dataplane/policy/because.js';
import { speaksHTTP } from '../dataplane/policy/policy.js';
import type { RouteExplanation } from '../dataplane/policy/types.ts';
import { workload } from '../engine/derive/rules/mesh.ts';
import { dnsName, requestOf, withPort } from './why/asking.ts';
import { type Asking, endsOf, refusalsOf } from './why/ends.ts';
import type { ExplainedOutcome, ExplainedStep, Explanation, Question, Verdict } from './why/explanation.ts';
import { type MeshView, Sources } from './why/sources.ts';
import { proxiesOf } from './why/standings.ts';
import { forwarded, nobody, noWay, serverStep, skipped, unconfigured } from './why/steps.ts';
import { World } from './why/world.ts';

export type { Explanation, Question } from './why/explanation.ts';

/** Steps of an answer: a thousand endpoints that all decide differently do not make a page each. */
const stepsMax = 24;

/** Says what becomes of a request now, and what will when every proxy runs its newest configuration. */
export function explain(mesh: MeshView, question: Question): Explanation {
  const sources = new Sources(mesh);
  const [now, next] = [new World(sources, true), new World(sources, false)];
  const { port, ...verdict } = verdictOf(now, question);
  const { client, service, method, path, headers } = question;
  const host = headers.host ?? hostOf(question);
  const isBehind = [...now.standings.values()].some(({ runs }) => runs === 'older' || runs === 'nothing');
  const newest = isBehind ? verdictOf(next, question) : { port, ...verdict };
  return {
    ...{ client, principal: principalOf(now, client), service, host, request: { method, path, port } },
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

function hostOf({ service, host = dnsName(service), port }: Question): string {
  return withPort(host, port);
}

function verdictOf(world: World, question: Question): Verdict {
  const client = world.client(question.client);
  const asked = question.port ?? null;
  if (client === undefined)
    return { outcome: 'unroutable', port: asked, steps: [unconfigured(world, question.client)] };
  const request = requestOf(hostOf(question), question.method, question.path, question.headers);
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

function everyWay(asking: Asking, route: RouteExplanation): Omit<Verdict, 'port'> {
  const { world, question } = asking;
  const origins = { origins: world.originsOf(route.because, question.client) };
  const ends = route.choices.flatMap(choice => [
    ...refusalsOf(choice).map(refusal => nobody(asking, choice.backend, route, refusal, origins)),
    ...endsOf(asking, choice).map(end => serverStep(asking, choice.backend, end)),
    ...skipped(asking, route, choice),
  ]);
  const goes = ends.some(({ at }) => at === 'server') ? [forwarded(question, route, origins)] : [];
  const steps = [...goes, ...ends];
  const left = steps.slice(stepsMax).reduce((sum, { endpoints = 1 }) => sum + endpoints, 0);
  return { outcome: outcomeOf(ends), steps: steps.slice(0, stepsMax), ...(left > 0 && { left }) };
}

/** Reasons that are about what the client may do, besides those that a proxy answers with 400, 403, 414 or 431. */
const denials = new Set(['no-traffic-target']);

/** What every end says together; those that are never chosen have no say. */
function outcomeOf(steps: readonly ExplainedStep[]): ExplainedOutcome {
  const ends = steps.filter(({ decision }) => decision !== 'skip');
  if (ends.every(({ decision }) => decision === 'passthrough')) return 'passthrough';
  if (ends.every(({ decision }) => decision === 'forward')) return 'allowed';
  if (ends.some(({ decision }) => decision === 'forward')) return 'partly allowed';
  const isDenied = ({ reason = '', answer }: ExplainedStep) =>
    denials.has(reason) || [400, 403, 414, 431].includes(answer?.status ?? 0);
  return ends.some(isDenied) ? 'denied' : 'unroutable';
}
