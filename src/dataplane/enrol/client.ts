/** The two requests of an enrolment, over one connection that is pinned to the control root. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import {
  controlPlaneName,
  type EnrolRequest,
  type EnrolResponse,
  enrolPaths,
  type NonceResponse,
  proofMessage,
} from '../../identity/protocol.ts';

export interface EnrolTarget {
  /** `host:port`. */
  readonly controlPlane: string;
  /** PEM: the only root that may have signed the server's certificate. */
  readonly controlRoot: string;
}

/** The control plane answered, and said no. */
export class EnrolRefusal extends Error {
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.name = 'EnrolRefusal';
    this.status = status;
  }
}

const attemptTimeoutMs = 10_000;
const answerMaxBytes = 262_144;

/**
 * Fetches a nonce, signs the proof and asks for a certificate. Nonce and request use one connection, because a nonce
 * is known only to the replica that gave it.
 *
 * @throws EnrolRefusal when the control plane says no; Error when it cannot be reached or is not the control plane
 */
export async function requestCertificate(
  target: EnrolTarget,
  key: KeyObject,
  token: string,
  signal: AbortSignal,
): Promise<EnrolResponse> {
  const agent = connectionTo(target);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]);
  try {
    const { nonce } = readNonce(await post(agent, target, enrolPaths.nonce, {}, bounded));
    const proof = sign('sha256', proofMessage(nonce, token), key).toString('base64');
    const publicKey = createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString();
    const body: EnrolRequest = { token, nonce, publicKey, proof };
    return readAnswer(await post(agent, target, enrolPaths.enrol, body, bounded));
  } finally {
    agent.destroy();
  }
}

function connectionTo({ controlRoot }: EnrolTarget): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: controlRoot,
    // Said aloud, because an environment variable of Node could turn the default off.
    rejectUnauthorized: true,
    servername: controlPlaneName,
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.3',
  });
}

async function post(
  agent: Agent,
  target: EnrolTarget,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<unknown> {
  const url = new URL(path, `https://${target.controlPlane}`);
  const headers = { 'content-type': 'application/json', host: controlPlaneName };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', agent, headers, signal }, resolve).on('error', reject).end(JSON.stringify(body));
  });
  const text = await readText(response);
  const status = response.statusCode ?? 0;
  if (status !== 200) throw new EnrolRefusal(status, refusalText(status, text));
  return JSON.parse(text);
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response) {
    sizeBytes += chunk.length;
    if (sizeBytes > answerMaxBytes) throw new Error('the answer of the control plane is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalText(status: number, text: string): string {
  const problem = field(parseOrUndefined(text), 'problem');
  const [code, what] = [field(problem, 'code'), field(problem, 'what')];
  if (typeof code !== 'string' || typeof what !== 'string') return `status ${status}`;
  return `${code}: ${what}`;
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Then the status alone has to tell.
    return undefined;
  }
}

function readNonce(body: unknown): NonceResponse {
  const nonce = field(body, 'nonce');
  if (typeof nonce !== 'string') throw new Error('the control plane sent no nonce');
  return { nonce };
}

function readAnswer(body: unknown): EnrolResponse {
  const [certificate, roots] = [field(body, 'certificate'), field(body, 'roots')];
  const [trustDomain, notAfter] = [field(body, 'trustDomain'), field(body, 'notAfter')];
  const complete = typeof certificate === 'string' && typeof trustDomain === 'string' && typeof notAfter === 'string';
  if (!complete || !isTexts(roots)) throw new Error('the control plane sent no certificate');
  return { certificate, roots, trustDomain, notAfter };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}
