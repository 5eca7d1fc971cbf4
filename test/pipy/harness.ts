/** A control plane with certificates of its own, and real Pipy sidecars that it feeds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createServer, type TLSSocket } from 'node:tls';
import { type SidecarSpec, stateFiles } from '../../src/dataplane/driver.ts';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import { pushProtocol } from '../../src/dataplane/push/protocol.ts';
import { PushServer } from '../../src/dataplane/push/server.ts';
import { type Fragment, fragmentOf } from '../../src/engine/config.ts';
import { FragmentStore } from '../../src/engine/store.ts';
import { controlPlaneCertificate } from '../../src/identity/control-plane.ts';
import { createRootIssuer, type Issuer } from '../../src/identity/issuer.ts';
import { identityOf } from '../../src/identity/peer.ts';
import { createRoot, type Root } from '../../src/identity/root.ts';
import { type Spec, treeOf } from '../policy/tree.js';
import { newKeyPair } from './keys.ts';

export const trustDomain = 'cluster.local';
const now = () => Date.now();
const validityMs = 3_600_000;

/** Who a pod is. */
export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export interface ControlPlane {
  readonly meshRoot: Root;
  readonly issuer: Issuer;
  /** `host:port`. */
  readonly address: string;
  readonly controlRootFile: string;
  readonly folder: string;
  /** Gives a pod's proxy a configuration; resolves when the proxy has acknowledged it. */
  configure(uid: string, spec: Spec): Promise<string>;
  /** Ends every stream and forgets what was sent, as another replica would not know it. */
  forget(): void;
  /** Sends a line to a proxy that the push server would not. */
  readonly sockets: Map<string, TLSSocket>;
  /** Resolves with what happens next: `ack <uid>`, `problem`. */
  readonly events: EventEmitter;
  close(): void;
}

export async function startControlPlane(): Promise<ControlPlane> {
  const [meshRoot, controlRoot] = [await root('mesh'), await root('control')];
  const folder = mkdtempSync(join(tmpdir(), 'fsm-pipy-'));
  const controlRootFile = join(folder, 'control-root.pem');
  writeFileSync(controlRootFile, controlRoot.certificatePem);
  const own = await controlPlaneCertificate({ controlRoot, validityMs, now });
  const events = new EventEmitter();
  const configs = new Map<string, Fragment>();
  const sockets = new Map<string, TLSSocket>();
  let feed = createPush(events, configs);
  const server = createServer(
    {
      cert: own.certificatePem,
      key: own.privateKeyPem,
      ca: meshRoot.certificatePem,
      requestCert: true,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [pushProtocol],
    },
    socket => accept(feed.push, socket, sockets),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    meshRoot,
    issuer: createRootIssuer(meshRoot),
    address: `127.0.0.1:${port}`,
    controlRootFile,
    folder,
    events,
    sockets,
    configure: (uid, spec) => configure(feed, configs, events, uid, spec),
    forget() {
      feed.push.close();
      feed = createPush(events, configs);
    },
    close() {
      feed.push.close();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function root(purpose: 'mesh' | 'control'): Promise<Root> {
  return createRoot({ trustDomain, purpose, validityMs, now });
}

interface Feed {
  readonly push: PushServer;
  readonly store: FragmentStore;
}

function createPush(events: EventEmitter, configs: Map<string, Fragment>): Feed {
  const store = new FragmentStore();
  const push = new PushServer({
    store,
    now,
    rootOf: uid => configs.get(uid),
    rev: () => 'test.1',
    mark: () => ({ cluster: 'test', versions: {} }),
    onHello: () => undefined,
    onAck: (uid, position) => events.emit(`ack ${uid}`, position.root),
    onProblem: problem => events.emit('problem', problem),
  });
  push.open();
  return { push, store };
}

function accept(push: PushServer, socket: TLSSocket, sockets: Map<string, TLSSocket>): void {
  const certificate = socket.getPeerX509Certificate();
  const result = certificate && identityOf(certificate, trustDomain);
  if (result?.ok) sockets.set(result.identity.podUid, socket);
  if (certificate && result?.ok) push.accept(socket, { ...result.identity, certificate });
  else socket.destroy();
}

async function configure(
  { push, store }: Feed,
  configs: Map<string, Fragment>,
  events: EventEmitter,
  uid: string,
  spec: Spec,
): Promise<string> {
  const fragments = new Map<string, Fragment>();
  const tree = treeOf(spec, node => {
    const fragment = fragmentOf(node);
    fragments.set(fragment.hash, fragment);
    return fragment.hash;
  });
  for (const fragment of fragments.values()) store.put(fragment);
  store.retain(tree.root);
  const top = fragments.get(tree.root);
  if (top) configs.set(uid, top);
  const acknowledged = once(events, `ack ${uid}`);
  push.changed(uid);
  await acknowledged;
  return tree.root;
}

export interface Sidecar {
  readonly spec: SidecarSpec;
  readonly process: ChildProcess;
  /** Log lines so far, parsed. */
  readonly log: readonly Record<string, unknown>[];
  /** Resolves with the next log line of this message. */
  logged(message: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Issues a certificate for a pod, as enrolment would, and leaves it in a state directory. */
export async function enrolPod(plane: ControlPlane, pod: PodIdentity, issuer = plane.issuer): Promise<string> {
  const stateDir = mkdtempSync(join(plane.folder, 'state-'));
  const keys = newKeyPair();
  const identity = { ...pod, podUid: pod.uid, trustDomain };
  const issued = await issuer.issue({ publicKey: keys.publicKeyPem, identity, validityMs });
  writeFileSync(join(stateDir, stateFiles.key), keys.privateKeyPem, { mode: 0o600 });
  writeFileSync(join(stateDir, stateFiles.certificate), issued.certificatePem);
  writeFileSync(join(stateDir, stateFiles.trust), plane.meshRoot.certificatePem);
  return stateDir;
}

export function sidecarSpec(
  plane: ControlPlane,
  pod: PodIdentity,
  addresses: readonly [pod: string, app: string],
  stateDir: string,
): SidecarSpec {
  return {
    podUid: pod.uid,
    podNamespace: pod.namespace,
    podName: `${pod.serviceAccount}-1`,
    podAddress: addresses[0],
    appAddress: addresses[1],
    controlPlane: plane.address,
    controlRootFile: plane.controlRootFile,
    tokenFile: join(stateDir, 'token'),
    stateDir,
  };
}

export function startSidecar(spec: SidecarSpec): Sidecar {
  const { file, args, env } = pipyDriver.sidecar(spec);
  const child = spawn(file, args, { env: { ...env, PATH: process.env.PATH ?? '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const log: Record<string, unknown>[] = [];
  const lines = new EventEmitter();
  const echo = process.env.FSM_TEST_LOG !== undefined;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', line => {
      if (echo) console.log(`${spec.podName}: ${line}`);
      if (!line.startsWith('{')) return;
      const entry = JSON.parse(line) as Record<string, unknown>;
      log.push(entry);
      lines.emit(String(entry.message), entry);
    });
  }
  return {
    spec,
    process: child,
    log,
    logged: async message => (await once(lines, message))[0],
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
