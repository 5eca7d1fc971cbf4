/** `fsm why <client> <service> [path]`: what would happen to a request, and which lines of which objects say so. */
import type { Command } from 'commander';
import { formatRef, type ObjectRef } from '../../api/problem.ts';
import { controlPlaneCommand, type OutputOptions } from '../options.ts';
import { print } from '../output.ts';

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
  readonly origins: readonly {
    readonly object: ObjectRef;
    readonly resourceVersion: string;
    readonly rule: string;
  }[];
}

interface Explanation {
  readonly client: string;
  readonly principal: string;
  readonly service: string;
  readonly request: { readonly method: string; readonly path: string; readonly port: number };
  readonly outcome: 'allowed' | 'denied' | 'unroutable';
  readonly steps: readonly Step[];
  readonly assumed: readonly string[];
}

export function whyCommand(): Command {
  return controlPlaneCommand('why')
    .description('why a request is allowed or denied, and which way it takes')
    .argument('<client>', 'pod, ServiceAccount or app, with its namespace before a slash where that is needed')
    .argument('<service>', 'name or namespace/name')
    .argument('[path]', 'path of the request', '/')
    .option('-X, --method <method>', 'method of the request', 'GET')
    .option('-H, --header <name: value>', 'a header; may be repeated', (one, all: string[]) => [...all, one], [])
    .option('--port <port>', 'port of the service, where it has several')
    .action(why);
}

async function why(client: string, service: string, path: string, options: WhyOptions): Promise<void> {
  const { ask } = await import('../read-model.ts');
  const { dir, method, header, port } = options;
  const query = new URLSearchParams({ client, service, path, method });
  if (port !== undefined) query.set('port', port);
  for (const line of header) query.append('header', line);
  const explanation = await ask<Explanation>(dir, `/why?${query}`);
  print(options.output, explanation, () => textOf(explanation));
}

function textOf({ client, principal, service, request, outcome, steps, assumed }: Explanation): string {
  const { method, path, port } = request;
  const head = `${method} ${path} from ${client} (${principal}) to ${service}:${port} is ${outcome}`;
  return [...assumed.map(text => `(${text})`), head, ...steps.flatMap(linesOf)].join('\n');
}

function linesOf({ at, pod, decision, reason, detail, origins }: Step): readonly string[] {
  const who = `${at === 'client' ? 'At the client' : 'At the server'}${pod ? `, ${pod}` : ''}`;
  const because = origins.map(
    ({ object, resourceVersion, rule }) => `    ${formatRef(object)} (resourceVersion ${resourceVersion}): ${rule}`,
  );
  return ['', `  ${who}: ${decision}${reason === undefined ? '' : ` (${reason})`}: ${detail}`, ...because];
}
