import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap, paths, pod, split, splitDefinition } from './fixtures.ts';

let nowMs = Date.UTC(2030, 0, 1);
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ now: () => nowMs });
  await cluster.call('POST', paths.definitions, splitDefinition);
  for (const name of ['fsm-controller', 'bookbuyer']) {
    await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name } });
  }
  await cluster.call('POST', paths.pods, pod('buyer-1'));
});
afterAll(() => cluster.close());

interface TokenStatus {
  readonly token: string;
  readonly expirationTimestamp: string;
}

async function tokenFor(account: string, spec: object = {}): Promise<TokenStatus> {
  const path = `/api/v1/namespaces/default/serviceaccounts/${account}/token`;
  const { code, body } = await cluster.call('POST', path, { spec });
  expect(code).toBe(201);
  return body.status as TokenStatus;
}

async function review(token: string, audiences?: string[]): Promise<Record<string, unknown>> {
  const spec = { token, ...(audiences && { audiences }) };
  const { body } = await cluster.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec });
  return body.status as Record<string, unknown>;
}

test('health needs no token, everything else does', async () => {
  expect((await cluster.call('GET', '/readyz', undefined, { token: '' })).code).toBe(200);
  for (const token of ['', 'wrong']) {
    const { code, body } = await cluster.call('GET', paths.pods, undefined, { token });
    expect(code).toBe(401);
    expect(body.reason).toBe('Unauthorized');
  }
});

test('a token bound to a pod names the pod, and only for its audiences', async () => {
  const { body } = await cluster.call('GET', `${paths.pods}/buyer-1`);
  const { uid } = body.metadata as { uid: string };
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'buyer-1', uid };
  const { token, expirationTimestamp } = await tokenFor('bookbuyer', { audiences: ['fsm.local'], boundObjectRef });
  expect(expirationTimestamp).toBe('2030-01-01T01:00:00Z');
  expect(await review(token, ['other', 'fsm.local'])).toMatchObject({
    authenticated: true,
    audiences: ['fsm.local'],
    user: {
      username: 'system:serviceaccount:default:bookbuyer',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/pod-name': ['buyer-1'],
        'authentication.kubernetes.io/pod-uid': [uid],
      },
    },
  });
  expect(await review(token)).toMatchObject({ authenticated: false });
  expect((await cluster.call('GET', paths.pods, undefined, { token })).code).toBe(401);
  await cluster.call('DELETE', `${paths.pods}/buyer-1`);
  expect(await review(token, ['fsm.local'])).toMatchObject({ authenticated: false });
});

test('a token for another pod than there is, is not given', async () => {
  const path = '/api/v1/namespaces/default/serviceaccounts/bookbuyer/token';
  const boundObjectRef = { kind: 'Pod', name: 'nobody' };
  expect((await cluster.call('POST', path, { spec: { boundObjectRef } })).code).toBe(404);
});

test('a token expires', async () => {
  const { token } = await tokenFor('bookbuyer', { expirationSeconds: 600 });
  expect(await review(token)).toMatchObject({ authenticated: true });
  nowMs += 600_000;
  expect(await review(token)).toMatchObject({ authenticated: false });
});

test('the controller reads and writes statuses; others may nothing', async () => {
  const controller = { token: (await tokenFor('fsm-controller')).token };
  expect((await cluster.call('GET', paths.pods, undefined, controller)).code).toBe(200);
  await cluster.call('POST', paths.splits, split('s', { service: 'a' }));
  const status = { ...split('s', { service: 'a' }), status: { seen: true } };
  expect((await cluster.call('PUT', `${paths.splits}/s/status`, status, controller)).code).toBe(200);
  expect((await cluster.call('DELETE', `${paths.splits}/s`, undefined, controller)).code).toBe(403);
  expect((await cluster.call('POST', paths.pods, pod('x'), controller)).code).toBe(403);
  const buyer = { token: (await tokenFor('bookbuyer')).token };
  const { code, body } = await cluster.call('POST', paths.configMaps, configMap('x'), buyer);
  expect(code).toBe(403);
  expect(body.message).toBe(
    'configmaps is forbidden: User "system:serviceaccount:default:bookbuyer" cannot create resource "configmaps" ' +
      'in API group "" in the namespace "default"',
  );
});

test('a busy port is named', async () => {
  const { port } = cluster.server;
  await expect(startCluster({ port })).rejects.toMatchObject({
    problem: { code: 'FSM6001', what: `port ${port} on 127.0.0.1 is in use` },
  });
});
