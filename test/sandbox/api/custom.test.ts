import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { paths, split, splitDefinition } from './fixtures.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.call('POST', paths.definitions, splitDefinition);
});
afterAll(() => cluster.close());

const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

test('a definition is established at once and shows in both kinds of discovery', async () => {
  const { body } = await cluster.call('GET', `${paths.definitions}/trafficsplits.split.smi-spec.io`);
  expect(body.status).toMatchObject({
    conditions: [
      { type: 'NamesAccepted', status: 'True' },
      { type: 'Established', status: 'True' },
    ],
    storedVersions: ['v1alpha4'],
  });
  const list = await cluster.call('GET', '/apis/split.smi-spec.io/v1alpha4');
  expect(list.body.resources).toMatchObject([
    { name: 'trafficsplits', shortNames: ['ts'] },
    { name: 'trafficsplits/status' },
  ]);
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const { body: all, headers } = await cluster.call('GET', '/apis', undefined, { accept });
  expect(headers['content-type']).toContain('as=APIGroupDiscoveryList');
  const groups = all.items as { metadata: { name: string }; versions: { version: string }[] }[];
  const smi = groups.find(group => group.metadata.name === 'split.smi-spec.io');
  expect(smi?.versions.map(one => one.version)).toEqual(['v1alpha4', 'v1alpha2']);
});

test('versions share their objects', async () => {
  await cluster.call('POST', paths.oldSplits, split('shared', { service: 'a' }, 'v1alpha2'));
  expect((await cluster.call('GET', `${paths.splits}/shared`)).body.apiVersion).toBe('split.smi-spec.io/v1alpha4');
  const old = await cluster.watch(`${paths.oldSplits}?watch=true`);
  expect(await old.next()).toMatchObject({ type: 'ADDED', object: { apiVersion: 'split.smi-spec.io/v1alpha2' } });
  old.close();
});

test('the schema gives defaults and lists what is wrong', async () => {
  const good = await cluster.call('POST', paths.splits, split('defaulted', { service: 'a', unknown: 1 }));
  expect(good.body.spec).toEqual({ service: 'a', unknown: 1, mode: 'random' });
  const bad = await cluster.call(
    'POST',
    paths.splits,
    split('bad', { backends: [{ service: 1, weight: -1 }, {}], mode: 'odd' }),
  );
  expect(bad.code).toBe(422);
  const { causes } = bad.body.details as { causes: { reason: string; field: string }[] };
  expect(causes.map(({ reason, field }) => `${reason} ${field}`)).toEqual([
    'FieldValueRequired spec.service',
    'FieldValueTypeInvalid spec.backends[0].service',
    'FieldValueInvalid spec.backends[0].weight',
    'FieldValueRequired spec.backends[1].service',
    'FieldValueRequired spec.backends[1].weight',
    'FieldValueNotSupported spec.mode',
  ]);
});

test('what the schema does not forbid is stored, however odd', async () => {
  const odd = split('odd', { service: 'a', matches: 'not a list', backends: [] });
  expect((await cluster.call('POST', paths.splits, odd)).code).toBe(201);
});

test('a table has the columns of the definition', async () => {
  await cluster.call('POST', paths.splits, split('shown', { service: 'apex' }));
  const { body } = await cluster.call('GET', paths.splits, undefined, { accept: tableType });
  const { columnDefinitions, rows } = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
  expect(columnDefinitions.map(column => column.name)).toEqual(['Name', 'Service']);
  expect(rows.map(row => row.cells)).toContainEqual(['shown', 'apex']);
});

test('a table of pods, and rows in a watch', async () => {
  await cluster.call('POST', paths.pods, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const { body } = await cluster.call('GET', paths.pods, undefined, { accept: tableType });
  expect(body).toMatchObject({
    kind: 'Table',
    rows: [{ object: { kind: 'PartialObjectMetadata', metadata: { name: 'p' } } }],
  });
  expect((body.rows as { cells: unknown[] }[])[0]?.cells.slice(0, 4)).toEqual(['p', '0/1', 'Pending', '0']);
  const rows = await cluster.watch(`${paths.pods}?watch=true`, tableType);
  expect(await rows.next()).toMatchObject({
    type: 'ADDED',
    object: { kind: 'Table', rows: [{ cells: expect.anything() }] },
  });
  rows.close();
});

test('metadata alone', async () => {
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  const { body } = await cluster.call('GET', paths.definitions, undefined, { accept });
  expect(body.kind).toBe('PartialObjectMetadataList');
  expect(Object.keys((body.items as object[])[0] ?? {})).toEqual(['kind', 'apiVersion', 'metadata']);
});

test('a deleted definition takes its objects and its paths with it', async () => {
  const watch = await cluster.watch(`${paths.splits}?watch=true&fieldSelector=metadata.name%3Dshown`);
  expect((await watch.next())?.type).toBe('ADDED');
  await cluster.call('DELETE', `${paths.definitions}/trafficsplits.split.smi-spec.io`);
  expect((await watch.next())?.type).toBe('DELETED');
  expect((await cluster.call('GET', paths.splits)).code).toBe(404);
  await cluster.call('POST', paths.definitions, splitDefinition);
  expect((await cluster.call('GET', paths.splits)).body.items).toEqual([]);
});
