/** The server certificate of the sandbox's Kubernetes API. */
import { controlPlaneCertificate } from '../identity/control-plane.ts';
import { loadOrCreateRoot } from '../identity/root-store.ts';
import { host } from './ports.ts';

/** Longer than anybody leaves a sandbox running: nothing renews it. */
const validityMs = 30 * 24 * 3600 * 1000;

export interface ApiCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** PEM of the root, for kubeconfigs. */
  readonly ca: string;
}

/** Makes a root of its own, since the control root signs for the control plane and nothing else, and a certificate. */
export async function makeApiCertificate(dir: string, trustDomain: string): Promise<ApiCertificate> {
  const root = await loadOrCreateRoot(dir, { trustDomain, purpose: 'control', validityMs, now: Date.now });
  const { certificatePem, privateKeyPem } = await controlPlaneCertificate({
    controlRoot: root,
    names: { dns: ['localhost'], ips: [host] },
    validityMs,
    now: Date.now,
  });
  return { cert: certificatePem, key: privateKeyPem, ca: root.certificatePem };
}
