/** One pod: its directory, its token, its sidecar and its apps, from the first start to the last exit. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ports, type SidecarSpec } from '../../dataplane/driver.ts';
import type { PodAddresses } from '../addresses.ts';
import { builtinResource } from '../controllers/controller.ts';
import type { Pod } from '../controllers/types.ts';
import { createLogFile, type LogFile } from '../logs.ts';
import { isMeshed, sidecarName } from './admission.ts';
import { tellEvent } from './events.ts';
import type { KubeletHost } from './host.ts';
import { watchReadiness } from './probe.ts';
import { sidecarOf } from './sidecar.ts';
import { appContainers, environmentOf, expand, programOf, type RunnableContainer } from './spec.ts';
import { type ContainerState, newContainer, podStatus } from './status.ts';
import { supervise } from './supervise.ts';
import { Backoff, pause } from './timing.ts';
import { keepToken, tokenName, writeToken } from './token.ts';

/** A sidecar that has drained for so long is killed; its apps are gone by then. */
const sidecarGraceMs = 1500;

export class PodRun {
  readonly pod: Pod;
  readonly #host: KubeletHost;
  readonly #addresses: PodAddresses;
  readonly #dir: string;
  readonly #containers: readonly ContainerState[];
  readonly #logs = new Map<string, LogFile>();
  readonly #stopApps = new AbortController();
  readonly #stopSidecar = new AbortController();
  readonly #startedAtMs = Date.now();
  readonly #apps: Promise<void>[] = [];
  #sidecar: Promise<void> = Promise.resolve();
  #endInit: () => void = () => undefined;
  #graceMs = 0;
  #initialized: boolean;
  #stopped: Promise<void> | undefined;

  constructor(host: KubeletHost, pod: Pod, addresses: PodAddresses) {
    const { uid = '' } = pod.metadata;
    this.pod = pod;
    this.#host = host;
    this.#addresses = addresses;
    this.#dir = join(host.podsDir, uid);
    this.#containers = pod.spec.containers.map(({ name, image }) => newContainer(name, image));
    this.#initialized = !isMeshed(pod);
    const trouble = (error: unknown) =>
      host.onError(error, `log of pod ${pod.metadata.namespace}/${pod.metadata.name}`);
    for (const { name } of pod.spec.containers) this.#logs.set(name, createLogFile(this.#logPath(name), trouble));
  }

