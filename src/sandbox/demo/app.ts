/** What the apps of the demo share: calls through the sidecar, a server beside it, an orderly end. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Answer {
  /** 0 when no answer came. */
  readonly status: number;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true });
const timeoutMs = 5000;

/** New calls may still be on their way when the pod is being deleted: the server closes after them. */
const drainMs = 300;

/** Reads an environment variable that the sandbox sets. */
export function setting(name: string, otherwise?: string): string {
  const value = process.env[name] || otherwise;
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/**
 * Calls a service of the mesh by its name and prints one line: `GET http://host/path → 200 text`. The connection goes
 * to the sidecar (`FSM_PROXY`), which reads from `Host` where it is meant to go; without a sidecar it goes nowhere.
 */
export async function call(method: string, host: string, path: string): Promise<Answer> {
  const answer = await send(method, host, path);
  const [firstLine = ''] = answer.text.split('\n');
  console.log(`${method} http://${host}${path} → ${answer.status} ${firstLine}`);
  return answer;
}

function send(method: string, host: string, path: string): Promise<Answer> {
  const proxy = new URL(setting('FSM_PROXY'));
  const options = {
    method,
    path,
    host: proxy.hostname,
    port: proxy.port,
    headers: { host },
    agent,
    timeout: timeoutMs,
  };
  return new Promise(resolve => {
    const failed = (error: Error) => resolve({ status: 0, text: error.message });
    const sent = request(options, response => {
      textOf(response).then(text => resolve({ status: response.statusCode ?? 0, text }), failed);
    });
    sent.once('timeout', () => sent.destroy(new Error(`no answer for ${timeoutMs} ms`)));
    sent.once('error', failed);
    sent.end();
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message.setEncoding('utf8')) text += chunk;
  return text;
}

/** Does something again and again, `perSecond` times a second, until SIGTERM. */
export async function repeat(perSecond: number, once: () => Promise<unknown>): Promise<void> {
  const ending = new AbortController();
  process.once('SIGTERM', () => ending.abort());
  while (!ending.signal.aborted) {
    await once();
    await delay(1000 / perSecond, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  process.exit(0);
}

/** `METHOD /path` → what it answers. */
export type Routes = Readonly<Record<string, (request: IncomingMessage) => Promise<string> | string>>;

/** Serves on the app's own address, which only the sidecar calls, and `GET /healthz` beside the routes. */
export function serve(port: number, routes: Routes): void {
  const all: Routes = { 'GET /healthz': () => 'ok', ...routes };
  const server = createServer((request, response) => void respond(all, request, response));
  server.listen(port, setting('FSM_APP_ADDRESS'));
  process.once('SIGTERM', async () => {
    await delay(drainMs);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

async function respond(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?')[0];
  const route = routes[`${request.method} ${path}`];
  request.resume();
  if (route === undefined) return void response.writeHead(404).end('no such page\n');
  try {
    const text = await route(request);
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  } catch (error) {
    response.writeHead(500).end(`${error instanceof Error ? error.message : error}\n`);
  }
}
