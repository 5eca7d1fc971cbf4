/** Roots, enrolment, renewal, and the port that proxies come to. */
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { type Problem, ProblemError } from '../api/problem.ts';
import { type Listener, listen } from '../dataplane/push/listener.ts';
import { RenewalBook } from '../dataplane/push/renewals.ts';
import type { Peer } from '../dataplane/push/server.ts';
import { meshConfigKey } from '../engine/derive/rules/mesh.ts';
import { outsiderProblem } from '../engine/membership.ts';
import type { MeshSnapshot } from '../engine/model.ts';
import { keyOf, objectOf } from '../engine/snapshot.ts';
import { buildTimeMs } from '../identity/clock.ts';
import { type ControlPlaneCertificate, controlPlaneCertificate } from '../identity/control-plane.ts';
import { createEnrolment } from '../identity/enrolment.ts';
import { enrolmentHandler } from '../identity/enrolment-http.ts';
import { createRootIssuer, type Issuer } from '../identity/issuer.ts';
import { identityOf } from '../identity/peer.ts';
import { createRenewal, keepFresh } from '../identity/renewal.ts';
import { loadOrCreateRoot } from '../identity/root-store.ts';
import type { KubeClient } from '../kube/client.ts';
import { tokenReviewer } from '../kube/review.ts';
import type { Core } from './core.ts';
import { addressOf, type ControllerOptions } from './options.ts';

const rootValidityMs = 10 * 365 * 24 * 3600 * 1000;
const serverValidityMs = 24 * 3600 * 1000;

export interface Identity {
  readonly listener: Listener;
  close(): Promise<void>;
}

/** Opens or makes the roots, and listens. @throws ProblemError FSM6001, FSM2002, FSM2003 */
export async function startIdentity(core: Core, client: KubeClient, options: ControllerOptions): Promise<Identity> {
  const clockFloorMs = Math.max(buildTimeMs, core.journal.lastAt());
  const rootOptions = { trustDomain: options.trustDomain, validityMs: rootValidityMs, now: Date.now, clockFloorMs };
  const meshRoot = await loadOrCreateRoot(join(options.stateDir, 'mesh-root'), { ...rootOptions, purpose: 'mesh' });
  const controlRoot = await loadOrCreateRoot(join(options.stateDir, 'control-root'), {
    ...rootOptions,
    purpose: 'control',
  });
  const issuer = createRootIssuer(meshRoot);
  core.pipeline.submit([{ type: 'rootChanged', trustDomain: options.trustDomain, roots: issuer.roots() }]);
  core.renewals.book = new RenewalBook(renewal(core, issuer, options.trustDomain, clockFloorMs), core.tell);
  const make = () =>
    controlPlaneCertificate({
      controlRoot,
      validityMs: serverValidityMs,
      now: Date.now,
      names: namesOf(options.listen),
    });
  const first = await make();
  const listener = await listenForProxies(core, client, options, { issuer, first, clockFloorMs });
  const ending = new AbortController();
  const install = (fresh: ControlPlaneCertificate) => listener.renew(pairOf(fresh), issuer.roots());
  void keepFresh(first, {
    make,
    install,
    failed: error => core.tell(problemOf(error)),
    now: Date.now,
    random: Math.random,
    signal: ending.signal,
  });
  return {
    listener,
    close: () => {
      ending.abort();
      return listener.close();
    },
  };
}

function listenForProxies(
  core: Core,
  client: KubeClient,
  options: ControllerOptions,
  { issuer, first, clockFloorMs }: { issuer: Issuer; first: ControlPlaneCertificate; clockFloorMs: number },
): Promise<Listener> {
  const enrolment = createEnrolment({
    issuer,
    trustDomain: options.trustDomain,
    reviewToken: tokenReviewer(client),
    validityMs: () => validityMs(core.engine.snapshot),
    now: Date.now,
    clockFloorMs: () => clockFloorMs,
    hindrance: ({ namespace, podName }) => outsiderProblem(core.engine.snapshot, `${namespace}/${podName}`),
    enrolled: ({ namespace, podName, podUid }) => {
      core.metrics.certificates.inc();
      core.pipeline.submit([{ type: 'enrolled', key: `${namespace}/${podName}`, uid: podUid }]);
    },
  });
  const { host, port } = addressOf(options.listen);
  return listen({
    host,
    port,
    certificate: pairOf(first),
    roots: issuer.roots(),
    identify: socket => peerOf(socket, options.trustDomain),
    onPush: (socket, peer) => core.push.accept(socket, peer),
    onRequest: enrolmentHandler(enrolment, { log: ({ level, message, ...rest }) => options.log[level](message, rest) }),
    onRefused: (problem, remoteAddress) => options.log.problem(problem, { remoteAddress }),
  });
}

function renewal(core: Core, issuer: Issuer, trustDomain: string, clockFloorMs: number) {
  return createRenewal({
    issuer,
    trustDomain,
    validityMs: () => validityMs(core.engine.snapshot),
    now: Date.now,
    clockFloorMs: () => clockFloorMs,
    takesPart: ({ namespace, serviceAccount, podUid }) => {
      const { snapshot } = core.engine;
      const pod = objectOf(snapshot, 'Pod', core.pods.key(podUid) ?? '');
      if (pod?.uid !== podUid || pod.namespace !== namespace || pod.serviceAccount !== serviceAccount) return false;
      return outsiderProblem(snapshot, keyOf(pod)) === undefined;
    },
  });
}

function peerOf(socket: TLSSocket, trustDomain: string): { ok: true; peer: Peer } | { ok: false; problem: Problem } {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new TypeError('an authorized connection has a certificate');
  const found = identityOf(certificate, trustDomain);
  if (!found.ok) return found;
  const { podUid, principal } = found.identity;
  return { ok: true, peer: { podUid, principal, certificate: () => socket.getPeerX509Certificate() } };
}

/** Least life of a certificate: a value of an older version may still be in force as the last that was valid. */
const leastValidityMs = 5 * 60 * 1000;

/** `serviceCertValidityDuration`, a day where no MeshConfig says otherwise. */
function validityMs(snapshot: MeshSnapshot): number {
  const written = objectOf(snapshot, 'MeshConfig', meshConfigKey)?.certValidityMs || 24 * 3600 * 1000;
  return Math.max(written, leastValidityMs);
}

const pairOf = ({ certificatePem, privateKeyPem }: ControlPlaneCertificate) => ({
  cert: certificatePem,
  key: privateKeyPem,
});

function namesOf(listenAddress: string): { dns: string[]; ips: string[] } {
  const { host } = addressOf(listenAddress);
  return /^[\d.]+$|:/.test(host) ? { dns: [], ips: [host] } : { dns: [host], ips: [] };
}

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return {
    code: 'FSM2003',
    path: '',
    what: 'the server certificate was not renewed',
    why: String(error),
    fix: 'look at the control root',
  };
}
