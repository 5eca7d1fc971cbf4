import { describe, expect, expectTypeOf, test } from 'vitest';
import { parse } from 'yaml';
import { examples } from '../../src/api/examples.ts';
import type { MeshConfig } from '../../src/api/mesh-config.ts';
import { formatProblem } from '../../src/api/problem.ts';
import { apiVersionOf, type ResourceKind, resourceOf } from '../../src/api/resources.ts';
import { serviceNamed, type TrafficSplit } from '../../src/api/smi-split.ts';
import { validate } from '../../src/api/validate.ts';

const metadata = { name: 'x', namespace: 'shop' };
const found = (kind: ResourceKind, spec: unknown, apiVersion = '') => validate(kind, apiVersion, { metadata, spec });
const codes = (kind: ResourceKind, spec: unknown) => found(kind, spec).map(({ code, path }) => `${code} ${path}`);

const split = (...backends: [string, unknown][]) => ({
  service: 'store',
  backends: backends.map(([service, weight]) => ({ service, weight })),
});
const account = (name: string, namespace?: string) => ({
  kind: 'ServiceAccount',
  name,
  ...(namespace && { namespace }),
});
const target = {
  destination: account('a'),
  sources: [account('b', 'elsewhere')],
  rules: [{ kind: 'TCPRoute', name: 'r' }],
};
const match = (more: object) => ({ matches: [{ name: 'm', ...more }] });

test('a message names the object, the field, what was found, why and the remedy', () => {
  expect(found('TrafficSplit', split(['v1', -1])).map(formatProblem)).toEqual([
    'FSM1001 TrafficSplit shop/x /spec/backends/0/weight: weight is -1; it has to be a whole number from 0 to 1000000. ' +
      'Fix: write 0 to send nothing there, or a whole number up to 1000000',
  ]);
  expect(found('TrafficTarget', { ...target, destination: { kind: 'ServiceAccount' } }).map(formatProblem)).toEqual([
    'FSM1001 TrafficTarget shop/x /spec/destination/name: name is missing; destination needs it: Name of the ServiceAccount. ' +
      'Fix: add name, text like ^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
  ]);
});

describe('TrafficSplit', () => {
  test.each(['v1', 'v1.shop', 'v1.shop.svc.cluster.local', 'shop/v1'])('accepts the backend %s', service => {
    expect(codes('TrafficSplit', split([service, 1]))).toEqual([]);
    expect(serviceNamed(service, 'shop')).toEqual({ namespace: 'shop', name: 'v1' });
  });

  test.each([
    ['no backend', split(), 'FSM1001 /spec/backends'],
    ['every weight 0', split(['v1', 0], ['v2', 0]), 'FSM1001 /spec/backends'],
    ['half a weight', split(['v1', 0.5]), 'FSM1001 /spec/backends/0/weight'],
    ['a backend twice', split(['v1', 1], ['shop/v1', 2]), 'FSM1005 /spec/backends/1/service'],
    ['a name that is none', split(['V1', 1]), 'FSM1001 /spec/backends/0/service'],
    ["another namespace's service", { ...split(['v1', 1]), service: 'store.till' }, 'FSM1001 /spec/service'],
  ])('refuses %s', (_, spec, problem) => {
    expect(codes('TrafficSplit', spec)).toEqual([problem]);
  });

  test('v1alpha2 does not look at matches; a version that is not served is named', () => {
    const spec = { ...split(['v1', 1]), matches: 3 };
    expect(found('TrafficSplit', spec, 'split.smi-spec.io/v1alpha2')).toEqual([]);
    expect(found('TrafficSplit', spec, 'split.smi-spec.io/v1alpha4')).toHaveLength(1);
    expect(found('TrafficSplit', spec, 'split.smi-spec.io/v1')[0]).toMatchObject({
      path: '/apiVersion',
      fix: 'write split.smi-spec.io/v1alpha4',
    });
  });
});

