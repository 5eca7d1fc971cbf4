/** What the real API server refuses, and the words in which it does: the sandbox refuses it, too. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/sandbox/api/objects.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { configMap, deployment, paths, pod, service, split, splitDefinition } from './fixtures.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.call('POST', paths.definitions, splitDefinition);
});
afterAll(() => cluster.close());

interface Refusal {
  readonly code: number;
  readonly kind: unknown;
  readonly causes: readonly string[];
  readonly message: string;
}

/** Field, reason and message of each cause, shortened. */
async function refusal(method: string, path: string, body: unknown, type?: string): Promise<Refusal> {
  const { code, body: status } = await cluster.call(method, path, body, type ? { type } : {});
  const { kind, causes = [] } = (status.details ?? {}) as { kind?: string; causes?: JsonObject[] };
  const texts = causes.map(({ field, reason }) => `${field} ${String(reason).replace('FieldValue', '')}`);
  return { code, kind, causes: texts, message: String(status.message) };
}

const port = (given: JsonObject = {}) => ({ name: 'a', port: 80, ...given });
const withPorts = (...ports: JsonObject[]) => ({ ...service('web'), spec: { ports } });
const withSpec = (spec: JsonObject) => ({ ...service('web'), spec: { ports: [port()], ...spec } });
const container = (given: JsonObject) => ({ name: 'app', image: 'app', ...given });
const withContainers = (...containers: JsonObject[]) => ({ ...pod('p'), spec: { containers } });
const rolling = (spec: JsonObject) => ({ ...deployment('d', 1), spec: { ...deployment('d', 1).spec, ...spec } });
const labelled = (labels: JsonObject) => ({ ...configMap('labelled'), metadata: { name: 'labelled', labels } });

describe('a Service', () => {
  test.each<[string, object, string[]]>([
    ['two ports with one number', withPorts(port(), port({ name: 'b' })), ['spec.ports[1] Duplicate']],
    [
      'the same, the protocol once left out',
      withPorts(port({ protocol: 'TCP' }), port({ name: 'b' })),
      ['spec.ports[1] Duplicate'],
    ],
    ['two ports with one name', withPorts(port(), port({ port: 81 })), ['spec.ports[1].name Duplicate']],
    ['two ports, one without a name', withPorts(port(), { port: 81 }), ['spec.ports[1].name Required']],
    ['everything twice', withPorts(port(), port()), ['spec.ports[1].name Duplicate', 'spec.ports[1] Duplicate']],
    [
      'a port beyond the last',
      withPorts(port({ port: 65536 })),
      ['spec.ports[0].port Invalid', 'spec.ports[0].targetPort Invalid'],
    ],
    ['no port number', withPorts({ name: 'a' }), ['spec.ports[0].port Required']],
    ['a target port of zero', withPorts(port({ targetPort: 0 })), ['spec.ports[0].targetPort Invalid']],
    [
      'a target port with a long name',
      withPorts(port({ targetPort: 'much-too-long-a-name' })),
      ['spec.ports[0].targetPort Invalid'],
    ],
    ['an unknown protocol', withPorts(port({ protocol: 'HTTP' })), ['spec.ports[0].protocol NotSupported']],
    ['a name with capitals', withPorts(port({ name: 'HTTP' })), ['spec.ports[0].name Invalid']],
    ['no ports', withPorts(), ['spec.ports Required']],
    ['an unknown type', withSpec({ type: 'Internal' }), ['spec.type NotSupported']],
    ['an unknown affinity', withSpec({ sessionAffinity: 'Cookie' }), ['spec.sessionAffinity NotSupported']],
    ['an external name that is missing', withSpec({ type: 'ExternalName' }), ['spec.externalName Required']],
    ['an address that is none', withSpec({ clusterIP: 'ten' }), ['spec.clusterIP Invalid']],
    ['a selector that no label can match', withSpec({ selector: { app: 'no blanks' } }), ['spec.selector Invalid']],
    ['a name that begins with a digit', { ...withPorts(port()), metadata: { name: '1st' } }, ['metadata.name Invalid']],
  ])('with %s', async (_, object, causes) => {
    expect(await refusal('POST', paths.services, object)).toMatchObject({ code: 422, kind: 'Service', causes });
  });

  test.each<[string, object]>([
    ['one number for two protocols', withPorts(port({ protocol: 'TCP' }), port({ name: 'b', protocol: 'UDP' }))],
    ['one target for two ports', withPorts(port({ targetPort: 1 }), port({ name: 'b', port: 81, targetPort: 1 }))],
  ])('with %s is taken', async (_, object) => {
    expect((await cluster.call('POST', `${paths.services}?dryRun=All`, object)).code).toBe(201);
  });

  test('is refused in the words of the real server, however it is written', async () => {
    const wrong = withPorts(port(), port({ name: 'b' }));
    const words = 'Service "web" is invalid: spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}';
    expect((await refusal('POST', paths.services, wrong)).message).toBe(words);
    await cluster.call('POST', paths.services, service('web'));
    const at = `${paths.services}/web`;
    expect(await refusal('PUT', at, wrong)).toMatchObject({ code: 422, message: words });
    const patch = await refusal('PATCH', at, { spec: wrong.spec }, 'application/merge-patch+json');
    expect(patch).toMatchObject({ code: 422, message: words });
    const applied = await refusal('PATCH', `${at}?fieldManager=me`, wrong, 'application/apply-patch+yaml');
    expect(applied).toMatchObject({ code: 422, message: words });
  });
});

