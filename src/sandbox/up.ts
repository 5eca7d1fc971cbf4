/**
 * A whole small cluster in one process group: API server, built-in controllers and kubelet in this process, and as
 * children the FSM controller and, for each pod, its apps and its sidecar.
 */
import { randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { moduleFile, version } from '../api/package.ts';
import { type Problem, ProblemError } from '../api/problem.ts';
import { createClient } from '../kube/client.ts';
import { createAddressPool } from './addresses.ts';
import type { PodLog } from './api/context.ts';
import { type ApiServer, startApiServer } from './api/server.ts';
import type { Store } from './api/store.ts';
import { makeApiCertificate } from './certificate.ts';
import { type ControllerProcess, startControllerProcess } from './controller-process.ts';
import { startControllers } from './controllers/index.ts';
import { chooseDriver } from './drivers.ts';
import { cleanFolder, filesOf, makeFolder, removeMade, removeSecrets, type SandboxFiles } from './files.ts';
import { claim, type Instance, release, startTicksOf, update } from './instance.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { createAdmission } from './kubelet/admission.ts';
import type { ContainerLine } from './kubelet/host.ts';
import { type Kubelet, startKubelet } from './kubelet/kubelet.ts';
import { createLogFile, type LogFile } from './logs.ts';
import { applyDemo, installCrds } from './manifests.ts';
import { checkPorts, host, portsFrom } from './ports.ts';
import { createProcesses, type Processes } from './processes.ts';
import { shellQuoted } from './shell.ts';

const trustDomain = 'cluster.local';

export interface SandboxOptions {
  /** The sandbox's own directory, usually `.fsm`. */
  readonly dir: string;
  /** `node` or `pipy`. */
  readonly engine: string;
  readonly portBase: number;
  /** Apply the bookstore demo. */
  readonly demo: boolean;
  /** Worker threads of the controller. */
  readonly threads: number;
  /** One sentence for each step of the start, and for what happens later. */
  readonly onPhase?: (text: string) => void;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
  /** Each line that a container writes. */
  readonly onLine?: (line: ContainerLine) => void;
}

export interface Sandbox {
  readonly instance: () => Instance;
  /** What the sidecars are made of, for people. */
  readonly engineText: string;
  readonly store: Store;
  /** Ends every process and gives the directory back. */
  close(): Promise<void>;
}

/**
 * Starts a sandbox; resolves when the controller serves and the demo's objects are applied. Nothing is left behind when
 * it fails.
 *
 * @throws ProblemError FSM6001 for a port in use or another sandbox in the directory, FSM6002 for what cannot be run
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  if (process.platform !== 'linux') throw new ProblemError(notLinux);
  const undo = new Cleanup();
  try {
    return await start(options, undo);
  } catch (error) {
    // Why it did not start is worth more than what else went wrong when it ended.
    await undo.run().catch(() => undefined);
    if (undo.hasMade) await removeMade(filesOf(options.dir)).catch(() => undefined);
    throw error;
  }
}

/** What has to be undone, last first. */
class Cleanup {
  readonly #steps: (() => unknown)[] = [];
  /** Files of this sandbox lie in the directory. */
  hasMade = false;

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Every step is taken, whatever became of the one before. @throws the first error, at the end */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

async function start(options: SandboxOptions, undo: Cleanup): Promise<Sandbox> {
  const { onPhase = () => undefined } = options;
  const ports = portsFrom(options.portBase);
  const files = filesOf(options.dir);
  const { driver, text: engineText } = await chooseDriver(options.engine);
  let instance = newInstance(options, files);
  await makeFolder(files);
  await claim(files, instance);
  undo.add(() => release(files));
  await checkPorts(ports);
  undo.add(() => removeSecrets(files));
  undo.hasMade = true;
  await cleanFolder(files);
  onPhase(`Sidecars: ${engineText}`);
  const processes = createProcesses();
  undo.add(() => processes.close());
  const log = createLogFile(join(files.logs, 'sandbox.log'), tellTrouble(onPhase));
  undo.add(() => log.close());
  const api = await startApi(options, files, undo, log);
  onPhase(`Kubernetes API: https://${host}:${ports.api}`);
  const know = (change: Partial<Instance>) => {
    instance = { ...instance, ...change };
    return update(files, instance).catch(error => {
      onPhase(`${files.instance} cannot be written, so it does not say who the controller is: ${messageOf(error)}`);
    });
  };
  const controller = superviseController(options, files, processes, know);
  undo.add(() => controller.stop());
  await unlessAborted(controller.ready, options.signal);
  api.attach(
    startKubelet({
      server: api.server,
      processes,
      driver,
      addresses: createAddressPool(options.portBase),
      podsDir: files.pods,
      logsDir: files.logs,
      path: await containerPath(files),
      programs: { [demoCommand]: demoProgram },
      controlPlane: `${host}:${ports.dataPlane}`,
      controlRootFile: files.controlRoot,
      trustDomain,
      onLine: options.onLine ?? (() => undefined),
      onNotice: onPhase,
      onError: (error, what) => log.write(`${new Date().toISOString()} ${what}: ${messageOf(error)}`),
    }),
    undo,
  );
  if (options.demo) await fillWithDemo(api, onPhase);
  return { instance: () => instance, engineText, store: api.server.store, close: () => undo.run() };
}

interface Api {
  readonly server: ApiServer;
  readonly access: { readonly server: string; readonly ca: string; readonly token: string };
  /** The kubelet comes last: it serves the logs of pods from then on. */
  attach(kubelet: Kubelet, undo: Cleanup): void;
}

/** API server and built-in controllers; every kind of the mesh is known and the kubeconfig is written. */
async function startApi(options: SandboxOptions, files: SandboxFiles, undo: Cleanup, log: LogFile): Promise<Api> {
  const { ca, ...tls } = await makeApiCertificate(files.apiRoot, trustDomain);
  const token = randomBytes(32).toString('base64url');
  let kubelet: Kubelet | undefined;
  const podLog: PodLog = async (pod, request) => kubelet?.podLog(pod, request);
  const { api: port } = portsFrom(options.portBase);
  const server: ApiServer = await startApiServer({
    address: host,
    port,
    tls,
    adminToken: token,
    // Asked for pods only, and there are none before the server runs.
    admit: createAdmission((id, namespace, name) => server.store.get(id, namespace, name), options.engine),
    podLog,
    onError: error => log.write(`the API server made a mistake: ${messageOf(error)}`),
  });
  undo.add(() => server.close());
  const onError = (error: unknown, what: string) => log.write(`${what}: ${messageOf(error)}`);
  const controllers = startControllers(server.store, { onError });
  undo.add(() => controllers.stop());
  await installCrds(server.store);
  const access = { server: `https://${host}:${port}`, ca, token };
  await writeKubeconfig(files.kubeconfig, access);
  return {
    server,
    access,
    attach: (one, cleanup) => {
      kubelet = one;
      cleanup.add(() => one.close());
    },
  };
}

function superviseController(
  options: SandboxOptions,
  files: SandboxFiles,
  processes: Processes,
  know: (change: Partial<Instance>) => Promise<void>,
): ControllerProcess {
  const { onPhase = () => undefined, threads } = options;
  const log = createLogFile(join(files.logs, 'controller.log'), tellTrouble(onPhase));
  return startControllerProcess({
    processes,
    files,
    ports: portsFrom(options.portBase),
    threads,
    log,
    onStart: controllerPid => void know({ controllerPid }),
    onReady: pid => onPhase(`Controller: serving, process ${pid}`),
    onExit: (pid, reason) => onPhase(`Controller: process ${pid} ended (${reason}), starting another one`),
  });
}

async function fillWithDemo({ server, access }: Api, onPhase: (text: string) => void): Promise<void> {
  const client = createClient(access);
  try {
    await applyDemo(client, server.store);
  } finally {
    client.close();
  }
  onPhase('Demo: bookbuyer, bookthief, bookstore v1 and v2, bookwarehouse are applied');
}

/** Said where lines begin to be lost: everything else goes on. */
function tellTrouble(onPhase: (text: string) => void): (error: unknown) => void {
  return error => onPhase(`Logs: lines are being lost: ${messageOf(error)}`);
}

const demoCommand = 'fsm-demo';

const demoProgram = { file: process.execPath, args: [moduleFile('./demo/main', import.meta.url)] };

/** `fsm-demo` is a command of every container and of its shells, and `node` is the one that runs the sandbox. */
async function containerPath({ bin }: SandboxFiles): Promise<string> {
  const command = [demoProgram.file, ...demoProgram.args].map(shellQuoted).join(' ');
  const script = `#!/bin/sh\nexec ${command} "$@"\n`;
  const path = join(bin, demoCommand);
  await writeFile(path, script);
  await chmod(path, 0o700);
  return [bin, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
}

function newInstance({ portBase, engine }: SandboxOptions, files: SandboxFiles): Instance {
  const ports = portsFrom(portBase);
  return {
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? 0,
    startedAt: new Date().toISOString(),
    version,
    engine,
    ports,
    journal: files.journal,
    kubeconfig: files.kubeconfig,
    readModel: `http://${host}:${ports.readModel}`,
    controllerPid: 0,
  };
}

/** Waits, unless the start is given up meanwhile. */
async function unlessAborted(work: Promise<void>, signal = new AbortController().signal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const notLinux: Problem = {
  code: 'FSM6002',
  path: '',
  what: `the sandbox does not run on ${process.platform}`,
  why: 'every pod has loopback addresses of its own (127.0.0.0/8), which only Linux has without being configured',
  fix: 'run it on Linux, in a virtual machine for example',
};
