/** A user of the sandbox: types commands, reads the screen, looks at what runs on the machine. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** A file of the demo. */
export function demo(name: string): string {
  return fileURLToPath(new URL(`../../../src/sandbox/demo/${name}`, import.meta.url));
}

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs on while it is looked at. */
export interface Running {
  readonly pid: number;
  readonly lines: readonly string[];
  /** The first line, of those from `from` on, that matches. Rejects when the command ends without one. */
  until(pattern: RegExp, from?: number): Promise<string>;
  readonly exited: Promise<Result>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts `fsm` with arguments in a directory. */
export function start(cwd: string, ...args: readonly string[]): Running {
  const { KUBECONFIG: _, ...env } = process.env;
  const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const errors: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of waiting) look();
  };
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line);
    wake();
  });
  createInterface({ input: child.stderr }).on('line', line => errors.push(line));
  let ended = false;
  const exited = new Promise<Result>(resolve => {
    child.once('close', code => {
      ended = true;
      wake();
      resolve({ code, stdout: lines.join('\n'), stderr: errors.join('\n') });
    });
  });
  const until = (pattern: RegExp, from = 0) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.slice(from).find(line => pattern.test(line));
        if (found === undefined && !ended) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the command ended without ${pattern}:\n${[...lines, ...errors].join('\n')}`));
      };
      waiting.add(look);
      look();
    });
  return { pid: child.pid ?? 0, lines, until, exited, kill: signal => void child.kill(signal) };
}

/** Runs `fsm` to its end. */
export function fsm(cwd: string, ...args: readonly string[]): Promise<Result> {
  return start(cwd, ...args).exited;
}

/** Runs `fsm` with `-o json`. */
export async function fsmJson<T>(cwd: string, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await fsm(cwd, ...args, '-o', 'json');
  if (stdout === '') throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** An empty directory; `remove` takes it away. */
export function folder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'fsm-e2e-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Four free ports from a base on, as far as anybody can know. */
export async function freePortBase(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 400) * 100;
    const free = await Promise.all([0, 1, 91, 92].map(offset => isFree(base + offset)));
    if (free.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Processes that have to do with a directory: it is where they work, or in their command line or environment. */
export function processesAt(path: string): readonly string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => `${pid} ${traces(pid)}`)
    .filter(text => text.includes(path));
}

function traces(pid: string): string {
  try {
    if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return '';
    const of = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
    return [readlinkSync(`/proc/${pid}/cwd`), of('cmdline'), of('environ')].join(' ');
  } catch {
    // It ended meanwhile.
    return '';
  }
}

/** Resolves when no process has to do with a directory. The end of somebody else's process is no event here. */
export async function untilNothingRuns(path: string, withinMs: number): Promise<void> {
  for (const untilMs = Date.now() + withinMs; ; await turn()) {
    const left = processesAt(path);
    if (left.length === 0) return;
    if (Date.now() > untilMs) throw new Error(`still there:\n${left.join('\n')}`);
  }
}
