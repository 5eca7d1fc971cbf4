import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unseenHeaders } from '../../src/api/smi-specs.ts';
import * as because from '../../src/dataplane/policy/because.js';
import type { CompiledTables } from '../../src/dataplane/policy/compiled.ts';
import { configFormat as formatOfPolicy } from '../../src/dataplane/policy/format.js';
import * as policy from '../../src/dataplane/policy/policy.js';
import type { Explaining, Policy } from '../../src/dataplane/policy/types.ts';
import { type AnyNode, configFormat, fragmentOf } from '../../src/engine/config.ts';
import { type Spec, treeOf } from './tree.js';
import { seededHost, type Vectors } from './vectors.js';

const vectors: Vectors = JSON.parse(readFileSync(new URL('testdata/vectors.json', import.meta.url), 'utf8'));
const host = seededHost(1);
const hashOf = (node: AnyNode) => fragmentOf(node).hash;

function spec(name: string): Spec {
  const found = vectors.configs[name];
  if (found === undefined) throw new Error(`no configuration ${name}`);
  return found;
}

function compiled(from: Spec, previous: CompiledTables | null): CompiledTables {
  const tree = treeOf(from, hashOf);
  return policy.compile(tree.nodes, tree.root, host, previous) as CompiledTables;
}

describe('policy', () => {
  it('exports the functions of the contract and no others', () => {
    const checked: Policy = policy;
    const names =
      'admitConnection admitRequest admitVerdict compile missing pathOf principalOf reachable resolveHost routeConnection routeRequest routeResolved speaksHTTP targetFault verdictOf';
    expect(Object.keys(checked).sort().join(' ')).toBe(names);
    const explaining: Explaining = because;
    expect(Object.keys(explaining).sort()).toEqual(['explainAdmission', 'explainRoute']);
  });
});

describe('the format', () => {
  it('is the one that derive writes, and no other is read', () => {
    expect(formatOfPolicy).toBe(configFormat);
    const { root, nodes } = treeOf(spec('split'), hashOf);
    const [node, older] = [nodes.get(root) as AnyNode, { ...nodes.get(root), data: { format: 1 } } as AnyNode];
    expect(node.data).toEqual({ format: configFormat });
    nodes.set('older', older);
    expect(() => policy.compile(nodes, 'older', host, null)).toThrow('format 1 is not read here');
  });
});

describe('compile', () => {
  it.each([undefined, 64 as const])('takes over every part whose hash is unchanged (buckets: %s)', buckets => {
    const base: Spec = { ...spec('split'), ...(buckets && { buckets }) };
    const before = compiled(base, null);
    const web = [{ address: '127.0.10.9', port: 8080, principal: 'web.default.cluster.local' }];
    const after = compiled({ ...base, endpoints: { ...base.endpoints, 'default/web:80': web } }, before);
    expect(service(after, 'default/bookstore')).toBe(service(before, 'default/bookstore'));
    expect(service(after, 'default/web')).not.toBe(service(before, 'default/web'));
    expect(after.access).toBe(before.access);
    const decision = policy.routeRequest(after, { method: 'GET', path: '/', host: 'web', headers: {} }, {});
    expect(decision).toMatchObject({ action: 'forward', target: '127.0.10.9:8080' });
  });

  it.each([undefined, 64 as const])('takes over parts of which the same may be called (buckets: %s)', buckets => {
    const callable = ['bookstore-v1.default.cluster.local', 'web.default.cluster.local'];
    const base: Spec = { ...spec('split'), callable, ...(buckets && { buckets }) };
    const before = compiled(base, null);
    const same = compiled({ ...base, callable: [...callable, 'somebody.else.cluster.local'] }, before);
    expect(service(same, 'default/bookstore')).toBe(service(before, 'default/bookstore'));
    const less = compiled({ ...base, callable: ['web.default.cluster.local'] }, same);
    expect(service(less, 'default/web')).toBe(service(before, 'default/web'));
    expect(service(less, 'default/bookstore-v1')).not.toBe(service(before, 'default/bookstore-v1'));
    const ask = { method: 'GET', path: '/', host: 'bookstore-v1', headers: {} };
    expect(policy.routeRequest(before, ask, {})).toMatchObject({ action: 'forward' });
    expect(policy.routeRequest(less, ask, {})).toMatchObject({ reason: 'no-endpoints' });
    const elsewhere = compiled({ ...base, callablePorts: { [callable[0] ?? '']: [1, 2] } }, before);
    expect(service(elsewhere, 'default/bookstore-v1')).not.toBe(service(before, 'default/bookstore-v1'));
    expect(policy.routeRequest(elsewhere, ask, {})).toMatchObject({ reason: 'no-endpoints' });
    const there = compiled({ ...base, callablePorts: { [callable[0] ?? '']: [1, 14001] } }, elsewhere);
    expect(policy.routeRequest(there, ask, {})).toMatchObject({ action: 'forward' });
    const all = compiled({ ...base, callable: null }, less);
    expect(policy.routeRequest(all, ask, {})).toMatchObject({ action: 'forward' });
  });

  it('forgets a service that is gone', () => {
    const before = compiled(spec('split'), null);
    const request = { method: 'GET', path: '/', host: 'web', headers: {} };
    expect(policy.routeRequest(before, request, {}).action).toBe('forward');
    const after = compiled({ ...spec('split'), services: [] }, before);
    expect(policy.routeRequest(after, request, {})).toMatchObject({ reason: 'unknown-service' });
  });

  it('says which node is missing, or of the wrong kind', () => {
    const { root, nodes } = treeOf(spec('split'), hashOf);
    const settings = nodes.get(root)?.refs.settings ?? '';
    const settingsNode = nodes.get(settings);
    nodes.delete(settings);
    expect(() => policy.compile(nodes, root, host, null)).toThrow(`missing ${settings}`);
    expect(policy.missing(nodes, root)).toEqual([settings]);
    expect(settingsNode?.kind).toBe('settings');
    expect(() => policy.compile(nodes, nodes.get(root)?.refs.self ?? '', host, null)).toThrow('is no root');
  });
});

