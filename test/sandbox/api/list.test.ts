import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap, paths, pod } from './fixtures.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ historySize: 10 });
});
afterAll(() => cluster.close());

const names = (body: Record<string, unknown>) =>
  (body.items as { metadata: { name: string } }[]).map(item => item.metadata.name);
const metaOf = (body: Record<string, unknown>) => body.metadata as { resourceVersion: string; continue?: string };
const list = (query: string) => cluster.call('GET', `${paths.configMaps}?${query}`);

beforeEach(async () => {
  await cluster.call('DELETE', paths.configMaps);
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await cluster.call('POST', paths.configMaps, configMap(name, {}, { half: name < 'c' ? 'first' : 'second' }));
  }
});

test('pages are of one revision, whatever is written meanwhile', async () => {
  const first = await list('limit=2');
  expect(names(first.body)).toEqual(['a', 'b']);
  expect(first.body.metadata).toMatchObject({ remainingItemCount: 3 });
  await cluster.call('DELETE', `${paths.configMaps}/d`);
  await cluster.call('POST', paths.configMaps, configMap('bb'));
  const { continue: token = '', resourceVersion } = metaOf(first.body);
  const second = await list(`limit=2&continue=${token}`);
  expect(names(second.body)).toEqual(['c', 'd']);
  expect(metaOf(second.body).resourceVersion).toBe(resourceVersion);
  const third = await list(`limit=2&continue=${metaOf(second.body).continue}`);
  expect(names(third.body)).toEqual(['e']);
  expect(metaOf(third.body).continue).toBeUndefined();
});

test('a page whose revision is forgotten is 410, and rubbish is 400', async () => {
  const { continue: token } = metaOf((await list('limit=2')).body);
  cluster.server.store.log.compact('configmaps');
  await cluster.call('POST', paths.configMaps, configMap('later'));
  cluster.server.store.log.compact('configmaps');
  const gone = await list(`limit=2&continue=${token}`);
  expect(gone.code).toBe(410);
  expect(gone.body.reason).toBe('Expired');
  expect((await list('limit=2&continue=rubbish')).code).toBe(400);
});

test('an exact older revision is listed as it was', async () => {
  const { resourceVersion } = metaOf((await list('')).body);
  await cluster.call('DELETE', `${paths.configMaps}/a`);
  const then = await list(`resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
  expect(names(then.body)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(names((await list(`resourceVersion=${resourceVersion}`)).body)).toEqual(['b', 'c', 'd', 'e']);
});

test('a revision of the future is refused as the real server refuses it', async () => {
  const { code, body } = await list('resourceVersion=999999');
  expect(code).toBe(504);
  expect(body).toMatchObject({ reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } });
});

test.each([
  ['half=first', ['a', 'b']],
  ['half!=first', ['c', 'd', 'e']],
  ['half in (first, other)', ['a', 'b']],
  ['half notin (first)', ['c', 'd', 'e']],
  ['half,!other', ['a', 'b', 'c', 'd', 'e']],
  ['other', []],
])('the label selector %s', async (selector, found) => {
  expect(names((await list(`labelSelector=${encodeURIComponent(selector)}`)).body)).toEqual(found);
});

test('field selectors', async () => {
  expect(names((await list('fieldSelector=metadata.name%3Dc')).body)).toEqual(['c']);
  await cluster.call('POST', paths.pods, { ...pod('here'), spec: { ...pod('').spec, nodeName: 'n1' } });
  await cluster.call('POST', paths.pods, pod('elsewhere'));
  const bound = await cluster.call('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1,status.phase%21%3DRunning');
  expect(names(bound.body)).toEqual(['here']);
  expect((await list('fieldSelector=data.x%3D1')).code).toBe(400);
});
