import { expect } from 'vitest';
import { createClient, listAll } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { isRecord, type KubeObject } from '../../../src/kube/object.ts';
import { tokenReviewer } from '../../../src/kube/review.ts';
import { requestToken } from '../../../src/kube/token.ts';
import { accounts, type ContractCase, configMaps, pods, put, services } from './lab.ts';

/** Reading and writing objects. */
export const requests: readonly ContractCase[] = [
  {
    name: 'creates, reads, replaces and deletes',
    run: async lab => {
      const inside = await lab.namespace();
      const created = await put(lab, inside, 'a', { color: 'red' });
      const path = { namespace: inside, name: 'a' };
      expect(await lab.client.get(configMaps, path)).toMatchObject({ kind: 'ConfigMap', data: { color: 'red' } });
      const replaced = await lab.client.replace(configMaps, { ...created, data: { color: 'blue' } });
      expect(replaced.metadata.resourceVersion).not.toBe(created.metadata.resourceVersion);
      await lab.client.delete(configMaps, path);
      await expect(lab.client.get(configMaps, path)).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
    },
  },
  {
    name: 'lists in pages of one moment',
    run: async lab => {
      const inside = await lab.namespace();
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await put(lab, inside, name, { of: inside });
      const first = await lab.client.list(configMaps, { namespace: inside, limit: 3 });
      expect(first.items).toHaveLength(3);
      await put(lab, inside, 'zz-later');
      const query = {
        namespace: inside,
        limit: 3,
        ...(first.continue !== undefined && { continue: first.continue }),
      };
      const second = await lab.client.list(configMaps, query);
      expect(second.resourceVersion).toBe(first.resourceVersion);
      const all = await listAll(lab.client, configMaps, { namespace: inside, limit: 3 });
      const names = all.map(({ metadata }) => metadata.name).filter(each => each !== 'kube-root-ca.crt');
      expect(names).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'zz-later']);
    },
  },
  {
    name: 'patches in four ways',
    run: async lab => {
      const inside = await lab.namespace();
      const path = { namespace: inside, name: 'web' };
      const ports = [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }];
      await lab.client.create(services, { metadata: path, spec: { ports } });
      await lab.client.patch(services, path, 'merge', { metadata: { labels: { a: '1' } } });
      await lab.client.patch(services, path, 'json', [{ op: 'add', path: '/metadata/labels/b', value: '2' }]);
      await lab.client.patch(services, path, 'strategic', {
        spec: { ports: [{ name: 'tls', port: 443, protocol: 'TCP' }] },
      });
      const applied = { apiVersion: 'v1', kind: 'Service', metadata: { ...path, labels: { c: '3' } } };
      const result = await lab.client.patch(services, path, 'apply', applied, {
        fieldManager: 'contract',
        force: true,
      });
      expect(result.metadata.labels).toEqual({ a: '1', b: '2', c: '3' });
      expect(portsOf(result)).toEqual([80, 443]);
    },
  },
  {
    name: 'refuses what another has overtaken, what exists, and what it does not know',
    run: async lab => {
      const inside = await lab.namespace();
      const old = await put(lab, inside, 'a');
      await lab.client.replace(configMaps, { ...old, data: { now: 'newer' } });
      const answers = [
        lab.client.replace(configMaps, { ...old, data: { now: 'older' } }),
        put(lab, inside, 'a'),
        lab.client.get(configMaps, { namespace: inside, name: 'none' }),
        lab.client.list({ ...configMaps, plural: 'nonesuches' }),
      ];
      const errors = (await Promise.allSettled(answers)).map(each =>
        each.status === 'rejected' ? each.reason : undefined,
      );
      expect(errors.map(error => [error?.status, error?.problem.code])).toEqual([
        [409, 'FSM4001'],
        [409, 'FSM4001'],
        [404, 'FSM4001'],
        [404, 'FSM4001'],
      ]);
      expect(errors[2]).toMatchObject({
        problem: { object: { kind: 'ConfigMap', namespace: inside, name: 'none' } },
      });
      expect(errors[2].message).toMatch(/get ConfigMap .*none was answered with 404 NotFound.*Fix: check the name/);
    },
  },
  {
    name: 'issues tokens for a pod and says whose they are',
    run: async lab => {
      const namespace = await lab.namespace();
      const account = { namespace, name: 'cart' };
      await lab.client.create(accounts, { metadata: account });
      const spec = { serviceAccountName: 'cart', containers: [{ name: 'app', image: 'none' }] };
      const pod = await lab.client.create(pods, { metadata: { namespace, name: 'cart-1' }, spec });
      const [review, uid] = [tokenReviewer(lab.client), pod.metadata.uid ?? ''];
      const options = { audiences: ['fsm.cluster.local'], expirationSeconds: 600 };
      const bound = await requestToken(lab.client, account, { ...options, pod: { name: 'cart-1', uid } });
      expect(bound.expiresAtMs - Date.now()).toBeGreaterThan(500_000);
      const owner = { namespace, serviceAccount: 'cart', podName: 'cart-1', podUid: uid };
      expect(await review(bound.token, 'fsm.cluster.local')).toEqual({ ok: true, ...owner });
      expect(await review(bound.token, 'fsm.other')).toMatchObject({ ok: false, problem: { code: 'FSM2001' } });
      const unbound = await requestToken(lab.client, account, options);
      expect(await review(unbound.token, 'fsm.cluster.local')).toMatchObject({ ok: false });
    },
  },
  {
    name: 'knows a stranger by the token',
    run: async lab => {
      const { ca, serverName, server: url } = lab.access;
      const stranger = createClient({
        server: url,
        token: 'wrong',
        ...(ca && { ca }),
        ...(serverName && { serverName }),
      });
      const error = await stranger.list(configMaps).catch((caught: unknown) => caught);
      stranger.close();
      expect(error).toBeInstanceOf(KubeError);
      expect(error).toMatchObject({
        status: 401,
        problem: { fix: 'renew the token or the client certificate in use' },
      });
      expect(String(error)).not.toContain('wrong');
    },
  },
];

function portsOf({ spec }: KubeObject): unknown[] {
  const ports = isRecord(spec) && Array.isArray(spec.ports) ? spec.ports : [];
  return ports.map(({ port }) => port).sort((a, b) => a - b);
}
