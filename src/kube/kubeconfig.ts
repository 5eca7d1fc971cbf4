import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ClusterAccess } from './access.ts';
import { isRecord } from './object.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields of a user that are read here; one with any other field needs a plugin or has a habit we do not know. */
const plainUserFields = new Set([
  'token',
  'tokenFile',
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
]);

/**
 * Reads a kubeconfig (kubernetes.io, "Kubeconfig v1") whose user has a token or a client certificate.
 *
 * @returns undefined where the full reader is needed: credential plugins, passwords, impersonation, proxies.
 * @throws Error when a file cannot be read or does not hang together.
 */
export async function readSimpleKubeconfig(
  path: string,
  context: string | undefined,
): Promise<ClusterAccess | undefined> {
  const config = await parsed(await readFile(path, 'utf8'));
  if (!isRecord(config)) throw new Error('it is not a kubeconfig');
  const wanted = context ?? textOf(config, 'current-context');
  if (wanted === undefined) throw new Error('it has no current-context');
  const chosen = named(config, 'contexts', 'context', wanted);
  const cluster = named(config, 'clusters', 'cluster', textOf(chosen, 'cluster') ?? '');
  const userName = textOf(chosen, 'user');
  const user = userName === undefined ? {} : named(config, 'users', 'user', userName);
  if (!isPlain(user) || cluster['proxy-url'] !== undefined) return undefined;
  return accessOf(cluster, user, dirname(path));
}

async function accessOf(cluster: Fields, user: Fields, folder: string): Promise<ClusterAccess> {
  const server = textOf(cluster, 'server');
  if (server === undefined) throw new Error('its cluster has no server');
  const tokenFile = textOf(user, 'tokenFile');
  const values = {
    ca: await pemOf(cluster, 'certificate-authority', folder),
    serverName: textOf(cluster, 'tls-server-name'),
    skipVerify: cluster['insecure-skip-tls-verify'] === true ? (true as const) : undefined,
    // "If both token and tokenFile are specified, the tokenFile will be periodically read and takes precedence."
    token: tokenFile === undefined ? textOf(user, 'token') : undefined,
    tokenFile: tokenFile === undefined ? undefined : resolve(folder, tokenFile),
    certificate: await pemOf(user, 'client-certificate', folder),
    key: await pemOf(user, 'client-key', folder),
  };
  return { server, ...present(values) };
}

function isPlain(user: Fields): boolean {
  return Object.keys(user).every(field => plainUserFields.has(field));
}

/** `<field>-data` is base64 and wins over `<field>`, a path relative to the kubeconfig. */
async function pemOf(from: Fields, field: string, folder: string): Promise<string | undefined> {
  const data = textOf(from, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  const path = textOf(from, field);
  return path === undefined ? undefined : readFile(resolve(folder, path), 'utf8');
}

function named(config: Fields, list: string, field: string, name: string): Fields {
  const entries = config[list];
  const found: unknown = Array.isArray(entries)
    ? entries.find(entry => isRecord(entry) && entry.name === name)
    : undefined;
  if (!isRecord(found)) throw new Error(`it has no "${name}" among its ${list}`);
  const value = found[field];
  return isRecord(value) ? value : {};
}

function textOf(from: Fields, field: string): string | undefined {
  const value = from[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** JSON is YAML, and most of what programs write is JSON: the other reader is loaded only when it is needed. */
async function parsed(text: string): Promise<unknown> {
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  const { parse } = await import('yaml');
  return parse(text);
}