  /** Resolves when everything was started once, or the pod is to end. */
  async start(): Promise<void> {
    this.#report();
    await this.#prepare();
    if (isMeshed(this.pod)) await this.#startSidecar();
    if (this.#stopApps.signal.aborted) return;
    const sidecar = isMeshed(this.pod) ? sidecarName : undefined;
    for (const container of appContainers(this.pod, sidecar)) this.#apps.push(this.#runApp(container));
  }

  /** Ends the apps, then the sidecar; resolves when no process is left. Of several calls the first grace counts. */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  /** The log of a container. */
  log(container: string): LogFile | undefined {
    return this.#logs.get(container);
  }

  async #stop(graceMs: number): Promise<void> {
    this.#graceMs = graceMs;
    this.#stopApps.abort();
    this.#report();
    await Promise.all(this.#apps);
    this.#endInit();
    this.#stopSidecar.abort();
    await this.#sidecar;
    for (const log of this.#logs.values()) log.close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Directory and token. A ServiceAccount that is not there yet may still come, and so may room on the disk. */
  async #prepare(): Promise<void> {
    const { tokens } = this.#host.server;
    const write = () => writeToken(tokens, this.pod, `fsm.${this.#host.trustDomain}`, this.#dir);
    const { signal } = this.#stopSidecar;
    const backoff = new Backoff();
    while (!this.#stopApps.signal.aborted) {
      try {
        await mkdir(this.#dir, { recursive: true, mode: 0o700 });
        await write();
        return void keepToken(write, error => this.#fail(error), signal);
      } catch (error) {
        this.#fail(error);
        await pause(backoff.next(0), this.#stopApps.signal);
      }
    }
  }

  async #startSidecar(): Promise<void> {
    const write = (line: string) => this.#write(sidecarName, line);
    const run = sidecarOf(this.#host, this.#sidecarSpec(), this.#container(sidecarName), write, {
      onChange: () => this.#report(),
      onInitialized: () => {
        this.#initialized = true;
        this.#report();
      },
      onError: error => this.#fail(error),
    });
    this.#endInit = run.stop;
    const start = () => {
      this.#logs.get(sidecarName)?.begin();
      return run.supervised.start();
    };
    this.#sidecar = supervise({ ...run.supervised, start }, this.#stopSidecar.signal, () => sidecarGraceMs);
    const stopped = new Promise<void>(resolve => this.#stopApps.signal.addEventListener('abort', () => resolve()));
    await Promise.race([run.ready, stopped]);
  }

  #runApp(spec: RunnableContainer): Promise<void> {
    const container = this.#container(spec.name);
    const start = () => {
      const env = environmentOf(spec, this.#appEnvironment());
      const [file = '/bin/false', ...args] = [...(spec.command ?? []), ...(spec.args ?? [])].map(one =>
        expand(one, env),
      );
      const program = { ...programOf(file, args, this.#host.programs), env, cwd: spec.workingDir ?? this.#dir };
      this.#logs.get(spec.name)?.begin();
      return this.#host.processes.start(program, line => this.#write(spec.name, line));
    };
    const ready = (now: boolean) => {
      container.ready = now;
      this.#report();
    };
    const one = {
      container,
      start,
      whileRunning: (_: unknown, signal: AbortSignal) => watchReadiness(spec, this.#appAddress(), ready, signal),
      exited: async () => this.#report(),
      onChange: () => this.#report(),
      onError: (error: unknown) => this.#fail(error),
      stopSignal: 'SIGTERM' as const,
    };
    return supervise(one, this.#stopApps.signal, () => this.#graceMs);
  }

  /** Without a sidecar in front the app itself listens at the pod IP. */
  #appAddress(): string {
    return isMeshed(this.pod) ? this.#addresses.app : this.#addresses.pod;
  }

  #appEnvironment(): Record<string, string> {
    const { namespace = '', name } = this.pod.metadata;
    const proxy = isMeshed(this.pod) && { FSM_PROXY: `http://${this.#addresses.pod}:${ports.outbound}` };
    return {
      PATH: this.#host.path,
      POD_NAME: name,
      POD_NAMESPACE: namespace,
      POD_IP: this.#addresses.pod,
      FSM_APP_ADDRESS: this.#appAddress(),
      ...proxy,
    };
  }

  #sidecarSpec(): SidecarSpec {
    const { uid = '', namespace = '', name } = this.pod.metadata;
    return {
      podUid: uid,
      podNamespace: namespace,
      podName: name,
      podAddress: this.#addresses.pod,
      appAddress: this.#addresses.app,
      controlPlane: this.#host.controlPlane,
      controlRootFile: this.#host.controlRootFile,
      tokenFile: join(this.#dir, tokenName),
      stateDir: join(this.#dir, 'state'),
    };
  }

  /** Writes the status; a pod that was deleted meanwhile needs none. */
  #report(): void {
    const { store } = this.#host.server;
    const { namespace = '', name, uid } = this.pod.metadata;
    if (store.get('pods', namespace, name)?.metadata.uid !== uid) return;
    const facts = {
      ip: this.#addresses.pod,
      startedAtMs: this.#startedAtMs,
      containers: this.#containers,
      initialized: this.#initialized,
      stopping: this.#stopApps.signal.aborted,
    };
    const change = (draft: unknown) =>
      ({ ...(draft as Pod), status: podStatus(draft as Pod, facts, Date.now()) }) as Pod;
    store.update(builtinResource(store, 'pods'), namespace, name, change, { status: true });
  }

  #write(container: string, line: string): void {
    const { namespace = '', name: pod } = this.pod.metadata;
    this.#logs.get(container)?.write(line);
    this.#host.onLine({ namespace, pod, container, line });
  }

  /** What keeps a pod from running stands in its status, in an Event and in the log of the sandbox. */
  #fail(error: unknown): void {
    const { namespace, name } = this.pod.metadata;
    const message = error instanceof Error ? error.message : String(error);
    for (const container of this.#containers) if (container.state === 'waiting') container.message = message;
    this.#report();
    this.#tell(message);
    if (!this.#stopApps.signal.aborted) this.#host.onError(error, `pod ${namespace}/${name}`);
  }

  #tell(message: string): void {
    const { store } = this.#host.server;
    const { namespace = '', name, uid } = this.pod.metadata;
    if (this.#stopApps.signal.aborted || store.get('pods', namespace, name)?.metadata.uid !== uid) return;
    tellEvent(store, this.pod, { type: 'Warning', reason: 'Failed', message, component: 'kubelet' });
  }

  #container(name: string): ContainerState {
    const found = this.#containers.find(container => container.name === name);
    if (found === undefined) throw new Error(`the pod has no container ${name}`);
    return found;
  }

  #logPath(container: string): string {
    const { namespace, name } = this.pod.metadata;
    return join(this.#host.logsDir, `${namespace}.${name}.${container}.log`);
  }
}
