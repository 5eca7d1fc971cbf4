/** `fsm get`, `apply` and `delete` as those who know kubectl type them, on the sandbox's API. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDiscovery } from '../../src/cli/cluster/discovery.ts';
import { targetsOf } from '../../src/cli/cluster/targets.ts';
import { createClient, type KubeClient } from '../../src/kube/client.ts';
import { type Controllers, startControllers } from '../../src/sandbox/controllers/index.ts';
import { adminToken, type Cluster, startCluster } from '../sandbox/api/cluster.ts';
import { configMap, deployment, paths, pod, service, split, splitDefinition } from '../sandbox/api/fixtures.ts';
import { fsm as run, writeKubeconfig } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'fsm-objects-'));
let cluster: Cluster;
let controllers: Controllers;
let kubeconfig: string;
let client: KubeClient;

const fsm = (...args: string[]) => run([...args, '--kubeconfig', kubeconfig], { cwd: dir });
const file = (name: string, ...documents: (object | string)[]) => {
  const texts = documents.map(one => (typeof one === 'string' ? one : JSON.stringify(one)));
  writeFileSync(join(dir, name), texts.join('\n---\n'));
  return name;
};

beforeAll(async () => {
  cluster = await startCluster();
  controllers = startControllers(cluster.server.store);
  kubeconfig = writeKubeconfig(join(dir, 'kubeconfig'), `https://127.0.0.1:${cluster.server.port}`, cluster.ca);
  client = createClient({ server: `https://127.0.0.1:${cluster.server.port}`, ca: cluster.ca, token: adminToken });
  await cluster.call('POST', paths.definitions, splitDefinition);
  await cluster.call('POST', paths.splits, split('s', { service: 'web' }));
  for (const name of ['a', 'b']) await cluster.call('POST', paths.pods, pod(name));
  await cluster.call('POST', paths.services, service('web'));
  await cluster.call('POST', paths.deployments, deployment('d', 0));
});
afterAll(async () => {
  client.close();
  controllers.stop();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

describe('what is named', () => {
  const meant = async (...args: string[]) => {
    const targets = await targetsOf(createDiscovery(client), args);
    return targets.map(({ kind, name }) => (name === undefined ? kind.plural : `${kind.plural}/${name}`));
  };

  test.each([
    [['po'], ['pods']],
    [['pod'], ['pods']],
    [['Pods'], ['pods']],
    [
      ['pods', 'b', 'a'],
      ['pods/b', 'pods/a'],
    ],
    [['pod/a'], ['pods/a']],
    [
      ['pod/a', 'svc/web'],
      ['pods/a', 'services/web'],
    ],
    [['po,svc/a'], ['pods/a', 'services/a']],
    [['pods,svc'], ['pods', 'services']],
    [
      ['pods,svc', 'a', 'b'],
      ['pods/a', 'pods/b', 'services/a', 'services/b'],
    ],
    [['pods,po,pod'], ['pods']],
    [['deploy,cm,ns,sa,ev'], ['deployments', 'configmaps', 'namespaces', 'serviceaccounts', 'events']],
    [['deployments.apps'], ['deployments']],
    [['deployments.v1.apps'], ['deployments']],
    [['ts'], ['trafficsplits']],
    [['trafficsplits.split.smi-spec.io', 's'], ['trafficsplits/s']],
    [['all'], ['pods', 'services', 'deployments']],
    [['all,ts'], ['pods', 'services', 'deployments', 'trafficsplits']],
    [['crd', 'x'], ['customresourcedefinitions/x']],
  ])('%j', async (args, expected) => {
    expect(await meant(...args)).toEqual(expected);
  });

  test.each([
    ['pds', 'perhaps you mean pods'],
    ['deploymnets', 'perhaps you mean deployments'],
    ['trafficsplit.wrong.group', 'perhaps you mean trafficsplits'],
    ['ep', 'perhaps you mean endpointslices'],
    ['svcs', 'perhaps you mean services'],
    ['zzzzzz', 'use one of namespaces, pods'],
    ['tokenreviews', 'use one of namespaces, pods'],
  ])('%s: %s', async (kind, suggestion) => {
    await expect(meant(kind)).rejects.toThrow(suggestion);
  });

  test.each([[['pod/a', 'b']], [['pod/']], [['/a']], [['pod/a/b']], [[',']], [['']]])('%j is a mistake', async args => {
    await expect(meant(...args)).rejects.toThrow('FSM6003');
  });
});

describe('get', () => {
  test('of several kinds prints a table of each, and says which kind a name is of', async () => {
    const { stdout } = await fsm('get', 'pods,svc');
    expect(stdout).toMatch(/^NAME +READY .*\npod\/a +.*\npod\/b .*\n\nNAME +CLUSTER-IP .*\nservice\/web /);
  });

  test('shows what is there and tells of what is not', async () => {
    const { code, stdout, stderr } = await fsm('get', 'pods', 'a', 'nosuch', '-o', 'json');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^FSM4001 Pod default\/nosuch: /);
    const { items, problems } = JSON.parse(stdout);
    expect([items.length, problems.length, items[0].metadata.name]).toEqual([1, 1, 'a']);
  });

  test.each([
    ['pod/nosuch', 1, 'FSM4001'],
    ['nosuchkind', 2, 'FSM6003'],
  ])('of %s alone is a whole document, too', async (what, code, problem) => {
    const result = await fsm('get', what, '-o', 'json');
    expect(result.code).toBe(code);
    expect(JSON.parse(result.stdout).problems[0].code).toBe(problem);
    expect(result.stderr).toMatch(new RegExp(`^${problem}`));
  });

  test('prints names alone', async () => {
    const { stdout } = await fsm('get', 'all,ts', '-o', 'name');
    expect(stdout).toBe('pod/a\npod/b\nservice/web\ndeployment.apps/d\ntrafficsplit.split.smi-spec.io/s\n');
  });

  test.each([[['pods', 'a', '-A']], [['pods', 'a', '-l', 'x=y']]])(
    '%j is a mistake in the command line',
    async args => {
      const { code, stdout, stderr } = await fsm('get', ...args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^FSM6003: /);
    },
  );
});

describe('apply', () => {
  const mixed = () =>
    file(
      'mixed.yaml',
      configMap('first'),
      { apiVersion: 'nosuch.io/v1', kind: 'Thing', metadata: { name: 't' } },
      'a: [',
      { ...service('bad'), spec: {} },
      { ...configMap('lost'), metadata: { name: 'lost', namespace: 'nowhere' } },
      { kind: 'ConfigMap' },
      configMap('last'),
    );

  test('tries every document and tells of each', async () => {
    const { code, stdout, stderr } = await fsm('apply', '-f', mixed());
    expect(code).toBe(1);
    expect(stdout).toBe('configmap/first created\nconfigmap/last created\n');
    expect(stderr.split('\n').map(line => line.slice(0, 7))).toEqual([
      'FSM4001',
      'FSM1001',
      'FSM4001',
      'FSM4001',
      'FSM1001',
      '',
    ]);
  });

  test('is a whole document with what was done and what was not', async () => {
    const { code, stdout } = await fsm('apply', '-f', mixed(), '-o', 'json');
    expect(code).toBe(1);
    const results = (JSON.parse(stdout) as { object?: string; result: string }[]).map(
      ({ object, result }) => `${object} ${result}`,
    );
    expect(results).toEqual([
      'configmap/first unchanged',
      'thing/t failed',
      'undefined failed',
      'service/bad failed',
      'configmap/lost failed',
      'undefined failed',
      'configmap/last unchanged',
    ]);
  });

  test('goes on behind a file that cannot be read', async () => {
    const { code, stdout, stderr } = await fsm('apply', '-f', 'nosuch.yaml', file('one.yaml', configMap('one')));
    expect([code, stdout]).toEqual([1, 'configmap/one created\n']);
    expect(stderr).toMatch(/^FSM6005: .*nosuch.yaml/);
  });

  test('takes a kind that the same file defines', async () => {
    const spec = { ...splitDefinition.spec, group: 'new.io' };
    const definition = { ...splitDefinition, metadata: { name: 'trafficsplits.new.io' }, spec };
    const object = { ...split('n', { service: 'x' }), apiVersion: 'new.io/v1alpha4' };
    const { code, stdout } = await fsm('apply', '-f', file('new.yaml', definition, object));
    expect(stdout).toMatch(/trafficsplits.new.io created\ntrafficsplit.new.io\/n created\n$/);
    expect(code).toBe(0);
  });

  test('tries nothing more once the server has gone, and says so', async () => {
    const gone = writeKubeconfig(join(dir, 'gone'), 'https://127.0.0.1:1');
    const { code, stdout, stderr } = await run(['apply', '-f', mixed(), '--kubeconfig', gone], { cwd: dir });
    expect(code).toBe(1);
    expect(stderr.match(/FSM4002/g)).toHaveLength(1);
    expect(stdout.match(/not tried/g)).toHaveLength(6);
  });
});

describe('delete', () => {
  test('tries every document, the last one first', async () => {
    const { code, stdout } = await fsm(
      'delete',
      '-f',
      file('del.yaml', configMap('first'), configMap('nosuch'), configMap('last')),
    );
    expect([code, stdout]).toEqual([1, 'configmap/last deleted\nconfigmap/first deleted\n']);
  });

  test.each([
    [['cm', 'x', 'nosuch', 'y'], 1, 'configmap/x deleted\nconfigmap/y deleted\n'],
    [['cm/x', 'configmaps/y'], 0, 'configmap/x deleted\nconfigmap/y deleted\n'],
    [['cm/x', 'cm/nosuch', '--ignore-not-found'], 0, 'configmap/x deleted\nconfigmap/nosuch not found\n'],
    [['cm'], 2, ''],
    [[], 2, ''],
  ])('%j', async (args, code, stdout) => {
    for (const name of ['x', 'y']) await cluster.call('POST', paths.configMaps, configMap(name));
    const result = await fsm('delete', ...args);
    expect([result.code, result.stdout]).toEqual([code, stdout]);
  });
});
