/** The little of grpc-js that the table uses. It lives in a folder outside the repository, so its types are not there. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Duplex, EventEmitter } from 'node:stream';

type Values = readonly (string | Buffer)[];

/** Metadata of a call. */
export interface Metadata {
  add(name: string, value: string | Buffer): void;
  get(name: string): Values;
  getMap(): Readonly<Record<string, string | Buffer>>;
}

/** How a call ended. */
export interface Status {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** A call, at the client; the events `metadata` and `status` tell of its ends. */
export type Call = Duplex & EventEmitter & { cancel(): void };

/** A call, at the server. */
export type Served = Duplex & {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  end(metadata?: Metadata): void;
  getHost(): string;
};

type Bytes = (bytes: Buffer) => Buffer;

/** A connection of a client. */
export interface Client {
  makeBidiStreamRequest(path: string, out: Bytes, back: Bytes, metadata: Metadata, options: object): Call;
}

interface Server {
  addService(methods: object, handlers: Readonly<Record<string, (call: Served) => void>>): void;
  bindAsync(address: string, credentials: unknown, done: (error: Error | null) => void): void;
}

interface Library {
  readonly Client: new (address: string, credentials: unknown, options: object) => Client;
  readonly Server: new () => Server;
  readonly Metadata: new () => Metadata;
  readonly credentials: { createInsecure(): unknown };
  readonly ServerCredentials: { createInsecure(): unknown };
  readonly status: Readonly<Record<string, number | string>>;
}

/** Loads it from the folder that has its node_modules. */
export function grpcFrom(folder: string): Library {
  return createRequire(join(folder, 'package.json'))('@grpc/grpc-js') as Library;
}
