/** The servers of the table: each listens on a port of its own of one address. */
import { join } from 'node:path';
import type { Protocol } from '../../src/engine/config.ts';
import type { Program } from '../dataplane/harness/program.ts';
import type { Flag } from './cases.ts';
import { grpcFolder, serve, type Tool, tools } from './programs.ts';

/** What a client has to speak to be understood. */
export type Speech = 'HTTP/1.1' | 'HTTP/2' | 'gRPC';

/** A server, as the mesh knows it. */
export interface Server {
  readonly name: string;
  readonly tool: Tool;
  readonly port: number;
  /** How its sidecar speaks to it. */
  readonly protocol: Protocol;
  readonly understands: readonly Speech[];
  /** Requests that it cannot answer. */
  readonly lacks?: readonly Flag[];
}

/** Columns of the table. */
export const servers: readonly Server[] = [
  { name: 'go', tool: tools.go, port: 8001, protocol: 'http', understands: ['HTTP/1.1'] },
  { name: 'go-h2c', tool: tools.go, port: 8002, protocol: 'http2', understands: ['HTTP/1.1', 'HTTP/2'] },
  { name: 'go-h2c-as-http', tool: tools.go, port: 8003, protocol: 'http', understands: ['HTTP/1.1', 'HTTP/2'] },
  { name: 'python', tool: tools.python, port: 8010, protocol: 'http', understands: ['HTTP/1.1'], lacks: ['waits'] },
  { name: 'java', tool: tools.java, port: 8020, protocol: 'http', understands: ['HTTP/1.1'], lacks: ['trailer'] },
  { name: 'node', tool: tools.node, port: 8030, protocol: 'http', understands: ['HTTP/1.1'] },
  { name: 'node-http2', tool: tools.node, port: 8031, protocol: 'http2', understands: ['HTTP/2'] },
  { name: 'go-grpc', tool: tools.go, port: 8004, protocol: 'grpc', understands: ['gRPC'] },
  // Its connections live a fifth of a second (MaxConnectionAge).
  { name: 'go-grpc-short', tool: tools.go, port: 8005, protocol: 'grpc', understands: ['gRPC'] },
  { name: 'grpc-js', tool: tools.grpc, port: 8032, protocol: 'grpc', understands: ['gRPC'] },
];

const here = import.meta.dirname;

/** Starts all that this machine can; each logs `ready` when it listens. */
export function startServers(address: string): readonly Program[] {
  const commands: readonly (readonly [Tool, readonly string[]])[] = [
    [tools.go, ['serve', address]],
    [tools.python, [join(here, 'python/server.py'), address]],
    [tools.java, ['Server', address]],
    [tools.node, [join(here, 'node/server.ts'), address]],
    [tools.grpc, [join(here, 'node/grpc-server.ts'), address, grpcFolder]],
  ];
  return commands.filter(([tool]) => !('why' in tool)).map(([tool, args]) => serve(tool, args));
}
