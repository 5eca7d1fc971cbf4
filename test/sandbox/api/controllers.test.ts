import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/sandbox/api/objects.ts';
import { slicesOf } from '../../../src/sandbox/controllers/endpoints.ts';
import { type Controllers, startControllers } from '../../../src/sandbox/controllers/index.ts';
import type { Pod, Service } from '../../../src/sandbox/controllers/types.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap, deployment, paths, service } from './fixtures.ts';

let cluster: Cluster;
let controllers: Controllers;
let errors: unknown[];
beforeEach(async () => {
  cluster = await startCluster();
  errors = [];
  controllers = startControllers(cluster.server.store, { onError: error => errors.push(error) });
});
afterEach(async () => {
  controllers.stop();
  await cluster.close();
  expect(errors).toEqual([]);
});

/** Resolves once the objects of a resource satisfy a condition; it is looked at after each change. */
function until<T extends KubeObject>(id: string, holds: (objects: readonly T[]) => boolean): Promise<readonly T[]> {
  const { store } = cluster.server;
  const { promise, resolve } = Promise.withResolvers<readonly T[]>();
  const look = () => {
    const objects = store.list<T>(id);
    if (holds(objects)) resolve(objects);
  };
  const stop = store.log.onChange('*', look);
  look();
  return promise.finally(stop);
}

const podResource = () => {
  const resource = cluster.server.store.catalog.byId('pods');
  if (!resource) throw new Error('no pods');
  return resource;
};

