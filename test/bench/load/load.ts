/** The load as the harness runs it: a process that gets a plan and gives a result. And servers for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { LoadPlan, LoadResult } from '../../../bench/model.ts';

const program = fileURLToPath(new URL('../../../bench/load/main.ts', import.meta.url));

/** What a process said and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the load with this on its stdin. */
export async function runProcess(stdin: string): Promise<Ended> {
  const child = spawn(process.execPath, [program], { stdio: 'pipe' });
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

/** Runs a plan in a process of its own; throws what that had to say when it failed. */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  const { code, stdout, stderr } = await runProcess(JSON.stringify(plan));
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as LoadResult;
}

/** A plan for a server on this port of the loopback address, short and with little load. */
export function planFor(port: number, more: Partial<LoadPlan> = {}): LoadPlan {
  return {
    protocol: 'http1',
    measure: 'latency',
    endpoint: { host: '127.0.0.1', port, authority: 'app.test', path: '/bytes/64' },
    connections: 4,
    threads: 1,
    rate: 200,
    payloadBytes: 64,
    warmUpSeconds: 0,
    seconds: 0.5,
    ...more,
  };
}

const servers = new Set<Server>();
const sockets = new Set<Socket>();

/** Listens on a free port of the loopback address, until `closeServers`. */
export async function listen(server: Server): Promise<number> {
  servers.add(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Ends all servers of the file, and their connections. */
export function closeServers(): void {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
}
