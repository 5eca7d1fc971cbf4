/** A mesh for tests: roots, a control plane that says what the test wants, pods with real sidecar processes. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Driver, ports, type SidecarSpec, stateFiles } from '../../../src/dataplane/driver.ts';
import type { Endpoint, Protocol } from '../../../src/engine/config.ts';
import { type Authorities, createAuthorities, issue, type KeyAndCertificate } from './certificates.ts';
import { Program } from './program.ts';
import { TestPush } from './push.ts';
import { type Tree, type TreeSpec, treeOf, trustDomain } from './tree.ts';

export interface Mesh {
  readonly authorities: Authorities;
  readonly push: TestPush;
  readonly dir: string;
  /** First three bytes of every address of this mesh: tests that run beside each other do not meet. */
  readonly block: string;
  readonly pods: Pod[];
}

export async function createMesh(): Promise<Mesh> {
  const authorities = await createAuthorities();
  const block = `127.${random(16, 254)}.${random(0, 255)}`;
  const dir = await mkdtemp(join(tmpdir(), 'fsm-dataplane-'));
  const { mesh, control, server } = authorities;
  const options = { key: server.privateKeyPem, cert: server.certificatePem, ca: mesh.certificatePem };
  const push = await new TestPush({ ...options, address: `${block}.1` }).open();
  await writeFile(join(dir, 'control-root.pem'), control.certificatePem);
  await writeFile(join(dir, 'token'), 'not read by sidecars');
  return { authorities, push, dir, block, pods: [] };
}

function random(from: number, to: number): number {
  return from + Math.floor(Math.random() * (to - from + 1));
}

export async function closeMesh(mesh: Mesh): Promise<void> {
  await Promise.all(mesh.pods.map(pod => pod.program?.stop()));
  await mesh.push.close();
  await rm(mesh.dir, { recursive: true, force: true });
}

export interface Pod {
  readonly spec: SidecarSpec;
  readonly driver: Driver;
  readonly serviceAccount: string;
  readonly principal: string;
  readonly credentials: KeyAndCertificate;
  program: Program | undefined;
}

/**
 * Makes a pod whose init step has run: key, certificate and roots lie in its state directory.
 * @param appAddress where its app listens, when that is not to be an address of its own
 */
export async function addPod(mesh: Mesh, driver: Driver, name: string, appAddress?: string): Promise<Pod> {
  const at = 10 + 2 * mesh.pods.length;
  const who = { namespace: 'shop', serviceAccount: name, podUid: `uid-${name}-${mesh.pods.length}` };
  const stateDir = join(mesh.dir, who.podUid);
  const credentials = await issue(mesh.authorities.mesh, who);
  const spec: SidecarSpec = {
    podUid: who.podUid,
    podNamespace: who.namespace,
    podName: name,
    podAddress: `${mesh.block}.${at}`,
    appAddress: appAddress ?? `${mesh.block}.${at + 1}`,
    controlPlane: mesh.push.address,
    controlRootFile: join(mesh.dir, 'control-root.pem'),
    tokenFile: join(mesh.dir, 'token'),
    stateDir,
  };
  await mkdir(stateDir, { mode: 0o700 });
  await writeState(mesh, spec, credentials);
  const principal = `${name}.${who.namespace}.${trustDomain}`;
  const pod: Pod = { spec, driver, serviceAccount: name, principal, credentials, program: undefined };
  mesh.pods.push(pod);
  return pod;
}

export async function writeState(mesh: Mesh, spec: SidecarSpec, own: KeyAndCertificate): Promise<void> {
  const file = (name: string) => join(spec.stateDir, name);
  await writeFile(file(stateFiles.key), own.keyPem, { mode: 0o600 });
  await chmod(file(stateFiles.key), 0o600);
  await writeFile(file(stateFiles.certificate), own.certificatePem);
  await writeFile(file(stateFiles.trust), mesh.authorities.mesh.certificatePem);
}

/** Starts a pod's sidecar and waits until it runs this configuration. */
export async function startSidecar(mesh: Mesh, pod: Pod, tree: Tree): Promise<void> {
  const given = mesh.push.give(pod.spec.podUid, tree);
  const program = new Program(pod.driver.sidecar(pod.spec));
  pod.program = program;
  await Promise.race([given, program.ended().then(exit => Promise.reject(ended(program, exit.code)))]);
}

function ended(program: Program, code: number | null): Error {
  return new Error(`the sidecar ended with ${code}: ${program.text.slice(-2000)}`);
}

export function selfOf(pod: Pod): TreeSpec['self'] {
  return { uid: pod.spec.podUid, namespace: pod.spec.podNamespace, name: pod.spec.podName, principal: pod.principal };
}

export function endpointOf(pod: Pod, port: number): Endpoint {
  return { address: pod.spec.podAddress, port, principal: pod.principal };
}

/** Where a pod's app sends what is for the mesh. */
export function outboundOf(pod: Pod): { readonly host: string; readonly port: number } {
  return { host: pod.spec.podAddress, port: ports.outbound };
}

/** The configuration of a pod: what is common comes by itself. */
export function treeFor(
  mesh: Mesh,
  pod: Pod,
  { member = true, ...rest }: Omit<TreeSpec, 'self' | 'roots'> & { readonly member?: boolean | undefined },
): Tree {
  return treeOf({ self: { ...selfOf(pod), member }, roots: [mesh.authorities.mesh.certificatePem], ...rest });
}

/** Ports of a server, one for each protocol. */
export const appPorts: Readonly<Record<'http' | 'grpc' | 'tcp' | 'tcp-server-first', number>> = {
  http: 8080,
  grpc: 8081,
  tcp: 8082,
  'tcp-server-first': 8083,
};

/** Inbound ports of a server that backs a service. */
export function inboundPorts(service: string): readonly { port: number; protocol: Protocol; services: string[] }[] {
  return Object.entries(appPorts).map(([protocol, port]) => ({
    port,
    protocol: protocol as Protocol,
    services: [service],
  }));
}

/** Time between two looks at a port that another process opens or closes: it says so to nobody. */
const lookMs = 20;

/** Waits until a sidecar takes connections of its app, or takes no more. */
export async function untilListening(pod: Pod, wanted: boolean): Promise<void> {
  while ((await takesConnections(outboundOf(pod))) !== wanted) {
    if (wanted && pod.program?.running === false)
      throw new Error(`the sidecar has ended: ${pod.program.text.slice(-2000)}`);
    await delay(lookMs);
  }
}

function takesConnections(at: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(at, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
