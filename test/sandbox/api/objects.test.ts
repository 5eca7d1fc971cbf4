import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap, deployment, paths, pod, service } from './fixtures.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.close());

const at = (name: string) => `${paths.configMaps}/${name}`;

describe('create', () => {
  test('fills in uid, creation time and version, and counts versions up', async () => {
    const first = await cluster.call('POST', paths.configMaps, configMap('first'));
    const second = await cluster.call('POST', paths.configMaps, configMap('second'));
    expect(first.code).toBe(201);
    expect(first.body.metadata).toMatchObject({
      name: 'first',
      namespace: 'default',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const versions = [first, second].map(({ body }) =>
      Number((body.metadata as { resourceVersion: string }).resourceVersion),
    );
    expect(versions[1]).toBeGreaterThan(versions[0] ?? Number.NaN);
  });

  test('makes a name from generateName', async () => {
    const { body } = await cluster.call('POST', paths.configMaps, { metadata: { generateName: 'made-' } });
    expect(body.metadata).toMatchObject({ name: expect.stringMatching(/^made-[0-9a-z]{5}$/) });
  });

  test('answers 409 for a name that is taken', async () => {
    await cluster.call('POST', paths.configMaps, configMap('taken'));
    const { code, body } = await cluster.call('POST', paths.configMaps, configMap('taken'));
    expect(code).toBe(409);
    expect(body).toMatchObject({
      kind: 'Status',
      reason: 'AlreadyExists',
      message: 'configmaps "taken" already exists',
    });
  });

  test('answers 404 for a namespace that is not there', async () => {
    const { code, body } = await cluster.call('POST', '/api/v1/namespaces/nowhere/configmaps', configMap('x'));
    expect(code).toBe(404);
    expect(body.message).toBe('namespaces "nowhere" not found');
  });

  test('answers 422 with causes for an object that cannot be', async () => {
    const { code, body } = await cluster.call('POST', paths.pods, { metadata: { name: 'Bad Name' }, spec: {} });
    expect(code).toBe(422);
    const fields = (body.details as { causes: { field: string }[] }).causes.map(cause => cause.field);
    expect(fields).toEqual(['metadata.name', 'spec.containers']);
  });

  test('answers 400 when body and path disagree', async () => {
    const { code, body } = await cluster.call('POST', paths.configMaps, pod('x'));
    expect(code).toBe(400);
    expect(body.message).toBe('the kind in the data (Pod) does not match the expected kind (ConfigMap)');
  });

  test('stores nothing in a dry run', async () => {
    expect((await cluster.call('POST', `${paths.configMaps}?dryRun=All`, configMap('dry'))).code).toBe(201);
    expect((await cluster.call('GET', at('dry'))).code).toBe(404);
  });
});

describe('update', () => {
  test('refuses an old version with 409 and takes the current one', async () => {
    const { body } = await cluster.call('POST', paths.configMaps, configMap('versioned'));
    const changed = await cluster.call('PUT', at('versioned'), { ...body, data: { a: '1' } });
    expect(changed.code).toBe(200);
    const late = await cluster.call('PUT', at('versioned'), { ...body, data: { a: '2' } });
    expect(late.code).toBe(409);
    expect(late.body).toMatchObject({
      reason: 'Conflict',
      message: expect.stringContaining('the object has been modified'),
    });
    expect((await cluster.call('GET', at('versioned'))).body.data).toEqual({ a: '1' });
  });

  test('of equal content keeps the version', async () => {
    const { body } = await cluster.call('POST', paths.configMaps, configMap('same', { a: '1' }));
    const again = await cluster.call('PUT', at('same'), configMap('same', { a: '1' }));
    expect(again.body.metadata).toEqual(body.metadata);
  });

  test('keeps spec and status apart, and counts generations for the spec only', async () => {
    await cluster.call('POST', paths.deployments, deployment('apart', 1));
    const path = `${paths.deployments}/apart`;
    const status = await cluster.call('PUT', `${path}/status`, { ...deployment('apart', 9), status: { replicas: 1 } });
    expect(status.body).toMatchObject({ metadata: { generation: 1 }, spec: { replicas: 1 }, status: { replicas: 1 } });
    const spec = await cluster.call('PUT', path, { ...deployment('apart', 2), status: { replicas: 7 } });
    expect(spec.body).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 2 }, status: { replicas: 1 } });
  });

  test('keeps the ClusterIP of a Service that leaves it out, and refuses another', async () => {
    const { body } = await cluster.call('POST', paths.services, service('kept'));
    const { clusterIP } = body.spec as { clusterIP: string };
    expect(clusterIP).toMatch(/^10\.96\./);
    const again = await cluster.call('PUT', `${paths.services}/kept`, service('kept'));
    expect(again.body.spec).toMatchObject({ clusterIP });
    const other = service('kept');
    const moved = await cluster.call('PUT', `${paths.services}/kept`, {
      ...other,
      spec: { ...other.spec, clusterIP: '10.96.9.9' },
    });
    expect(moved.code).toBe(422);
  });
});

