import { describe, expect, test } from 'vitest';
import type { Kind, Objects } from '../../src/engine/model.ts';
import { kinds } from '../../src/engine/model.ts';
import { normalise } from '../../src/engine/normalise.ts';
import { samples } from './samples.ts';

function normal<K extends Kind>(kind: K, raw: unknown): Objects[K] {
  const result = normalise(kind, raw);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.object;
}

const metadata = (more: object = {}) => ({ name: 'x', namespace: 'shop', ...more });
const at = { namespace: 'shop', name: 'x' };

describe.each([...kinds])('%s', kind => {
  test('becomes what the mesh reads of it', () => {
    expect(normal(kind, samples[kind].raw)).toEqual(samples[kind].object);
  });

  test('is the same after a write that means nothing', () => {
    const { raw } = samples[kind];
    const touched = {
      ...raw,
      metadata: { ...raw.metadata, resourceVersion: '9', annotations: { a: 'b' }, managedFields: [{}], generation: 3 },
      status: { ...raw.status, conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [] },
    };
    expect(normal(kind, touched)).toEqual(normal(kind, raw));
  });

  test('is the same without apiVersion and kind, as in a list', () => {
    const { apiVersion: _, kind: __, ...item } = samples[kind].raw;
    expect(normal(kind, item)).toEqual(samples[kind].object);
  });
});

test('labels under openservicemesh.io mean the same', () => {
  const enrolled = (prefix: string) => ({
    metadata: { name: 'x', labels: { [`${prefix}/monitored-by`]: 'fsm', [`${prefix}/ignore`]: 'true' } },
  });
  expect(normal('Namespace', enrolled('openservicemesh.io'))).toEqual(normal('Namespace', enrolled('flomesh.io')));
  const labels = { 'osm-proxy-uuid': 'u' };
  expect(normal('Pod', { metadata: metadata({ labels }) })).toMatchObject({ proxy: 'u' });
});

test('sets are sorted and each member is there once', () => {
  const backends = [
    { service: 'b', weight: 1 },
    { service: 'a', weight: 2 },
  ];
  const split = (list: unknown[]) =>
    normal('TrafficSplit', { metadata: metadata(), spec: { service: 's', backends: list } });
  expect(split(backends)).toEqual(split(backends.toReversed()));
  const methods = (list: string[]) =>
    normal('HTTPRouteGroup', { metadata: metadata(), spec: { matches: [{ name: 'm', methods: list }] } });
  expect(methods(['PUT', 'GET', 'PUT'])).toEqual(methods(['GET', 'PUT']));
  expect(methods(['GET', '*'])).toEqual(methods([]));
});

test('a pod that has stopped has no address', () => {
  const pod = (phase: string) => normal('Pod', { metadata: metadata(), status: { phase, podIP: '10.0.0.1' } });
  expect([pod('Running').ip, pod('Succeeded').ip, pod('Failed').ip]).toEqual(['10.0.0.1', undefined, undefined]);
});

test('null, as Go writes it, is absent', () => {
  const slice = { metadata: metadata({ labels: null }), addressType: 'IPv4', ports: null, endpoints: null };
  expect(normal('EndpointSlice', slice)).toEqual({ ...at, service: '', addressType: 'IPv4', ports: [], endpoints: [] });
});

test('an empty MeshConfig has the defaults of the chart', () => {
  expect(normal('MeshConfig', { metadata: metadata(), spec: { sidecar: { sidecarTimeout: 0 } } })).toEqual({
    ...at,
    permissive: true,
    egress: true,
    sidecarTimeoutSeconds: 60,
    sidecarLogLevel: 'error',
    certValidityMs: 86_400_000,
  });
});

test('an object of a namespaced kind says where it is', () => {
  expect(normalise('TCPRoute', { metadata: { name: 'x' } })).toMatchObject({
    ok: false,
    problems: [{ path: '/metadata/namespace' }],
  });
});

test('any JSON gives an object or problems, never an exception', () => {
  let seed = 42;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const junk: readonly unknown[] = [
    null,
    true,
    -1,
    1e99,
    '',
    'x',
    '__proto__',
    '(',
    [],
    {},
    [null],
    { constructor: 1 },
    [[{}]],
  ];
  const spoil = (value: unknown): unknown => {
    if (next(6) === 0) return junk[next(junk.length)];
    if (Array.isArray(value)) return value.map(spoil);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, spoil(member)]));
  };
  const outcomes = { true: 0, false: 0 };
  for (const kind of kinds) {
    for (let round = 0; round < 300; round++) {
      const result = normalise(kind, spoil(samples[kind].raw));
      outcomes[`${result.ok}`] += 1;
      if (!result.ok) expect(result.problems.length).toBeGreaterThan(0);
    }
  }
  expect(Math.min(outcomes.true, outcomes.false)).toBeGreaterThan(100);
});
