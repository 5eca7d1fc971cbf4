/** The clients of the table, and what they see. */
import { join } from 'node:path';
import { type Case, type Flag, grpcCases, httpCases } from './cases.ts';
import { type Cell, lineOf, type Seen, seenIn } from './cells.ts';
import { askWithCurl } from './curl.ts';
import { grpcFolder, printed, type Tool, tools } from './programs.ts';
import type { Server, Speech } from './servers.ts';

/** A row of the table. */
export interface Client {
  readonly name: string;
  readonly tool: Tool;
  readonly speaks: Speech;
  /** What else than ordinary requests it can send. */
  readonly can: readonly Flag[];
  /** Asks all, one after the other, with connections that are kept where it keeps them. */
  readonly ask: (cells: readonly Cell[]) => Promise<Seen>;
}

function program(name: string, tool: Tool, args: readonly string[], speaks: Speech, can: readonly Flag[]): Client {
  const ask = async (cells: readonly Cell[]) => seenIn(await printed(tool, args, `${cells.map(lineOf).join('\n')}\n`));
  return { name, tool, speaks, can, ask };
}

function curl(name: string, option: string, speaks: Speech, can: readonly Flag[]): Client {
  return { name, tool: tools.curl, speaks, can, ask: cells => askWithCurl(tools.curl, option, cells) };
}

const here = import.meta.dirname;
const python = join(here, 'python/client.py');
const node = join(here, 'node/client.ts');
const calls: readonly Flag[] = ['deadline', 'cancel', 'hundred', 'ten'];
const java: readonly Flag[] = ['chunked', 'expect', 'waits', 'repeated', 'interim'];
const most: readonly Flag[] = ['chunked', 'expect', 'hurries', 'repeated', 'interim'];
const all: readonly Flag[] = [...most, 'trailer', 'refused'];

/** Rows of the table. */
export const clients: readonly Client[] = [
  program('java', tools.java, ['Client', 'default'], 'HTTP/1.1', java),
  program('java 1.1', tools.java, ['Client', '1.1'], 'HTTP/1.1', java),
  program('go', tools.go, ['http'], 'HTTP/1.1', all),
  program('go h2c', tools.go, ['h2c'], 'HTTP/2', all),
  program('http.client', tools.python, [python, 'http.client'], 'HTTP/1.1', ['chunked', 'repeated']),
  program('urllib', tools.python, [python, 'urllib'], 'HTTP/1.1', ['chunked']),
  program('requests', tools.requests, [python, 'requests'], 'HTTP/1.1', ['chunked']),
  program('fetch', tools.node, [node, 'fetch'], 'HTTP/1.1', ['chunked', 'interim']),
  program('node http2', tools.node, [node, 'http2'], 'HTTP/2', ['chunked', 'trailer', 'interim']),
  curl('curl 1.0', '--http1.0', 'HTTP/1.1', ['repeated']),
  curl('curl 1.1', '--http1.1', 'HTTP/1.1', [...most, 'refused']),
  curl('curl upgrade', '--http2', 'HTTP/1.1', most),
  curl('curl 2', '--http2-prior-knowledge', 'HTTP/2', ['expect', 'hurries', 'repeated', 'interim']),
  program('go grpc', tools.go, ['grpc'], 'gRPC', calls),
  program('grpc-js', tools.grpc, [join(here, 'node/grpc-client.ts'), grpcFolder], 'gRPC', calls),
];

/** What a client can ask of a server. */
export function casesFor(client: Client, server: Server): readonly Case[] {
  if (!server.understands.includes(client.speaks)) return [];
  const cases = client.speaks === 'gRPC' ? grpcCases : httpCases;
  const { lacks = [] } = server;
  return cases.filter(({ flags = [] }) => flags.every(flag => client.can.includes(flag) && !lacks.includes(flag)));
}