describe('a Pod', () => {
  test.each<[string, object, string[]]>([
    ['no containers', withContainers(), ['spec.containers Required']],
    [
      'two containers with one name',
      withContainers(container({}), container({})),
      ['spec.containers[1].name Duplicate'],
    ],
    ['a container without an image', withContainers({ name: 'app' }), ['spec.containers[0].image Required']],
    ['a container with a bad name', withContainers(container({ name: 'My App' })), ['spec.containers[0].name Invalid']],
    [
      'two ports with one name',
      withContainers(
        container({
          ports: [
            { name: 'a', containerPort: 1 },
            { name: 'a', containerPort: 2 },
          ],
        }),
      ),
      ['spec.containers[0].ports[1].name Duplicate'],
    ],
    [
      'a port of zero',
      withContainers(container({ ports: [{ containerPort: 0 }] })),
      ['spec.containers[0].ports[0].containerPort Invalid'],
    ],
    [
      'a variable without a name',
      withContainers(container({ env: [{ value: 'x' }] })),
      ['spec.containers[0].env[0].name Required'],
    ],
    [
      'a probe that asks nothing',
      withContainers(container({ readinessProbe: {} })),
      ['spec.containers[0].readinessProbe Required'],
    ],
    [
      'a probe that asks twice',
      withContainers(container({ livenessProbe: { httpGet: { port: 1 }, tcpSocket: { port: 1 } } })),
      ['spec.containers[0].livenessProbe.tcpSocket Forbidden'],
    ],
    [
      'a mount of a volume that is not there',
      withContainers(container({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })),
      ['spec.containers[0].volumeMounts[0].name NotFound'],
    ],
    [
      'a bad restart policy',
      { ...pod('p'), spec: { ...pod('p').spec, restartPolicy: 'Sometimes' } },
      ['spec.restartPolicy NotSupported'],
    ],
  ])('with %s', async (_, object, causes) => {
    expect(await refusal('POST', paths.pods, object)).toMatchObject({ code: 422, kind: 'Pod', causes });
  });

  test('stays what it is, but for its images', async () => {
    await cluster.call('POST', paths.pods, pod('stays'));
    const at = `${paths.pods}/stays`;
    const patch = (spec: JsonObject) => refusal('PATCH', at, { spec }, 'application/strategic-merge-patch+json');
    expect((await patch({ containers: [{ name: 'app', image: 'app:2' }] })).code).toBe(200);
    expect(await patch({ containers: [{ name: 'app', command: ['x'] }] })).toMatchObject({
      code: 422,
      causes: ['spec Forbidden'],
    });
    expect((await patch({ serviceAccountName: 'other' })).code).toBe(422);
  });
});

