/** A small read-only JSON server on one address. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatProblem, type Problem, ProblemError } from '../api/problem.ts';

/** What a route answers: a value becomes JSON, a text is sent as it is. */
export type Answer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly text: string; readonly contentType?: string };

/** Answers a GET of a path with its query; undefined means that there is no such thing. */
export type Handler = (path: string, query: URLSearchParams) => Answer | undefined | Promise<Answer | undefined>;

/** Bytes of the longest question: one may name headers as long as a request has them, and a URL is three times what it says. */
const questionMaxBytes = 256 * 1024;

/** @throws ProblemError FSM6001 when the port is in use */
export async function serveReadOnly(
  host: string,
  port: number,
  handler: Handler,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer({ maxHeaderSize: questionMaxBytes }, (req, res) => void respond(handler, req, res));
  await bound(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function bound(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? portInUse(host, port) : error),
    );
    server.listen(port, host, () => resolve());
  });
}

function portInUse(host: string, port: number): ProblemError {
  return new ProblemError({
    code: 'FSM6001',
    path: '',
    what: `${host}:${port} is in use`,
    why: 'the control plane shows its state there',
    fix: 'end the program that listens there, or choose another port',
  });
}

async function respond(handler: Handler, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const answer = await answerOf(handler, req);
  const [type, body] =
    'json' in answer
      ? ['application/json', `${JSON.stringify(answer.json)}\n`]
      : [answer.contentType ?? 'text/plain; charset=utf-8', answer.text];
  res.writeHead(answer.status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

async function answerOf(handler: Handler, req: IncomingMessage): Promise<Answer> {
  if (req.method !== 'GET' && req.method !== 'HEAD') return { status: 405, text: 'read only\n' };
  try {
    const url = new URL(req.url ?? '/', 'http://localhost');
    return (await handler(url.pathname, url.searchParams)) ?? { status: 404, text: 'not found\n' };
  } catch (error) {
    if (error instanceof ProblemError)
      return { status: 400, json: { problem: error.problem, text: formatProblem(error.problem) } };
    return { status: 500, text: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}

export type { Problem };
