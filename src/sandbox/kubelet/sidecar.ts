/** The sidecar of a pod: the init step, then the proxy, whatever the driver says they are. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { asksForEnrolment, type Command, ports, type SidecarSpec, stateFiles } from '../../dataplane/driver.ts';
import type { Child } from '../processes.ts';
import type { KubeletHost } from './host.ts';
import type { ContainerState } from './status.ts';
import type { Supervised } from './supervise.ts';
import { accepts, pause } from './timing.ts';

const pollMs = 20;

export interface SidecarRun {
  readonly supervised: Supervised;
  /** Resolves when the sidecar has its first configuration and takes connections. */
  readonly ready: Promise<void>;
  /** Ends the init step if it is under way. */
  stop(): void;
}

/** Prepares the sidecar; `write` takes its output. */
export function sidecarOf(
  host: KubeletHost,
  spec: SidecarSpec,
  container: ContainerState,
  write: (line: string) => void,
  tell: { onChange(): void; onInitialized(): void; onError(error: unknown): void },
): SidecarRun {
  const { promise: ready, resolve: becomesReady } = Promise.withResolvers<void>();
  const command = host.driver.sidecar(spec);
  let needsInit = true;
  let initStep: Child | undefined;
  const start = async () => {
    if (needsInit) {
      initStep = await run(host, host.driver.init(spec), write);
      const { code } = await initStep.exited;
      if (code !== 0) throw new Error(`the init step ended with ${code ?? 'a signal'}`);
      needsInit = false;
      tell.onInitialized();
    }
    return run(host, command, write);
  };
  const supervised: Supervised = {
    container,
    start,
    async whileRunning(_, signal) {
      while (!signal.aborted && !(await isConfigured(spec))) await pause(pollMs, signal);
      if (signal.aborted) return;
      container.ready = true;
      tell.onChange();
      becomesReady();
    },
    exited: async exit => {
      if (asksForEnrolment(exit)) needsInit = true;
    },
    onChange: tell.onChange,
    onError: tell.onError,
    stopSignal: command.stopSignal,
  };
  return { supervised, ready, stop: () => void initStep?.stop('SIGTERM', 500) };
}

function run(host: KubeletHost, { file, args, env }: Command, write: (line: string) => void): Promise<Child> {
  return host.processes.start({ file, args, env }, write);
}

/** The state directory says that a configuration is in force; after a restart it is the last one. */
async function isConfigured({ stateDir, podAddress }: SidecarSpec): Promise<boolean> {
  try {
    await access(join(stateDir, stateFiles.config));
  } catch {
    // Not yet.
    return false;
  }
  return accepts(podAddress, ports.outbound);
}
