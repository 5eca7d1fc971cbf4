/** The API server of a bench, the sandbox's own, and the way to it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { controlPlaneCertificate } from '../src/identity/control-plane.ts';
import { createRoot } from '../src/identity/root.ts';
import { type ApiServer, startApiServer } from '../src/sandbox/api/server.ts';
import { installCrds } from '../src/sandbox/manifests.ts';

const validityMs = 24 * 3600 * 1000;

/** A server that knows the kinds of the mesh, and its authority, PEM. @param historySize as of `ApiServerOptions` */
export async function startApi(adminToken: string, historySize?: number): Promise<{ server: ApiServer; ca: string }> {
  const controlRoot = await createRoot({ trustDomain: 'cluster.local', purpose: 'control', validityMs, now: Date.now });
  const own = await controlPlaneCertificate({ controlRoot, validityMs, now: Date.now, names: { ips: ['127.0.0.1'] } });
  const tls = { cert: own.certificatePem, key: own.privateKeyPem };
  const size = historySize === undefined ? {} : { historySize };
  const server = await startApiServer({ address: '127.0.0.1', port: 0, tls, adminToken, ...size });
  await installCrds(server.store);
  return { server, ca: controlRoot.certificatePem };
}

/** JSON, not YAML as the sandbox's: a control plane that reads no YAML is what runs in a pod. @returns its path */
export async function writeKubeconfig(dir: string, port: number, ca: string, token: string): Promise<string> {
  const path = join(dir, 'kubeconfig');
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(ca).toString('base64'),
  };
  const config = {
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    clusters: [{ name: 'bench', cluster }],
    users: [{ name: 'bench', user: { token } }],
  };
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }), { mode: 0o600 });
  return path;
}
