/** The controller as a child: the production process, started again whenever it ends. */

import { moduleFile } from '../api/package.ts';
import { type Problem, ProblemError } from '../api/problem.ts';
import { processOptions } from '../controller/options.ts';
import type { SandboxFiles } from './files.ts';
import { Backoff, pause } from './kubelet/timing.ts';
import type { LogFile } from './logs.ts';
import { host, type SandboxPorts } from './ports.ts';
import type { Child, Processes, Program } from './processes.ts';

/** It gives up when the first one has not come to serve after so many starts. */
const firstStartsMax = 3;

const stopGraceMs = 3000;

export interface ControllerOptions {
  readonly processes: Processes;
  readonly files: SandboxFiles;
  readonly ports: SandboxPorts;
  readonly threads: number;
  readonly log: LogFile;
  /** Told of each start, and of each `ready` line. */
  readonly onStart: (pid: number) => void;
  readonly onReady: (pid: number) => void;
  readonly onExit: (pid: number, reason: string) => void;
}

export interface ControllerProcess {
  /** The first `ready`. @throws ProblemError FSM6002 when it never comes */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

export function startControllerProcess(options: ControllerOptions): ControllerProcess {
  const stopping = new AbortController();
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const running = superviseController(options, stopping.signal, resolve).catch(reject);
  return {
    ready,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function superviseController(
  options: ControllerOptions,
  stopping: AbortSignal,
  served: () => void,
): Promise<void> {
  const backoff = new Backoff(50, 5000);
  let hasServed = false;
  let lastLine = '';
  const onLine = (child: () => number) => (line: string) => {
    options.log.write(line);
    lastLine = line;
    if (!isReady(line)) return;
    hasServed = true;
    options.onReady(child());
    served();
  };
  for (let starts = 1; !stopping.aborted; starts += 1) {
    const startedAtMs = Date.now();
    let pid = 0;
    const child = await options.processes.start(
      programOf(options),
      onLine(() => pid),
    );
    pid = child.pid;
    options.onStart(pid);
    const reason = await untilEnd(child, stopping);
    if (stopping.aborted) return;
    options.onExit(pid, [reason, errorIn(lastLine)].filter(Boolean).join(': '));
    if (!hasServed && starts >= firstStartsMax) throw new ProblemError(doesNotServe(options, reason, lastLine));
    await pause(backoff.next(Date.now() - startedAtMs), stopping);
  }
}

async function untilEnd(child: Child, stopping: AbortSignal): Promise<string> {
  const stop = () => void child.stop('SIGTERM', stopGraceMs);
  if (stopping.aborted) stop();
  stopping.addEventListener('abort', stop, { once: true });
  const { code, signal } = await child.exited;
  stopping.removeEventListener('abort', stop);
  return signal === null ? `exit code ${code}` : signal;
}

function programOf({ files, ports, threads }: ControllerOptions): Program {
  const at = (port: number) => `${host}:${port}`;
  const options = {
    kubeconfig: files.kubeconfig,
    'state-dir': files.state,
    listen: at(ports.dataPlane),
    'read-model': at(ports.readModel),
    metrics: at(ports.metrics),
    threads: String(threads),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return {
    file: process.execPath,
    args: [...processOptions.node, moduleFile('../controller', import.meta.url), ...args],
    env: processOptions.env,
  };
}

const isReady = (line: string) => logLine(line).msg === 'ready';

/** What it said at its end, if that was why. */
function errorIn(line: string): string {
  const { level, msg } = logLine(line);
  return level === 'error' ? String(msg).slice(0, 300) : '';
}

function logLine(line: string): { readonly level?: unknown; readonly msg?: unknown } {
  if (!line.startsWith('{')) return {};
  try {
    return JSON.parse(line);
  } catch {
    // Not one of its log lines; it is in the log file as it is.
    return {};
  }
}

function doesNotServe({ log }: ControllerOptions, reason: string, lastLine: string): Problem {
  return {
    code: 'FSM6002',
    path: '',
    what: `the controller ended with ${reason} before it served`,
    why: `its last line was: ${lastLine.slice(0, 500)}`,
    fix: `look at ${log.path}`,
  };
}
