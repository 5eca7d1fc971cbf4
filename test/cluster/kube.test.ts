import { describe, test } from 'vitest';
import { kubeContract } from '../kube/contract/suite.ts';
import { findPrograms, startRealApiServer } from './api-server.ts';

const found = findPrograms();

if ('folder' in found) {
  kubeContract('a real kube-apiserver', () => startRealApiServer(found.folder));
} else {
  describe('the Kubernetes API of a real kube-apiserver', () => {
    test.skip(`is not tested: ${found.why}`, () => undefined);
  });
  console.log(`No real API server is tested: ${found.why}.`);
}
