import type { IncomingMessage } from 'node:http';
import type { ClusterAccess } from './access.ts';
import type { ClientOptions, RawRequest } from './client.ts';
import { KubeError, type RequestSubject, refused, unreachable } from './errors.ts';
import { createTransport, type HttpRequest } from './http.ts';
import { sleep, systemTiming, type Timing } from './timing.ts';

/** Sends requests, makes KubeErrors of what goes wrong, and comes back when it is asked to. */
export interface Caller {
  /** Body of a successful answer. */
  send(request: RawRequest): Promise<string>;
  /** A successful answer whose body is still to come. */
  open(request: RawRequest): Promise<IncomingMessage>;
  close(): void;
}

const defaults = { timeoutMs: 30_000, maxBytes: 64 * 1024 * 1024, maxSockets: 8 };

/** Longest time that a `Retry-After` is waited for; a longer one becomes an error that says so. */
const mostPatienceMs = 10_000;

export function createCaller(access: ClusterAccess, options: ClientOptions): Caller {
  const bounds = { ...defaults, ...options };
  const timing = options.timing ?? systemTiming;
  const transport = createTransport(access, bounds.maxSockets);
  const httpRequest = (request: RawRequest) => toHttp(request, bounds);

  async function send(request: RawRequest): Promise<string> {
    const subject = subjectFor(request);
    const { status, headers, body } = await answered(subject, access.server, transport.send(httpRequest(request)));
    if (isSuccess(status)) return body;
    throw refused(subject, status, parseStatus(body), headers['retry-after']);
  }

  async function open(request: RawRequest): Promise<IncomingMessage> {
    const subject = subjectFor(request);
    const response = await answered(subject, access.server, transport.open(httpRequest(request)));
    const status = response.statusCode ?? 0;
    if (isSuccess(status)) return response;
    response.setTimeout(bounds.timeoutMs, () => response.destroy(new Error('timed out')));
    const body = await answered(subject, access.server, transport.drain(response, bounds.maxBytes));
    throw refused(subject, status, parseStatus(body), response.headers['retry-after']);
  }

  return {
    send: request => patiently(() => send(request), request.retries ?? 2, timing),
    open: request => patiently(() => open(request), request.retries ?? 2, timing),
    close: transport.close,
  };
}

/** The server did nothing with a request that it answered with 429 or 503 and `Retry-After`, so it can be repeated. */
async function patiently<T>(attempt: () => Promise<T>, retries: number, timing: Timing): Promise<T> {
  for (let left = retries; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = left > 0 && error instanceof KubeError ? patienceMs(error) : undefined;
      if (waitMs === undefined) throw error;
      await sleep(waitMs, timing);
    }
  }
}

function patienceMs({ status, retryAfterMs }: KubeError): number | undefined {
  if ((status !== 429 && status !== 503) || retryAfterMs === undefined) return undefined;
  return retryAfterMs <= mostPatienceMs ? retryAfterMs : undefined;
}

async function answered<T>(subject: RequestSubject, server: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw unreachable(subject, server, error);
  }
}

function toHttp(request: RawRequest, bounds: { timeoutMs: number; maxBytes: number }): HttpRequest {
  return {
    method: request.method,
    path: request.path,
    ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    ...(request.contentType !== undefined && { contentType: request.contentType }),
    timeoutMs: bounds.timeoutMs,
    maxBytes: bounds.maxBytes,
    signal: request.signal,
  };
}

function subjectFor({ subject, method, path }: RawRequest): RequestSubject {
  return subject ?? { verb: method, of: path };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** A Status object where the API server answered; whatever stands in front of it may send any text. */
function parseStatus(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return { message: body.trim() };
  }
}