describe('reachable', () => {
  it('names every node of the tree once and no other', () => {
    const { root, nodes } = treeOf(spec('split'), hashOf);
    const before = [...nodes.keys()].sort();
    const other = treeOf({ ...spec('split'), services: [] }, hashOf);
    for (const [hash, node] of other.nodes) nodes.set(hash, node);
    expect([...policy.reachable(nodes, root)].sort()).toEqual(before);
    expect(policy.missing(nodes, root)).toEqual([]);
  });
});

describe('headers in rules', () => {
  const holds = (name: string) => {
    const base = spec('split');
    const http = [{ principals: ['p'], headers: [{ name, value: { exact: 'x' } }] }];
    const tables = compiled({ ...base, access: { anyone: false, http, tcp: [] } }, null);
    const request = { method: 'GET', path: '/', host: 'x', headers: { [name]: 'x' } };
    return policy.admitRequest(tables, 8080, 'p', request).action === 'forward';
  };

  it.each([...unseenHeaders, 'fsm-stats-pod', 'fsm-stats'])('%s is not seen', name => expect(holds(name)).toBe(false));

  it.each(['host', ':authority', 'cookie', 'expect', 'content-length', 'trailer', 'x-tea'])('%s is seen', name =>
    expect(holds(name)).toBe(true),
  );
});

describe('what explains a decision', () => {
  it.each(Object.keys(vectors.configs))('names it among all that there may be, in configuration %s', config => {
    const tables = compiled(spec(config), null);
    const asked = vectors.questions.filter(({ ask }) => ask === 'request').slice(0, 80);
    for (const { host = '', method = 'GET', path = '/', headers = {} } of asked) {
      const request = { method, path, host, headers };
      const { decision, choices } = because.explainRoute(tables, request, {});
      const every = decision === null ? choices.flatMap(choice => choice.decisions) : [decision];
      expect(every).toContainEqual(policy.routeRequest(tables, request, {}));
    }
  });

  it('does not say that a service without TCP ports has several', () => {
    const bare = { namespace: 'default', name: 'bare', addresses: [], ports: [] };
    const tables = compiled({ ...spec('split'), services: [bare] }, null);
    const request = { method: 'GET', path: '/', host: 'bare', headers: {} };
    const expected = { reason: 'unknown-port', detail: 'Service default/bare has no TCP port.' };
    expect(policy.routeRequest(tables, request, {})).toMatchObject(expected);
  });
});

describe('what strangers send', () => {
  it('does not grow without bound', () => {
    const tables = compiled(spec('split'), null);
    for (let i = 0; i < 3000; i++) {
      const request = { method: 'GET', path: `/shelf/${i}`, host: `h${i}.example`, headers: {} };
      policy.routeRequest(tables, request, {});
      policy.routeRequest(tables, { ...request, host: 'bookstore' }, {});
    }
    expect(tables.resolved.size).toBeLessThanOrEqual(1024);
    expect(service(tables, 'default/bookstore')?.ports.get(14001)?.routes.cache.size).toBeLessThanOrEqual(512);
  });
});

describe('weights', () => {
  it('share out requests within a percent', () => {
    const tables = compiled(spec('split'), null);
    let first = 0;
    for (let i = 0; i < 20000; i++) {
      const decision = policy.routeRequest(tables, { method: 'GET', path: '/', host: 'bookstore', headers: {} }, {});
      if (decision.action === 'forward' && decision.backend === 'default/bookstore-v1:14001') first++;
    }
    expect(first / 20000).toBeCloseTo(0.75, 1.9);
  });
});

function service(tables: CompiledTables, key: string) {
  const indexes = [tables.services, ...tables.services.buckets];
  return indexes.map(index => index.byName.get(key)).find(part => part !== undefined);
}
