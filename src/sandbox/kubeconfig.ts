import { stringify } from 'yaml';
import { writeFileAtomic } from '../identity/files.ts';
import type { ClusterAccess } from '../kube/access.ts';

const name = 'fsm-sandbox';

/** Writes a kubeconfig with the admin's token, mode 0600: kubectl and the controller read it. */
export async function writeKubeconfig(path: string, access: Required<Pick<ClusterAccess, 'server' | 'ca' | 'token'>>) {
  const { server, ca, token } = access;
  const authority = Buffer.from(ca).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token } }],
  };
  await writeFileAtomic(path, stringify(config), 0o600);
}
