import { describe, it } from 'vitest';
import { loadAccess } from '../../src/kube/access.ts';
import { adminToken, startCluster } from '../sandbox/api/cluster.ts';
import { kubeContract } from './contract/suite.ts';

kubeContract('the sandbox', async () => {
  const { server, ca, close } = await startCluster();
  return { access: { server: `https://127.0.0.1:${server.port}`, ca, token: adminToken }, close };
});

const kubeconfig = process.env.FSM_TEST_KUBECONFIG;
if (kubeconfig === undefined) {
  describe.skip('the Kubernetes API of a real cluster', () => {
    it('needs FSM_TEST_KUBECONFIG, the path of a kubeconfig whose user may do everything', () => undefined);
  });
} else {
  kubeContract('a real cluster', async () => ({
    access: await loadAccess({ kubeconfig }),
    close: async () => undefined,
  }));
}