describe('TrafficTarget', () => {
  test.each([
    [
      'the destination of another namespace',
      { ...target, destination: account('a', 'other') },
      '/spec/destination/namespace',
    ],
    ['no source', { ...target, sources: [] }, '/spec/sources'],
    ['a source of another kind', { ...target, sources: [{ kind: 'User', name: 'u' }] }, '/spec/sources/0/kind'],
    ['a rule of another kind', { ...target, rules: [{ kind: 'HTTPRoute', name: 'r' }] }, '/spec/rules/0/kind'],
  ])('refuses %s', (_, spec, path) => {
    expect(codes('TrafficTarget', spec)).toEqual([`FSM1001 ${path}`]);
  });
});

describe('HTTPRouteGroup', () => {
  test('accepts headers as a mapping and as a list of mappings', () => {
    expect(codes('HTTPRouteGroup', match({ headers: { host: 'a' } }))).toEqual([]);
    expect(codes('HTTPRouteGroup', match({ headers: [{ host: 'a' }, { Host: 'a' }] }))).toEqual([]);
  });

  test.each([
    ['an unknown method', match({ methods: ['FETCH'] }), 'FSM1001 /spec/matches/0/methods/0'],
    ['a path regex beyond the subset', match({ pathRegex: '(?=a)' }), 'FSM1003 /spec/matches/0/pathRegex'],
    ['a header regex beyond the subset', match({ headers: { 'a~b': '(' } }), 'FSM1003 /spec/matches/0/headers/a~0b'],
    [
      'a header name that is none',
      match({ headers: { ':authority': 'a' } }),
      'FSM1001 /spec/matches/0/headers/:authority',
    ],
    ['a header twice', match({ headers: [{ a: 'x' }, { A: 'y' }] }), 'FSM1005 /spec/matches/0/headers/1/A'],
    ['a name twice', { matches: [{ name: 'm' }, { name: 'm' }] }, 'FSM1005 /spec/matches/1/name'],
  ])('refuses %s', (_, spec, problem) => {
    expect(codes('HTTPRouteGroup', spec)).toEqual([problem]);
  });
});

test('TCPRoute: no ports is every port, an empty list is refused', () => {
  expect(codes('TCPRoute', {})).toEqual([]);
  expect(codes('TCPRoute', { matches: { ports: [] } })).toEqual(['FSM1001 /spec/matches/ports']);
  expect(codes('TCPRoute', { matches: { ports: [70000] } })).toEqual(['FSM1001 /spec/matches/ports/0']);
});

test('MeshConfig: durations are checked, in form and in size', () => {
  const validity = (text: string) => ({ certificate: { serviceCertValidityDuration: text } });
  expect(codes('MeshConfig', validity('90m'))).toEqual([]);
  for (const text of ['1 day', '0s', '999999h']) {
    expect(codes('MeshConfig', validity(text))).toEqual(['FSM1001 /spec/certificate/serviceCertValidityDuration']);
  }
});

test('an overlong text is told so, and at most 8 problems are told', () => {
  expect(found('MeshConfig', { sidecar: { sidecarImage: 'x'.repeat(5000) } })[0]?.why).toBe(
    'it has to be text of at most 4096 characters',
  );
  expect(found('TrafficSplit', split(...Array.from({ length: 50 }, (): [string, number] => ['v1', -1])))).toHaveLength(
    8,
  );
});

test.each(Object.entries(examples))('the example of %s is valid', (kind, example) => {
  const object = parse(example);
  const resource = resourceOf(kind);
  expect(object).toMatchObject({ kind, apiVersion: resource && apiVersionOf(resource) });
  expect(validate(kind as ResourceKind, object.apiVersion, object)).toEqual([]);
});

test('the types come from the schemas', () => {
  expectTypeOf<TrafficSplit['spec']['backends'][number]>().toEqualTypeOf<{ service: string; weight: number }>();
  type Sidecar = NonNullable<NonNullable<MeshConfig['spec']>['sidecar']>;
  expectTypeOf<Sidecar['localProxyMode']>().toEqualTypeOf<'Localhost' | 'PodIP' | undefined>();
});