/** Plays kubelet for one pod. */
function setStatus(pod: Pod, ip: string, ready: boolean) {
  const { name, namespace = '' } = pod.metadata;
  const status = { phase: 'Running', podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
  cluster.server.store.update(podResource(), namespace, name, draft => ({ ...draft, status }), { status: true });
}

const running = (pods: readonly Pod[]) => pods.every(pod => pod.metadata.name.startsWith('d-'));
const image = (pod: Pod) => pod.spec.containers[0]?.image;

describe('deployments', () => {
  test('make pods that belong to them, and lose them again', async () => {
    const { body } = await cluster.call('POST', paths.deployments, deployment('d', 2));
    const pods = await until<Pod>('pods', all => all.length === 2);
    expect(running(pods)).toBe(true);
    const { uid } = body.metadata as { uid: string };
    expect(pods[0]?.metadata).toMatchObject({
      labels: { app: 'd', 'pod-template-hash': expect.any(String) },
      ownerReferences: [{ kind: 'Deployment', name: 'd', uid, controller: true }],
    });
    await cluster.call(
      'PATCH',
      `${paths.deployments}/d/scale`,
      { spec: { replicas: 1 } },
      { type: 'application/merge-patch+json' },
    );
    await until('pods', all => all.length === 1);
    await cluster.call('DELETE', `${paths.deployments}/d`);
    await until('pods', all => all.length === 0);
  });

  test('leave their pods behind when they are deleted as orphans', async () => {
    await cluster.call('POST', paths.deployments, deployment('d', 1));
    const [first] = await until<Pod>('pods', all => all.length === 1);
    await cluster.call('DELETE', `${paths.deployments}/d`, { propagationPolicy: 'Orphan' });
    await cluster.call('POST', paths.deployments, deployment('e', 1));
    const pods = await until<Pod>('pods', all => all.length === 2);
    expect(pods[0]?.metadata).toMatchObject({ uid: first?.metadata.uid });
    expect(pods[0]?.metadata.ownerReferences).toBeUndefined();
  });

  test('replace a pod that is deleted', async () => {
    await cluster.call('POST', paths.deployments, deployment('d', 1));
    const [first] = await until<Pod>('pods', all => all.length === 1);
    await cluster.call('DELETE', `${paths.pods}/${first?.metadata.name}`);
    await until<Pod>('pods', all => all.length === 1 && all[0]?.metadata.uid !== first?.metadata.uid);
  });

  test('roll a new template out: an old pod goes when a new one is ready', async () => {
    await cluster.call('POST', paths.deployments, deployment('d', 1));
    const [old] = await until<Pod>('pods', all => all.length === 1);
    if (old) setStatus(old, '127.0.1.1', true);
    const next = deployment('d', 1);
    next.spec.template.spec = { containers: [{ name: 'app', image: 'app:2', ports: [] }] };
    await cluster.call('PUT', `${paths.deployments}/d`, next);
    const both = await until<Pod>('pods', all => all.length === 2);
    expect(both.map(image).sort()).toEqual(['app:1', 'app:2']);
    const fresh = both.find(pod => image(pod) === 'app:2');
    if (fresh) setStatus(fresh, '127.0.1.2', true);
    const [left] = await until<Pod>('pods', all => all.length === 1);
    expect(left && image(left)).toBe('app:2');
    const settled = ({ status }: KubeObject) =>
      (status as { updatedReplicas?: number; replicas?: number })?.replicas === 1;
    const [done] = await until('deployments.apps', all => all.every(settled));
    expect(done?.status).toMatchObject({ observedGeneration: 2, updatedReplicas: 1, availableReplicas: 1 });
  });
});

describe('endpoint slices', () => {
  const endpoints = (slice: KubeObject | undefined) =>
    (slice?.endpoints ?? []) as { addresses: string[]; conditions: object }[];

  test('follow readiness, addresses and deletion of the pods of a Service', async () => {
    await cluster.call('POST', paths.services, service('s', { app: 'd' }));
    await until('endpointslices.discovery.k8s.io', all => all.length === 1 && endpoints(all[0]).length === 0);
    await cluster.call('POST', paths.deployments, deployment('d', 1));
    const [pod] = await until<Pod>('pods', all => all.length === 1);
    if (pod) setStatus(pod, '127.0.1.7', false);
    const [unready] = await until(
      'endpointslices.discovery.k8s.io',
      all => all.length === 1 && endpoints(all[0]).length === 1,
    );
    expect(unready).toMatchObject({
      metadata: { labels: { 'kubernetes.io/service-name': 's' }, ownerReferences: [{ kind: 'Service', name: 's' }] },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [
        {
          addresses: ['127.0.1.7'],
          conditions: { ready: false, serving: false, terminating: false },
          targetRef: { kind: 'Pod', namespace: 'default', name: pod?.metadata.name, uid: pod?.metadata.uid },
        },
      ],
    });
    if (pod) setStatus(pod, '127.0.1.7', true);
    const isReady = (slice?: KubeObject) => (endpoints(slice)[0]?.conditions as { ready?: boolean })?.ready === true;
    const [ready] = await until('endpointslices.discovery.k8s.io', all => isReady(all[0]));
    expect(ready?.metadata.name).toBe(unready?.metadata.name);
    await cluster.call('DELETE', `${paths.services}/s`);
    await until('endpointslices.discovery.k8s.io', all => all.length === 0);
  });

  test('of a headless Service say so, and its ClusterIP is None', async () => {
    const headless = service('h', { app: 'd' });
    await cluster.call('POST', paths.services, { ...headless, spec: { ...headless.spec, clusterIP: 'None' } });
    const [slice] = await until('endpointslices.discovery.k8s.io', all => all.length === 1);
    expect(slice?.metadata.labels).toMatchObject({ 'service.kubernetes.io/headless': '' });
    expect((await cluster.call('GET', `${paths.services}/h`)).body.spec).toMatchObject({
      clusterIP: 'None',
      clusterIPs: ['None'],
    });
  });
});

describe('the name of a pod', () => {
  test.each([
    ['below the Service that is its subdomain', { hostname: 'db-0', subdomain: 'h' }, 'db-0'],
    ['not below another one', { hostname: 'db-0', subdomain: 'other' }, undefined],
    ['not without a hostname', { subdomain: 'h' }, undefined],
  ])('%s', (_, names, hostname) => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'db-0', namespace: 'default', labels: { app: 'd' } },
      spec: { containers: [], ...names },
      status: { phase: 'Running', podIP: '127.0.1.7' },
    } as unknown as Pod;
    const [slice] = slicesOf(service('h', { app: 'd' }) as unknown as Service, [pod]);
    const [endpoint] = (slice?.endpoints ?? []) as { hostname?: string }[];
    expect(endpoint?.hostname).toBe(hostname);
  });
});

describe('namespaces', () => {
  test('get a default ServiceAccount, also when it is deleted', async () => {
    const accounts = '/api/v1/namespaces/shop/serviceaccounts/default';
    const inShop = (all: readonly KubeObject[]) => all.find(one => one.metadata.namespace === 'shop');
    await cluster.call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    const first = inShop(await until('serviceaccounts', all => inShop(all) !== undefined));
    await cluster.call('DELETE', accounts);
    await until(
      'serviceaccounts',
      all => inShop(all) !== undefined && inShop(all)?.metadata.uid !== first?.metadata.uid,
    );
  });

  test('are emptied before they go, and take nothing new meanwhile', async () => {
    await cluster.call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    const held = configMap('held');
    const path = '/api/v1/namespaces/shop/configmaps';
    await cluster.call('POST', path, { ...held, metadata: { ...held.metadata, finalizers: ['test/hold'] } });
    const { body } = await cluster.call('DELETE', '/api/v1/namespaces/shop');
    expect(body.status).toEqual({ phase: 'Terminating' });
    await until('configmaps', all => all.some(one => one.metadata.deletionTimestamp));
    expect((await cluster.call('POST', path, configMap('late'))).code).toBe(403);
    await cluster.call('PUT', `${path}/held`, held);
    await until('namespaces', all => !all.some(one => one.metadata.name === 'shop'));
    expect(cluster.server.store.list('serviceaccounts', 'shop')).toEqual([]);
  });
});
