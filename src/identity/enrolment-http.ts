import type { IncomingMessage, ServerResponse } from 'node:http';
import { addAbortSignal } from 'node:stream';
import type { Answer, Enrolment, ReviewedPod } from './enrolment.ts';
import { enrolPaths } from './protocol.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import { busy, malformed, type Refusal, unavailable } from './refusal.ts';

/** One line about one enrolment or refusal; holds neither token nor key. */
export interface EnrolmentLogEntry {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly remoteAddress: string;
  /** `namespace/name`, once the token was reviewed. */
  readonly pod?: string;
  readonly podUid?: string;
  /** The check that failed. */
  readonly reason?: string;
  /** Refusals since the last line that got none of their own. */
  readonly unwritten?: number;
}

export interface EnrolmentHandlerOptions {
  readonly log: (entry: EnrolmentLogEntry) => void;
  /** Requests from one address; an enrolment takes two. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  readonly monotonicMs?: () => number;
}

const defaultRate = { perSecond: 20, burst: 100 };
const rateKeysMax = 10_000;
const refusalLogRate = { perSecond: 10, burst: 100 };
const bodyMaxBytes = 32_768;
const bodyTimeoutMs = 10_000;
const retryAfterSeconds = '1';

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** Enrolment as a handler of `node:http`; it answers every request, with 404 where it is not for us. */
export function enrolmentHandler(enrolment: Enrolment, options: EnrolmentHandlerOptions): Handler {
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const rate = createRateLimit({ ...(options.rate ?? defaultRate), keysMax: rateKeysMax, now: monotonicMs });
  const log = boundedLog(options.log, monotonicMs);
  return (req, res) => {
    const remoteAddress = req.socket.remoteAddress ?? '';
    answer(enrolment, rate, req)
      .catch((error: unknown) => refusal(unavailable(String(error))))
      .then(outcome => {
        log(outcome, remoteAddress);
        send(res, outcome);
      });
  };
}

async function answer(enrolment: Enrolment, rate: RateLimit, req: IncomingMessage): Promise<Answer<object>> {
  if (req.method !== 'POST') return refusal(malformed('method', 404));
  if (!rate.allow(req.socket.remoteAddress ?? '')) return refusal(busy('rate of this address', 429));
  if (req.url === enrolPaths.nonce) return enrolment.nonce();
  if (req.url !== enrolPaths.enrol) return refusal(malformed('path', 404));
  const text = await readBody(req);
  if (text === undefined) return refusal(malformed('size of the body', 413));
  const body = parse(text);
  return body === undefined ? refusal(malformed('body is not JSON')) : enrolment.enrol(body);
}

function refusal(refusal: Refusal): Answer<never> {
  return { ok: false, refusal };
}

/** The body as text, or undefined when it is larger than we take. One that does not come in time ends the request. */
async function readBody(req: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of addAbortSignal(AbortSignal.timeout(bodyTimeoutMs), req).iterator({
    destroyOnReturn: false,
  })) {
    sizeBytes += chunk.length;
    if (sizeBytes > bodyMaxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What was sent is not repeated anywhere: it may hold a token.
    return undefined;
  }
}

function send(res: ServerResponse, outcome: Answer<object>): void {
  const status = outcome.ok ? 200 : outcome.refusal.status;
  const body = JSON.stringify(outcome.ok ? outcome.value : { problem: outcome.refusal.problem });
  if (status === 429 || status === 503) res.setHeader('retry-after', retryAfterSeconds);
  // The rest of a body that is too large is not read.
  if (status === 413) res.setHeader('connection', 'close');
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body);
}

/** Anybody can be refused as often as they like: the log must not fill a disk with it. */
function boundedLog(write: EnrolmentHandlerOptions['log'], now: () => number) {
  const refusals = createRateLimit({ ...refusalLogRate, keysMax: 1, now });
  let unwritten = 0;
  return (outcome: Answer<object>, remoteAddress: string): void => {
    if (outcome.ok && outcome.pod) write(enrolledEntry(outcome.pod, remoteAddress));
    if (outcome.ok) return;
    if (!refusals.allow('')) {
      unwritten += 1;
      return;
    }
    write({ ...refusedEntry(outcome.refusal, remoteAddress), ...(unwritten > 0 && { unwritten }) });
    unwritten = 0;
  };
}

function enrolledEntry({ namespace, podName, podUid }: ReviewedPod, remoteAddress: string): EnrolmentLogEntry {
  return { level: 'info', message: 'enrolled', pod: `${namespace}/${podName}`, podUid, remoteAddress };
}

function refusedEntry({ detail }: Refusal, remoteAddress: string): EnrolmentLogEntry {
  return { level: 'warn', message: 'enrolment refused', reason: detail, remoteAddress };
}
