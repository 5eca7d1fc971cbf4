/** The control plane under measurement: the production process, looked at from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { processOptions } from '../../src/controller/options.ts';
import { threadsCpuMs } from '../run/usage.ts';

/** What a control plane is started with. */
export interface ControlPlaneOptions {
  readonly kubeconfig: string;
  readonly stateDir: string;
  readonly threads: number;
  /** A build (`npm run build`) as an image would ship it, or the sources. */
  readonly built: boolean;
  /** Options for Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** Ports that it listens on. */
export interface Ports {
  readonly push: number;
  readonly readModel: number;
  readonly metrics: number;
}

export class ControlPlane {
  readonly #child: ChildProcess;
  /** Resolves when it serves. */
  readonly ready: Promise<Ports>;

  /** @param port for proxies; fixed, so that they find it again after a restart */
  constructor(options: ControlPlaneOptions, port: number) {
    const file = fileURLToPath(
      new URL(options.built ? '../../dist/image/controller/controller.js' : '../../src/controller.ts', import.meta.url),
    );
    const args = [
      ...(options.nodeOptions ?? []),
      ...[
        file,
        '--kubeconfig',
        options.kubeconfig,
        '--state-dir',
        options.stateDir,
        '--threads',
        String(options.threads),
      ],
      ...['--listen', `127.0.0.1:${port}`, '--read-model', '127.0.0.1:0', '--metrics', '127.0.0.1:0'],
    ];
    this.#child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, ...processOptions.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { promise, resolve, reject } = Promise.withResolvers<Ports>();
    this.ready = promise;
    this.#child.once('exit', code => reject(new Error(`the control plane ended with ${code}`)));
    if (this.#child.stdout === null) throw new Error('no output');
    createInterface({ input: this.#child.stdout }).on('line', line => {
      const said = parsed(line);
      if (said.msg === 'ready') resolve(said as unknown as Ports);
      else if (said.level !== 'info') process.stderr.write(`${line}\n`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** CPU time of all its threads until now, milliseconds (`schedstat`, nanoseconds by thread). */
  cpuMs(): number {
    return threadsCpuMs(this.pid);
  }

  /** Resident memory, MiB, split as the kernel does: of its own, and of files mapped. */
  memory(): { rss: number; anonymous: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
    return { rss: of('VmRSS'), anonymous: of('RssAnon') };
  }

  /** SIGKILL, or an orderly end. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise(resolve => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await ended;
  }
}

function parsed(line: string): { msg?: string; level?: string } {
  try {
    return JSON.parse(line) as { msg?: string; level?: string };
  } catch {
    return { msg: line };
  }
}
