/** A running API server for the tests, with a client that speaks plain HTTPS. */
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '../../../src/identity/x509.ts';
import type { JsonObject } from '../../../src/sandbox/api/objects.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../../../src/sandbox/api/server.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A self-signed certificate for 127.0.0.1, as PEM. */
export async function selfSigned(): Promise<{ cert: string; key: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = {
    publicKey: publicKey.toCryptoKey(algorithm, true, ['verify']),
    privateKey: privateKey.toCryptoKey(algorithm, true, ['sign']),
  };
  const extensions = [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])];
  const given = { name: 'CN=sandbox', keys, signingAlgorithm: algorithm, extensions };
  const cert = await X509CertificateGenerator.createSelfSigned(given, webcrypto as unknown as typeof globalThis.crypto);
  return { cert: cert.toString('pem'), key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
  readonly headers: IncomingMessage['headers'];
}

export interface CallOptions {
  readonly token?: string;
  readonly type?: string;
  readonly accept?: string;
}

/** An open watch: its events one by one. */
export interface WatchClient {
  /** The next event, or undefined when the stream has ended. */
  next(): Promise<{ type: string; object: JsonObject } | undefined>;
  close(): void;
}

export interface Cluster {
  readonly server: ApiServer;
  readonly ca: string;
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  watch(path: string, accept?: string): Promise<WatchClient>;
  close(): Promise<void>;
}

export const adminToken = 'admin-of-the-tests';

function open(
  port: number,
  ca: string,
  agent: Agent,
  method: string,
  path: string,
  options: CallOptions,
  body?: string,
) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const token = options.token ?? adminToken;
  const headers = {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(options.accept && { accept: options.accept }),
    ...(body !== undefined && {
      'content-type': options.type ?? 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
  };
  const sent = request({ host: '127.0.0.1', port, ca, agent, method, path, headers }, resolve);
  sent.on('error', reject).end(body);
  return promise;
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function watchOf(message: IncomingMessage): WatchClient {
  const lines = createInterface({ input: message })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      return done ? undefined : JSON.parse(value);
    },
    close: () => message.destroy(),
  };
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startCluster(options: Partial<ApiServerOptions> = {}): Promise<Cluster> {
  const tls = await selfSigned();
  const server = await startApiServer({ address: '127.0.0.1', port: 0, tls, adminToken, ...options });
  const agent = new Agent({ keepAlive: true });
  return {
    server,
    ca: tls.cert,
    async call(method, path, body, given = {}) {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const message = await open(server.port, tls.cert, agent, method, path, given, text);
      const answer = await textOf(message);
      const isJson = message.headers['content-type']?.startsWith('application/json');
      return {
        code: message.statusCode ?? 0,
        headers: message.headers,
        body: isJson ? JSON.parse(answer) : { text: answer },
      };
    },
    async watch(path, accept) {
      const message = await open(server.port, tls.cert, agent, 'GET', path, accept ? { accept } : {});
      if (message.statusCode !== 200) throw new Error(`watch: ${message.statusCode} ${await textOf(message)}`);
      return watchOf(message);
    },
    async close() {
      agent.destroy();
      await server.close();
    },
  };
}
