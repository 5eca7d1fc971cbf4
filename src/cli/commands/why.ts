/** `fsm why <client> <destination> [path]`: what would happen to a request, and which lines of which objects say so. */
import type { Command } from 'commander';
import { formatRef, type ObjectRef } from '../../api/problem.ts';
import { controlPlaneCommand, type OutputOptions } from '../options.ts';
import { age, print } from '../output.ts';

interface WhyOptions extends OutputOptions {
  readonly dir: string;
  readonly method: string;
  readonly header: readonly string[];
  readonly port?: string;
}

interface Step {
  readonly at: 'client' | 'server';
  readonly pod?: string;
  readonly decision: string;
  readonly reason?: string;
  readonly detail: string;
  readonly answer?: { readonly status: number; readonly reason: string; readonly detail: string };
  readonly cause?: string;
  readonly fix?: string;
  readonly backend?: string;
  readonly endpoints?: number;
  readonly origins: readonly {
    readonly object: ObjectRef;
    readonly resourceVersion: string;
    readonly rule: string;
  }[];
}

interface Verdict {
  readonly outcome: string;
  readonly steps: readonly Step[];
  /** Endpoints that no step tells of. */
  readonly left?: number;
}

/** Proxies that do not run the newest configuration, or are not there. */
interface Proxy {
  readonly pod: string;
  readonly count: number;
  readonly connected: boolean;
  readonly runs: 'newest' | 'older' | 'nothing' | 'unknown';
  readonly rev?: string;
  readonly at?: number;
  readonly problem?: string;
}

interface Explanation extends Verdict {
  readonly client: string;
  readonly principal: string;
  readonly service: string;
  readonly host: string;
  readonly request: { readonly method: string; readonly path: string; readonly port: number | null };
  readonly revision: number;
  readonly proxies: readonly Proxy[];
  readonly newest?: Verdict;
  readonly assumed: readonly string[];
}

export function whyCommand(): Command {
  return controlPlaneCommand('why')
    .description('why a request is allowed or denied, and which way it takes: what its proxies decide now')
    .argument('<client>', 'pod, ServiceAccount or app, with its namespace before a slash where that is needed')
    .argument(
      '<destination>',
      'as the client writes it: a name of a service or a pod, or an address; or namespace/name',
    )
    .argument('[path]', 'path of the request', '/')
    .option('-X, --method <method>', 'method of the request', 'GET')
    .option(
      '-H, --header <name: value>',
      'a header, as -H "x-user: jo"; may be repeated',
      (one, all: string[]) => [...all, one],
      [],
    )
    .option('--port <port>', "port of the service; without it the client's proxy takes 80, or the only one")
    .action(why);
}

async function why(client: string, destination: string, path: string, options: WhyOptions): Promise<void> {
  const { ask } = await import('../read-model.ts');
  const { dir, method, header, port } = options;
  const query = new URLSearchParams({ client, service: destination, path, method });
  if (port !== undefined) query.set('port', port);
  for (const line of header) query.append('header', line);
  const explanation = await ask<Explanation>(dir, `/why?${query}`);
  print(options.output, explanation, () => textOf(explanation, Date.now()));
}

/** The outcome first, then what is not as it should be, then step by step. */
export function textOf(explanation: Explanation, nowMs: number): string {
  const { client, principal, request, outcome, proxies, revision, newest, assumed } = explanation;
  const { method, path } = request;
  const to = destinationIn(explanation);
  const who = principal === '' ? client : `${client} (${principal})`;
  return [
    ...assumed.map(text => `(${text})`),
    `${method} ${path} from ${who} to ${to} is ${wordOf(outcome)}`,
    ...proxies.map(proxy => `  ${standingOf(proxy, revision, nowMs)}`),
    ...stepsOf(explanation),
    ...(newest === undefined
      ? []
      : ['', `By the newest configuration it is ${wordOf(newest.outcome)}:`, ...stepsOf(newest)]),
  ].join('\n');
}

/** The service, and the host where that is another name than the shortest one. */
function destinationIn({ service, host, request: { port } }: Explanation): string {
  if (service === '') return host;
  const to = port === null ? service : `${service}:${port}`;
  const [namespace, name] = service.split('/');
  const usual = [name, `${name}.${namespace}`].flatMap(short => [short, `${short}:${port}`]);
  return usual.includes(host) ? to : `${to} (as ${host})`;
}

function wordOf(outcome: string): string {
  return outcome === 'passthrough' ? 'passed on, out of the mesh' : outcome;
}

function standingOf({ pod, count, ...proxy }: Proxy, revision: number, nowMs: number): string {
  const isOne = count === 1;
  const who = isOne ? `the proxy of ${pod}` : `the proxies of ${pod} and ${count - 1} more`;
  const is = proxy.connected ? '' : `${isOne ? 'is' : 'are'} not connected and `;
  const refused = proxy.problem && ` (${isOne ? 'it' : 'they'} refused a newer one: ${proxy.problem})`;
  return `! ${who} ${is}${doingOf(proxy, isOne, revision, nowMs)}${refused ?? ''}`;
}

function doingOf(
  { connected, runs, rev, at }: Omit<Proxy, 'pod' | 'count'>,
  isOne: boolean,
  revision: number,
  nowMs: number,
): string {
  const does = connected ? (isOne ? 'runs' : 'run') : 'ran last';
  const acked = rev === undefined ? '' : `, revision ${rev.slice(rev.lastIndexOf('.') + 1)}`;
  const when = at === undefined ? '' : `, acknowledged ${age(at, nowMs)} ago`;
  switch (runs) {
    case 'newest':
      return connected ? `${does} what is shown` : `ran what is shown when ${isOne ? 'it' : 'they'} left`;
    case 'older':
      return `${does} an older configuration${acked}${when}; the newest is ${revision}`;
    case 'nothing':
      return `${isOne ? 'has' : 'have'} no configuration yet`;
    case 'unknown':
      return `${isOne ? 'runs' : 'run'} what is not known here: what ${isOne ? 'it' : 'they'} should run is shown`;
  }
}

function stepsOf({ steps, left }: Verdict): readonly string[] {
  const more = left === undefined ? [] : ['', `  … and ${left} more endpoints, which are not shown`];
  return [...steps.flatMap(linesOf), ...more];
}

function linesOf(step: Step): readonly string[] {
  const { at, pod, decision, reason, detail, answer, cause, fix, endpoints = 1, origins } = step;
  const more = endpoints > 1 ? ` and ${endpoints - 1} more` : '';
  const who = `${at === 'client' ? 'At the client' : 'At the server'}${pod ? `, ${pod}${more}` : ''}`;
  const answered = answer && (answer.reason === reason ? `${answer.status} ${reason}` : reason);
  const word = answered ?? reason;
  const because = origins.map(
    ({ object, resourceVersion, rule }) => `    ${formatRef(object)} (resourceVersion ${resourceVersion}): ${rule}`,
  );
  return [
    '',
    `  ${who}: ${decision}${word === undefined ? '' : ` (${word})`}: ${detail}`,
    ...(answer && answer.reason !== reason
      ? [`    its answer: ${answer.status} ${answer.reason}: ${answer.detail}`]
      : []),
    ...(cause === undefined ? [] : [`    because ${cause}`]),
    ...because,
    ...(fix === undefined ? [] : [`    To change it: ${fix}`]),
  ];
}
