import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Problem, ProblemError } from '../api/problem.ts';
import { reasonOf } from './errors.ts';
import { readSimpleKubeconfig } from './kubeconfig.ts';

/** What proves who asks; fields that are absent are not sent. Certificate and key are PEM. */
export interface Credentials {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** Where a Kubernetes API is and how to be let in. Of several ways to prove who asks the first one given counts. */
export interface ClusterAccess {
  /** URL; a path in it is put before every request's. */
  readonly server: string;
  /** PEM; absent means the authorities that Node trusts. */
  readonly ca?: string;
  /** Name to check the server's certificate against, where it is not the URL's. */
  readonly serverName?: string;
  /** Do not check the server's certificate (`insecure-skip-tls-verify` of a kubeconfig). */
  readonly skipVerify?: true;
  /** Asked before each request: for credential plugins, which keep their own cache. */
  readonly credentials?: () => Promise<Credentials>;
  readonly token?: string;
  /** Read before each request, since a projected token is replaced while the process runs. */
  readonly tokenFile?: string;
  readonly certificate?: string;
  readonly key?: string;
}

export interface AccessOptions {
  /** Path of a kubeconfig; absent: `$KUBECONFIG`, then `~/.kube/config`, then the pod's service account, as kubectl looks. */
  readonly kubeconfig?: string;
  /** Context of the kubeconfig; absent: its `current-context`. */
  readonly context?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the cluster. Plain kubeconfigs and service accounts are read here; `@kubernetes/client-node`, which costs
 * 63 MB, is loaded only for kubeconfigs that need it (credential plugins, several files merged).
 *
 * @throws ProblemError FSM6004 when there is no cluster to be found, or what was found cannot be read.
 */
export async function loadAccess(options: AccessOptions = {}): Promise<ClusterAccess> {
  const env = options.env ?? process.env;
  if (options.kubeconfig) return fromFiles([options.kubeconfig], options.context);
  // The variable is a list of paths; a path that is given by itself may have any character in it.
  if (env.KUBECONFIG) return fromFiles(env.KUBECONFIG.split(delimiter).filter(Boolean), options.context);
  const usual = join(env.HOME ?? homedir(), '.kube', 'config');
  return (await fromFileIfPresent(usual, options.context)) ?? (await fromServiceAccount(env)) ?? nothingFound(usual);
}

async function fromFiles(paths: readonly string[], context: string | undefined): Promise<ClusterAccess> {
  const [first, ...others] = paths;
  return guarded(paths.join(delimiter), async () => {
    const simple = first !== undefined && others.length === 0 ? await readSimpleKubeconfig(first, context) : undefined;
    return checked(simple ?? (await readAnyKubeconfig(paths, context)));
  });
}

async function fromFileIfPresent(path: string, context: string | undefined): Promise<ClusterAccess | undefined> {
  try {
    await readFile(path);
  } catch {
    // Not there, or not ours to read: kubectl goes on to the service account, too.
    return undefined;
  }
  return fromFiles([path], context);
}

/** What every pod is given (Kubernetes documentation, "Accessing the API from a Pod"). */
async function fromServiceAccount(
  env: Readonly<Record<string, string | undefined>>,
): Promise<ClusterAccess | undefined> {
  const [host, port] = [env.KUBERNETES_SERVICE_HOST, env.KUBERNETES_SERVICE_PORT];
  if (host === undefined || port === undefined) return undefined;
  const ca = await guarded(serviceAccountFolder, () => readFile(join(serviceAccountFolder, 'ca.crt'), 'utf8'));
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { server, ca, tokenFile: join(serviceAccountFolder, 'token') };
}

/** Everything else that kubectl understands, by way of `@kubernetes/client-node`. */
async function readAnyKubeconfig(paths: readonly string[], context: string | undefined): Promise<ClusterAccess> {
  const { KubeConfig, bufferFromFileOrString } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  for (const [index, path] of paths.entries()) {
    const one = index === 0 ? config : new KubeConfig();
    one.loadFromFile(path);
    if (one !== config) config.mergeConfig(one, true);
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`it has no cluster for context "${config.getCurrentContext()}"`);
  const ca = bufferFromFileOrString(cluster.caFile, cluster.caData)?.toString('utf8');
  return {
    server: cluster.server,
    ...(ca !== undefined && { ca }),
    ...(cluster.tlsServerName !== undefined && { serverName: cluster.tlsServerName }),
    ...(cluster.skipTLSVerify && { skipVerify: true }),
    credentials: () => askPlugin(config),
  };
}

async function askPlugin(config: PluginConfig): Promise<Credentials> {
  const options: { headers?: Record<string, string>; cert?: string | Buffer; key?: string | Buffer } = {};
  await config.applyToHTTPSOptions(options);
  const token = options.headers?.Authorization?.replace(/^Bearer /, '');
  return {
    ...(token !== undefined && { token }),
    ...(options.cert !== undefined && { certificate: String(options.cert) }),
    ...(options.key !== undefined && { key: String(options.key) }),
  };
}

interface PluginConfig {
  applyToHTTPSOptions(options: object): Promise<void>;
}

async function guarded<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new ProblemError(
      noCluster(`${path} cannot be used: ${firstLine(reasonOf(error))}`, 'correct the file, or name another one'),
      error,
    );
  }
}

/** Parsers quote what they could not read, which may be anything. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/:$/, '').slice(0, 500);
}

/** @throws Error when a server cannot be asked */
function checked(access: ClusterAccess): ClusterAccess {
  const protocol = URL.canParse(access.server) ? new URL(access.server).protocol : '';
  if (protocol === 'https:' || protocol === 'http:') return access;
  throw new Error(`its server "${access.server}" is no URL of http or https`);
}

function nothingFound(usual: string): never {
  throw new ProblemError(
    noCluster(
      `neither KUBECONFIG nor ${usual} nor a pod's service account is there`,
      'start a sandbox with "fsm sandbox up", or name a kubeconfig',
    ),
  );
}

function noCluster(what: string, fix: string): Problem {
  return { code: 'FSM6004', path: '', what, why: 'without it the Kubernetes API cannot be found', fix };
}