describe('a Deployment', () => {
  test.each<[string, object, string[]]>([
    ['less than no replicas', rolling({ replicas: -1 }), ['spec.replicas Invalid']],
    ['no selector', rolling({ selector: undefined }), ['spec.selector Required']],
    ['an empty selector', rolling({ selector: {} }), ['spec.selector Invalid']],
    [
      'a selector for other pods',
      rolling({ selector: { matchLabels: { app: 'x' } } }),
      ['spec.template.metadata.labels Invalid'],
    ],
    ['an unknown strategy', rolling({ strategy: { type: 'BlueGreen' } }), ['spec.strategy.type NotSupported']],
    [
      'a rollout that cannot move',
      rolling({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
      ['spec.strategy.rollingUpdate.maxUnavailable Invalid'],
    ],
    [
      'a share that is none',
      rolling({ strategy: { rollingUpdate: { maxSurge: 'some' } } }),
      ['spec.strategy.rollingUpdate.maxSurge Invalid'],
    ],
    [
      'pods that would not be started again',
      rolling({ template: { metadata: { labels: { app: 'd' } }, spec: { ...pod('').spec, restartPolicy: 'Never' } } }),
      ['spec.template.spec.restartPolicy NotSupported'],
    ],
  ])('with %s', async (_, object, causes) => {
    expect(await refusal('POST', paths.deployments, object)).toMatchObject({ code: 422, kind: 'Deployment', causes });
  });
});

describe('ConfigMaps, Secrets and metadata', () => {
  const secrets = '/api/v1/namespaces/default/secrets';
  const secret = (given: JsonObject) => ({ kind: 'Secret', metadata: { name: 's' }, ...given });

  test.each<[string, string, object, string[]]>([
    ['a key with a slash', paths.configMaps, configMap('c', { 'a/b': '' }), ['data[a/b] Invalid']],
    [
      'a key in both maps',
      paths.configMaps,
      { ...configMap('c', { a: '' }), binaryData: { a: '' } },
      ['binaryData[a] Duplicate'],
    ],
    ['more than a megabyte', paths.configMaps, configMap('c', { a: 'x'.repeat(2 ** 20 + 1) }), [' TooLong']],
    [
      'half a certificate',
      secrets,
      secret({ type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }),
      ['data[tls.key] Required'],
    ],
    ['a label with a blank', paths.configMaps, labelled({ app: 'a b' }), ['metadata.labels Invalid']],
    ['a label key with two slashes', paths.configMaps, labelled({ 'a/b/c': '' }), ['metadata.labels Invalid']],
    ['a label that is too long', paths.configMaps, labelled({ app: 'x'.repeat(64) }), ['metadata.labels Invalid']],
    [
      'a bad label on a custom kind',
      paths.splits,
      { ...split('s', { service: 'x' }), metadata: { name: 's', labels: { a: 'b c' } } },
      ['metadata.labels Invalid'],
    ],
    [
      'an annotation key with a blank',
      paths.configMaps,
      { ...configMap('c'), metadata: { name: 'c', annotations: { 'a b': '' } } },
      ['metadata.annotations Invalid'],
    ],
    [
      'an owner without a uid',
      paths.configMaps,
      { ...configMap('c'), metadata: { name: 'c', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p' }] } },
      ['metadata.ownerReferences[0].uid Required'],
    ],
  ])('%s', async (_, path, object, causes) => {
    expect(await refusal('POST', path, object)).toMatchObject({ code: 422, causes });
  });

  test('what is immutable stays so', async () => {
    await cluster.call('POST', paths.configMaps, { ...configMap('fixed', { a: '1' }), immutable: true });
    const at = `${paths.configMaps}/fixed`;
    const changed = await refusal('PUT', at, { ...configMap('fixed', { a: '2' }), immutable: true });
    expect(changed).toMatchObject({ code: 422, causes: ['data Forbidden'] });
    const undone = await refusal('PUT', at, configMap('fixed', { a: '1' }));
    expect(undone).toMatchObject({ code: 422, causes: ['immutable Forbidden'] });
  });
});

test.each<[string, string, object]>([
  ['data: { port: 8080 }', paths.configMaps, { ...configMap('c'), data: { port: 8080 } }],
  [
    'a variable whose value is a number',
    paths.pods,
    withContainers(container({ env: [{ name: 'PORT', value: 8080 }] })),
  ],
  ['a command that is a text', paths.pods, withContainers(container({ command: 'sleep 1' }))],
  ['replicas: "2"', paths.deployments, rolling({ replicas: '2' })],
  ['a port that is a text', paths.services, withPorts(port({ port: '80' }))],
  [
    'a Secret that is no base64',
    '/api/v1/namespaces/default/secrets',
    { kind: 'Secret', metadata: { name: 's' }, data: { a: 'no!' } },
  ],
])('%s cannot be read: 400', async (_, path, object) => {
  const { code, message } = await refusal('POST', path, object);
  expect(code).toBe(400);
  expect(message).toMatch(/in version "v1" cannot be handled as a /);
});

describe('the details of an error', () => {
  const token = 'no-such-token';

  test.each<[string, string, unknown, number, JsonObject]>([
    ['GET', `${paths.pods}/nosuch`, undefined, 404, { kind: 'pods', name: 'nosuch' }],
    ['DELETE', `${paths.deployments}/nosuch`, undefined, 404, { kind: 'deployments', group: 'apps', name: 'nosuch' }],
    ['GET', '/apis/batch/v1/namespaces/default/jobs/x', undefined, 404, { kind: 'jobs', group: 'batch', name: 'x' }],
    ['GET', `${paths.pods}/x/exec`, undefined, 404, { kind: 'pods', name: 'x' }],
    ['PATCH', `${paths.pods}/x/ephemeralcontainers`, {}, 404, { kind: 'pods', name: 'x' }],
    ['POST', '/api/v1/namespaces/nowhere/configmaps', configMap('x'), 404, { kind: 'namespaces', name: 'nowhere' }],
    [
      'POST',
      '/apis/apps/v1/namespaces/nowhere/deployments',
      deployment('x', 1),
      404,
      { kind: 'namespaces', name: 'nowhere' },
    ],
    ['PUT', paths.configMaps, {}, 405, { kind: 'configmaps' }],
    ['POST', paths.configMaps, '{', 400, { kind: 'configmaps' }],
    [
      'POST',
      paths.deployments,
      { metadata: { name: 'x' }, spec: {} },
      422,
      { kind: 'Deployment', group: 'apps', name: 'x' },
    ],
    ['GET', `${paths.pods}?labelSelector=(`, undefined, 400, { kind: 'pods' }],
    ['GET', '/nowhere', undefined, 404, {}],
  ])('%s %s', async (method, path, body, code, details) => {
    const answer = await cluster.call(method, path, body);
    expect(answer.code).toBe(code);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', code, details });
    if (!('group' in details)) expect(answer.body.details).not.toHaveProperty('group');
  });

  test('are there for those who may not ask, too', async () => {
    const answer = await cluster.call('GET', `${paths.pods}/x`, undefined, { token });
    expect(answer.body).toMatchObject({ code: 401, details: { kind: 'pods' } });
  });
});
