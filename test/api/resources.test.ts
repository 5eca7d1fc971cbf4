import { describe, expect, test } from 'vitest';
import { apiPath, apiVersionOf, resourceNamed, resourceOf, resources } from '../../src/api/resources.ts';
import { kinds } from '../../src/engine/model.ts';

test('the table lists the kinds of the engine, in the same order', () => {
  expect(resources.map(resource => resource.kind)).toEqual([...kinds]);
});

test('kinds, groups and names are those of the reference', () => {
  const rows = resources.filter(resource => resource.custom);
  expect(rows.map(row => [apiVersionOf(row), row.kind, row.plural, row.singular, ...row.shortNames])).toEqual([
    ['config.flomesh.io/v1alpha3', 'MeshConfig', 'meshconfigs', 'meshconfig', 'meshconfig'],
    ['access.smi-spec.io/v1alpha3', 'TrafficTarget', 'traffictargets', 'traffictarget', 'tt'],
    ['specs.smi-spec.io/v1alpha4', 'HTTPRouteGroup', 'httproutegroups', 'httproutegroup', 'htr'],
    ['specs.smi-spec.io/v1alpha4', 'TCPRoute', 'tcproutes', 'tcproute', 'tr'],
    ['split.smi-spec.io/v1alpha4', 'TrafficSplit', 'trafficsplits', 'trafficsplit', 'ts'],
  ]);
  expect(resourceOf('TrafficSplit').versions).toEqual(['v1alpha4', 'v1alpha2']);
});

describe('apiPath', () => {
  test.each([
    ['Pod', undefined, undefined, '/api/v1/pods'],
    ['Pod', 'x', undefined, '/api/v1/namespaces/x/pods'],
    ['Namespace', undefined, 'x', '/api/v1/namespaces/x'],
    ['Namespace', 'ignored', 'x', '/api/v1/namespaces/x'],
    ['EndpointSlice', undefined, undefined, '/apis/discovery.k8s.io/v1/endpointslices'],
    ['TrafficSplit', 'x', 'y', '/apis/split.smi-spec.io/v1alpha4/namespaces/x/trafficsplits/y'],
    ['Service', 'x', 'a/../b', '/api/v1/namespaces/x/services/a%2F..%2Fb'],
  ] as const)('%s %s %s', (kind, namespace, name, path) => {
    expect(apiPath(resourceOf(kind), namespace, name)).toBe(path);
  });
});

test('people name a kind as they like', () => {
  const names = ['ts', 'TrafficSplit', 'trafficsplits', 'po', 'nothing'];
  expect(names.map(name => resourceNamed(name)?.kind)).toEqual([
    'TrafficSplit',
    'TrafficSplit',
    'TrafficSplit',
    'Pod',
    undefined,
  ]);
});
