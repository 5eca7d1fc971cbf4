import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap, deployment, paths, split, splitDefinition } from './fixtures.ts';

const types = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.call('POST', paths.definitions, splitDefinition);
});
afterAll(() => cluster.close());

const patch = (path: string, body: unknown, type: keyof typeof types, query = '') =>
  cluster.call('PATCH', `${path}${query}`, body, { type: types[type] });

describe('merge and JSON patch', () => {
  const path = `${paths.configMaps}/x`;
  beforeEach(async () => {
    await cluster.call('DELETE', path);
    await cluster.call('POST', paths.configMaps, configMap('x', { a: '1', b: '2' }, { on: 'yes' }));
  });

  test('null removes, the rest merges (RFC 7396)', async () => {
    const { body } = await patch(path, { data: { a: null, c: '3' } }, 'merge');
    expect(body.data).toEqual({ b: '2', c: '3' });
  });

  test('operations run in order, and a failed test changes nothing (RFC 6902)', async () => {
    const operations = [
      { op: 'move', from: '/data/a', path: '/data/z' },
      { op: 'replace', path: '/data/b', value: 'two' },
      { op: 'add', path: '/metadata/labels/a~1b', value: 'escaped' },
    ];
    const { body } = await patch(path, operations, 'json');
    expect(body).toMatchObject({ data: { b: 'two', z: '1' }, metadata: { labels: { 'a/b': 'escaped' } } });
    const failed = await patch(
      path,
      [
        { op: 'remove', path: '/data/b' },
        { op: 'test', path: '/data/z', value: '9' },
      ],
      'json',
    );
    expect(failed.code).toBe(422);
    expect((await cluster.call('GET', path)).body.data).toEqual({ b: 'two', z: '1' });
  });

  test('a resourceVersion in a patch is a precondition', async () => {
    const { code } = await patch(path, { metadata: { resourceVersion: '1' }, data: { a: '9' } }, 'merge');
    expect(code).toBe(409);
  });
});

describe('strategic merge patch', () => {
  const path = `${paths.deployments}/d`;
  const containers = (body: Record<string, unknown>) =>
    (body as unknown as ReturnType<typeof deployment>).spec.template.spec.containers;
  const containerPatch = (...items: unknown[]) => ({ spec: { template: { spec: { containers: items } } } });
  beforeEach(async () => {
    await cluster.call('DELETE', path);
    await cluster.call('POST', paths.deployments, deployment('d', 1));
  });

  test('merges containers by name and keeps their other fields', async () => {
    const { body } = await patch(
      path,
      containerPatch({ name: 'app', image: 'app:2' }, { name: 'side', image: 's' }),
      'strategic',
    );
    expect(containers(body).map(one => [one.name, one.image])).toEqual([
      ['app', 'app:2'],
      ['side', 's'],
    ]);
    expect(containers(body)[0]?.ports).toMatchObject([{ containerPort: 8080 }]);
  });

  test('honours $patch: delete, $patch: replace and the order of elements', async () => {
    await patch(path, containerPatch({ name: 'side', image: 's' }), 'strategic');
    const ordered = { ...containerPatch({ name: 'first', image: 'f' }) };
    Object.assign(ordered.spec.template.spec, {
      '$setElementOrder/containers': [{ name: 'first' }, { name: 'side' }, { name: 'app' }],
    });
    const names = containers((await patch(path, ordered, 'strategic')).body).map(one => one.name);
    expect(names).toEqual(['first', 'side', 'app']);
    const left = await patch(path, containerPatch({ name: 'side', $patch: 'delete' }), 'strategic');
    expect(containers(left.body).map(one => one.name)).toEqual(['first', 'app']);
    const replaced = await patch(
      path,
      containerPatch({ $patch: 'replace' }, { name: 'only', image: 'o' }),
      'strategic',
    );
    expect(containers(replaced.body).map(one => one.name)).toEqual(['only']);
  });

  test('is not for custom kinds', async () => {
    await cluster.call('POST', paths.splits, split('s', { service: 'a' }));
    expect((await patch(`${paths.splits}/s`, { spec: {} }, 'strategic')).code).toBe(415);
  });
});

describe('server-side apply', () => {
  const path = `${paths.configMaps}/applied`;
  const wanted = (data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'applied' },
    data,
  });
  beforeEach(() => cluster.call('DELETE', path));

  test('creates, and then removes what its manager no longer says', async () => {
    expect((await patch(path, wanted({ a: '1', b: '1' }), 'apply', '?fieldManager=one')).code).toBe(201);
    await patch(path, { data: { other: 'kept' } }, 'merge');
    const { code, body } = await patch(path, wanted({ b: '2' }), 'apply', '?fieldManager=one');
    expect(code).toBe(200);
    expect(body.data).toEqual({ b: '2', other: 'kept' });
  });

  test('leaves what another manager says too', async () => {
    await patch(path, wanted({ a: '1', b: '1' }), 'apply', '?fieldManager=one');
    await patch(path, wanted({ a: '1' }), 'apply', '?fieldManager=two');
    const { body } = await patch(path, wanted({}), 'apply', '?fieldManager=one');
    expect(body.data).toEqual({ a: '1' });
  });

  test('reads YAML, merges lists by their keys and needs a manager', async () => {
    const yaml = 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n';
    const other = yaml
      .replace('80', '81')
      .replace('{port: 81}', '{port: 81, name: b}')
      .replace('[', '[{port: 80, name: a}, ');
    const service = `${paths.services}/s`;
    expect((await patch(service, yaml, 'apply')).code).toBe(422);
    await patch(service, yaml, 'apply', '?fieldManager=m');
    const { body } = await patch(service, other, 'apply', '?fieldManager=m');
    expect((body.spec as { ports: unknown[] }).ports).toMatchObject([
      { port: 80, name: 'a', protocol: 'TCP' },
      { port: 81, name: 'b' },
    ]);
  });

  test('applies a status without touching the rest', async () => {
    await cluster.call('POST', paths.splits, split('applied', { service: 'a' }));
    const status = {
      ...split('applied', {}),
      spec: undefined,
      status: { conditions: [{ type: 'Accepted', status: 'True' }] },
    };
    const { body } = await patch(`${paths.splits}/applied/status`, status, 'apply', '?fieldManager=fsm');
    expect(body).toMatchObject({
      spec: { service: 'a' },
      status: { conditions: [{ type: 'Accepted' }] },
      metadata: { generation: 1 },
    });
  });
});
