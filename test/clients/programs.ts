/** Programs of the table: how they are built and run, and why one is not there. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Program } from '../dataplane/harness/program.ts';

/** What is built stays here between runs, as for `.ci/run`. */
const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const cache = join(process.env.FSM_CI_CACHE ?? join(caches, 'fsm-ci'), 'clients');
const here = import.meta.dirname;

/** A program with its first arguments, or why this machine does not have it. */
export type Tool = { readonly file: string; readonly args: readonly string[] } | { readonly why: string };

function run(file: string, args: readonly string[], cwd = here): { readonly ok: boolean; readonly said: string } {
  const { status, error, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return { ok: status === 0, said: `${error?.message ?? stderr}`.trim().slice(-300) };
}

/** The one program of Go, built anew; the cache of Go makes that quick. */
function goTool(): Tool {
  if (!run('go', ['version']).ok) return { why: 'there is no go on the PATH' };
  const file = join(cache, 'go-clients');
  const built = run('nice', ['go', 'build', '-trimpath', '-buildvcs=false', '-o', file, '.'], join(here, 'go'));
  return built.ok ? { file, args: [] } : { why: `go build failed: ${built.said}` };
}

/** Compiled once into the cache: `java File.java` would compile it at each start. */
function javaTool(): Tool {
  const classes = join(cache, 'java');
  const sources = ['Client.java', 'Server.java'].map(name => join(here, 'java', name));
  const built = run('javac', ['-d', classes, ...sources]);
  if (!built.ok) return { why: `there is no JDK of version 17 or later: ${built.said}` };
  // Hosts are set by hand: apps send everything to their sidecar.
  return { file: 'java', args: ['-Djdk.httpclient.allowRestrictedHeaders=host', '-cp', classes] };
}

const nodeTool: Tool = { file: process.execPath, args: [] };

/** Where grpc-js and what it needs are installed. */
export const grpcFolder = join(cache, 'node');

/** Installs it when the cache does not have what the lock file asks for. */
function grpcTool(): Tool {
  const file = 'package-lock.json';
  const wanted = readFileSync(join(here, 'node', file));
  const stamp = join(grpcFolder, 'installed');
  if (existsSync(stamp) && wanted.equals(readFileSync(stamp))) return nodeTool;
  mkdirSync(grpcFolder, { recursive: true });
  for (const name of [file, 'package.json']) cpSync(join(here, 'node', name), join(grpcFolder, name));
  const installed = run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], grpcFolder);
  if (!installed.ok) return { why: `grpc-js could not be installed: ${installed.said}` };
  cpSync(join(grpcFolder, file), stamp);
  return nodeTool;
}

function onPath(file: string, ...args: string[]): Tool {
  return run(file, args).ok ? { file, args: [] } : { why: `there is no ${file} on the PATH` };
}

function requestsTool(): Tool {
  return run('python3', ['-c', 'import requests']).ok
    ? { file: 'python3', args: [] }
    : { why: 'python3 has no module requests' };
}

/** The tools of this machine. */
export const tools = {
  go: goTool(),
  java: javaTool(),
  python: onPath('python3', '--version'),
  requests: requestsTool(),
  node: nodeTool,
  grpc: grpcTool(),
  curl: onPath('curl', '--version'),
} as const satisfies Readonly<Record<string, Tool>>;

/** Starts a server; it logs `ready` when it listens. */
export function serve(tool: Tool, args: readonly string[]): Program {
  if ('why' in tool) throw new Error(tool.why);
  const env = { HOME: homedir() };
  const command = { ...tool, args: [...tool.args, ...args], env, stopSignal: 'SIGTERM', stopGraceMs: 1000 } as const;
  return new Program(command);
}

/** Longest that a client may take for all its cells. */
const clientMs = 150_000;

/** Runs a client to its end: what it printed. */
export async function printed(tool: Tool, args: readonly string[], input: string): Promise<string> {
  if ('why' in tool) throw new Error(tool.why);
  const child = spawn(tool.file, [...tool.args, ...args], {
    cwd: here,
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: clientMs,
  });
  child.stdin.on('error', () => undefined).end(input);
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return output;
}
