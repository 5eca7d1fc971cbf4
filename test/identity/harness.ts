/** A control plane's TLS port with nothing on it but enrolment, on loopback. */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { controlPlaneCertificate } from '../../src/identity/control-plane.ts';
import { createEnrolment, type EnrolmentOptions, type ReviewedPod } from '../../src/identity/enrolment.ts';
import {
  type EnrolmentHandlerOptions,
  type EnrolmentLogEntry,
  enrolmentHandler,
} from '../../src/identity/enrolment-http.ts';
import { createRootIssuer, type IssuedCertificate } from '../../src/identity/issuer.ts';
import {
  controlPlaneName,
  type EnrolResponse,
  enrolAudience,
  enrolPaths,
  proofMessage,
  type RefusalResponse,
} from '../../src/identity/protocol.ts';
import { createRoot, type Root, type RootPurpose } from '../../src/identity/root.ts';

export const trustDomain = 'cluster.local';
export const dayMs = 86_400_000;

export const pod: ReviewedPod = {
  namespace: 'bookbuyer',
  serviceAccount: 'buyer.web',
  podName: 'bookbuyer-0',
  podUid: '7d0c2b5e-6a36-4f0e-9a58-0b6c1a0f3b11',
};

export function newRoot(purpose: RootPurpose, now: () => number = Date.now): Promise<Root> {
  return createRoot({ trustDomain, purpose, validityMs: 3650 * dayMs, now });
}

export function newKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export function publicPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'spki' }).toString();
}

export function privatePem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** A certificate for `pod` and its key, as TLS options. */
export async function workload(root: Root, nowMs = Date.now(), validityMs = dayMs) {
  const keys = newKey();
  const { namespace, serviceAccount, podUid } = pod;
  const issued: IssuedCertificate = await createRootIssuer(root, () => nowMs).issue({
    publicKey: publicPem(keys.publicKey),
    identity: { trustDomain, namespace, serviceAccount, podUid },
    validityMs,
  });
  return { cert: issued.certificatePem, key: privatePem(keys.privateKey), issued };
}

/** The cluster's part: which token was made for which pod and audience. */
export class Tokens {
  readonly #made = new Map<string, { audience: string; pod: ReviewedPod }>();

  make(audience = enrolAudience(trustDomain), forPod = pod): string {
    const token = `token.${randomUUID()}`;
    this.#made.set(token, { audience, pod: forPod });
    return token;
  }

  readonly review: EnrolmentOptions['reviewToken'] = async (token, audience) => {
    const made = this.#made.get(token);
    if (made?.audience === audience) return { ok: true, ...made.pod };
    const what = `the cluster does not know ${token} for ${audience}`;
    return { ok: false, problem: { code: 'FSM2001', path: '', what, why: '', fix: '' } };
  };
}

export interface ControlPlane {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly meshRoot: Root;
  readonly controlRoot: Root;
  readonly tokens: Tokens;
  readonly enrolled: ReviewedPod[];
  readonly log: EnrolmentLogEntry[];
  readonly server: Server;
  stop(): Promise<void>;
}

export type Overrides = Partial<EnrolmentOptions> & Pick<EnrolmentHandlerOptions, 'rate'>;

export async function startControlPlane(overrides: Overrides = {}): Promise<ControlPlane> {
  const [meshRoot, controlRoot] = await Promise.all([newRoot('mesh'), newRoot('control')]);
  const [tokens, enrolled, log] = [new Tokens(), [] as ReviewedPod[], [] as EnrolmentLogEntry[]];
  const enrolment = createEnrolment({
    issuer: createRootIssuer(meshRoot, overrides.now),
    trustDomain,
    reviewToken: tokens.review,
    validityMs: () => dayMs,
    now: Date.now,
    clockFloorMs: () => 0,
    enrolled: enrolledPod => void enrolled.push(enrolledPod),
    ...overrides,
  });
  const handler = enrolmentHandler(enrolment, {
    log: entry => void log.push(entry),
    ...(overrides.rate && { rate: overrides.rate }),
    ...(overrides.monotonicMs && { monotonicMs: overrides.monotonicMs }),
  });
  const own = await controlPlaneCertificate({ controlRoot, validityMs: dayMs, now: Date.now });
  const server = createServer(
    { cert: own.certificatePem, key: own.privateKeyPem, ALPNProtocols: ['http/1.1'] },
    handler,
  );
  const address = await listen(server);
  return { address, meshRoot, controlRoot, tokens, enrolled, log, server, stop: () => stop(server) };
}

export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await new Promise(resolve => server.close(resolve));
}

export interface HttpAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** One POST as any HTTP client would send it. */
export async function post<T>(plane: ControlPlane, path: string, body: unknown): Promise<HttpAnswer<T>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const tls = { ca: plane.controlRoot.certificatePem, servername: controlPlaneName, agent: false };
  return new Promise((resolve, reject) => {
    const sent = request(`https://${plane.address}${path}`, { method: 'POST', ...tls }, async response => {
      const answer = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) });
    });
    sent.on('error', reject).end(text);
  });
}

export async function fetchNonce(plane: ControlPlane): Promise<string> {
  return (await post<{ nonce: string }>(plane, enrolPaths.nonce, {})).body.nonce;
}

/** An honest request, with any field replaced. */
export async function enrolRequest(plane: ControlPlane, changes: Record<string, unknown> = {}) {
  const keys = newKey();
  const token = plane.tokens.make();
  const nonce = await fetchNonce(plane);
  const proof = sign('sha256', proofMessage(nonce, token), keys.privateKey).toString('base64');
  return { token, nonce, publicKey: publicPem(keys.publicKey), proof, ...changes };
}

export function postEnrol(plane: ControlPlane, body: unknown): Promise<HttpAnswer<EnrolResponse & RefusalResponse>> {
  return post(plane, enrolPaths.enrol, body);
}