describe('delete', () => {
  test('checks its preconditions', async () => {
    await cluster.call('POST', paths.configMaps, configMap('guarded'));
    const wrong = await cluster.call('DELETE', at('guarded'), { preconditions: { uid: 'another' } });
    expect(wrong.code).toBe(409);
    expect((await cluster.call('DELETE', at('guarded'))).body).toMatchObject({ kind: 'Status', status: 'Success' });
    expect((await cluster.call('GET', at('guarded'))).code).toBe(404);
  });

  test('waits for finalizers', async () => {
    const given = configMap('held');
    await cluster.call('POST', paths.configMaps, {
      ...given,
      metadata: { ...given.metadata, finalizers: ['test/hold'] },
    });
    const held = await cluster.call('DELETE', at('held'));
    expect(held.body.metadata).toMatchObject({ deletionTimestamp: expect.any(String) });
    await cluster.call('PUT', at('held'), given);
    expect((await cluster.call('GET', at('held'))).code).toBe(404);
  });

  test('leaves a bound pod to the kubelet, which deletes it without grace', async () => {
    await cluster.call('POST', paths.pods, { ...pod('bound'), spec: { ...pod('').spec, nodeName: 'here' } });
    const path = `${paths.pods}/bound`;
    const ending = await cluster.call('DELETE', path);
    expect(ending.body.metadata).toMatchObject({
      deletionTimestamp: expect.any(String),
      deletionGracePeriodSeconds: 30,
    });
    await cluster.call(
      'PATCH',
      `${path}/status`,
      { status: { phase: 'Running' } },
      { type: 'application/merge-patch+json' },
    );
    expect((await cluster.call('GET', path)).code).toBe(200);
    await cluster.call('DELETE', path, { gracePeriodSeconds: 0 });
    expect((await cluster.call('GET', path)).code).toBe(404);
  });

  test('of a collection takes what the selector finds', async () => {
    for (const name of ['red-1', 'red-2', 'blue']) {
      await cluster.call('POST', paths.configMaps, configMap(name, {}, { colour: name.split('-')[0] ?? '' }));
    }
    const { body } = await cluster.call('DELETE', `${paths.configMaps}?labelSelector=colour%3Dred`);
    expect((body.items as unknown[]).length).toBe(2);
    expect((await cluster.call('GET', at('blue'))).code).toBe(200);
  });
});

describe('what the sandbox does not have', () => {
  test.each([
    ['GET', '/apis/batch/v1/jobs', 404],
    ['GET', `${paths.pods}/x/exec`, 404],
    ['POST', `${paths.configMaps}/x`, 405],
    ['PUT', paths.configMaps, 405],
  ])('%s %s is %i and says so', async (method, path, code) => {
    const answer = await cluster.call(method, path);
    expect(answer.code).toBe(code);
    expect(answer.body).toMatchObject({ kind: 'Status', message: expect.stringContaining('not in the sandbox') });
  });

  test('an unknown media type is 415', async () => {
    const { code, body } = await cluster.call('POST', paths.configMaps, 'x', { type: 'application/cbor' });
    expect(code).toBe(415);
    expect(body.message).toContain('not in the sandbox');
  });
});
